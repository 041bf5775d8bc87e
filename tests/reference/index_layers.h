/* Written by tests/reference/layers.py with PyTorch 1.13.0a0; see there. */
/* clang-format off */
#include "reference_case.h"

static const float index_parameters_0[] = {
    -0.529999971f, 0.75f, -0.119999997f, 0.230000004f, -0.649999976f, 0.649999976f, 0.25999999f, -0.529999971f,
    -0.569999993f, -0.159999996f, 0.850000024f, 0.25f, 0.689999998f, 0.889999986f, 0.810000002f,
};
static const float index_input_0[] = {
    0.0f, 2.0f, 1.0f, 2.0f, 1.0f, 3.0f, 1.0f, 2.0f, 1.0f, 1.0f, 4.0f, 4.0f,
};
static const float index_output_gradient_0[] = {
    0.0199999996f, 0.730000019f, -0.319999993f, -0.170000002f, -3.55999994f, 1.36000001f, -0.340000004f, 1.02999997f,
    -1.44000006f, 0.0399999991f, -0.670000017f, 0.0299999993f, -0.419999987f, -0.980000019f, 0.25f, -0.0799999982f,
    -1.64999998f, 2.22000003f, 0.629999995f, 0.379999995f, 0.319999993f, -0.170000002f, 1.00999999f, 0.319999993f,
    -1.23000002f, -0.330000013f, -0.620000005f, -0.810000002f, 0.239999995f, 1.35000002f, 1.30999994f, -0.100000001f,
    0.430000007f, 0.219999999f, -0.980000019f, 0.560000002f,
};
static const double index_output_0[] = {
    -0.53, 0.75, -0.12, 0.26, -0.53, -0.57, 0.23, -0.65, 0.65, 0.26, -0.53, -0.57, 0.23, -0.65, 0.65, -0.16, 0.85,
    0.25, 0.23, -0.65, 0.65, 0.26, -0.53, -0.57, 0.23, -0.65, 0.65, 0.23, -0.65, 0.65, 0.69, 0.89, 0.81, 0.69, 0.89,
    0.81,
};
static const double index_input_gradient_0[] = {
    0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0,
};
static const double index_parameter_gradient_0[] = {
    0.02, 0.73, -0.32, -2.17, 0.34, -0.14, -0.3, -3.22, 1.71, -0.08, -1.65, 2.22, 1.53, -1.08, 0.99,
};
static const double index_statistics_0[] = {
    0.0,
};
#define index_inference_0 index_output_0 /* nothing in it depends on the batch */
static const float index_parameters_1[] = {
    0.0199999996f, -0.25999999f, -0.189999998f, 0.860000014f, -0.5f, -0.839999974f, 0.610000014f, 0.879999995f,
    -0.610000014f, -0.0799999982f, 0.0799999982f, 0.439999998f,
};
static const float index_input_1[] = {
    1.0f, 1.0f, 2.0f, 0.0f, 1.0f,
};
static const float index_output_gradient_1[] = {
    -1.27999997f, -1.40999997f, -0.319999993f, -0.980000019f, -0.0399999991f, -0.140000001f, -0.0799999982f,
    1.09000003f, -0.349999994f, 0.519999981f, -0.540000021f, 0.939999998f, -0.159999996f, -0.560000002f,
    0.0199999996f, 0.639999986f, -0.589999974f, -0.100000001f, 0.0399999991f, 0.460000008f,
};
static const double index_output_1[] = {
    -0.5, -0.84, 0.61, 0.88, -0.5, -0.84, 0.61, 0.88, -0.61, -0.08, 0.08, 0.44, 0.02, -0.26, -0.19, 0.86, -0.5, -0.84,
    0.61, 0.88,
};
static const double index_input_gradient_1[] = {
    0.0, 0.0, 0.0, 0.0, 0.0,
};
static const double index_parameter_gradient_1[] = {
    -0.16, -0.56, 0.02, 0.64, -1.91, -1.65, -0.36, 0.57, -0.35, 0.52, -0.54, 0.94,
};
static const double index_statistics_1[] = {
    0.0,
};
#define index_inference_1 index_output_1 /* nothing in it depends on the batch */
static const float index_parameters_2[] = {
    0.0399999991f, 0.289999992f,
};
static const float index_input_2[] = {
    0.0f, 0.0f,
};
static const float index_output_gradient_2[] = {
    0.839999974f, 0.379999995f, 0.140000001f, -0.529999971f,
};
static const double index_output_2[] = {
    0.04, 0.29, 0.04, 0.29,
};
static const double index_input_gradient_2[] = {
    0.0, 0.0,
};
static const double index_parameter_gradient_2[] = {
    0.98, -0.15,
};
static const double index_statistics_2[] = {
    0.0,
};
#define index_inference_2 index_output_2 /* nothing in it depends on the batch */
static const float index_parameters_3[] = {
    -0.0700000003f, 0.389999986f, 0.280000001f, -0.349999994f, -0.0199999996f, -0.0399999991f, 0.280000001f,
    -0.389999986f, 0.280000001f, -0.00999999978f, 0.550000012f, 0.189999998f, -0.660000026f, -0.649999976f,
};
static const float index_input_3[] = {
    4.0f, 5.0f, 5.0f, 0.0f, 4.0f, 4.0f, 1.0f, 1.0f, 6.0f, 1.0f, 6.0f, 3.0f, 3.0f, 1.0f, 5.0f, 4.0f, 4.0f, 3.0f, 1.0f,
    2.0f, 1.0f, 3.0f, 2.0f, 4.0f,
};
static const float index_output_gradient_3[] = {
    -1.09000003f, 1.32000005f, -2.16000009f, -0.25999999f, -0.600000024f, 1.5f, -1.23000002f, 0.819999993f,
    0.980000019f, 0.800000012f, 1.09000003f, 0.790000021f, 0.939999998f, -1.50999999f, 0.889999986f, -0.0500000007f,
    -0.0900000036f, 2.11999989f, 1.78999996f, -0.660000026f, 0.889999986f, -0.550000012f, 1.04999995f, -0.980000019f,
    -1.39999998f, 1.28999996f, 1.25999999f, 0.180000007f, -0.0700000003f, 0.589999974f, 0.560000002f, 1.19000006f,
    0.730000019f, 0.0799999982f, -0.460000008f, 0.289999992f, 0.75f, 1.95000005f, 1.33000004f, 0.370000005f,
    1.07000005f, 0.75999999f, 0.0500000007f, 0.949999988f, 0.409999996f, 1.0f, 0.460000008f, -0.0799999982f,
};
static const double index_output_3[] = {
    0.28, -0.01, 0.55, 0.19, 0.55, 0.19, -0.07, 0.39, 0.28, -0.01, 0.28, -0.01, 0.28, -0.35, 0.28, -0.35, -0.66,
    -0.65, 0.28, -0.35, -0.66, -0.65, 0.28, -0.39, 0.28, -0.39, 0.28, -0.35, 0.55, 0.19, 0.28, -0.01, 0.28, -0.01,
    0.28, -0.39, 0.28, -0.35, -0.02, -0.04, 0.28, -0.35, 0.28, -0.39, -0.02, -0.04, 0.28, -0.01,
};
static const double index_input_gradient_3[] = {
    0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0,
    0.0,
};
static const double index_parameter_gradient_3[] = {
    -1.23, 0.82, 6.7, 0.67, 1.74, 1.37, -0.76, 1.55, 2.73, 4.1, -2.83, 1.83, 0.8, 1.57,
};
static const double index_statistics_3[] = {
    0.0,
};
#define index_inference_3 index_output_3 /* nothing in it depends on the batch */
static const float index_parameters_4[] = {
    0.289999992f, 0.579999983f, 0.579999983f, -0.129999995f, 0.239999995f, -0.119999997f, 0.600000024f, 0.569999993f,
    -0.469999999f, -0.25999999f, 0.129999995f, 0.379999995f, 0.219999999f, 0.300000012f, 0.150000006f, 0.639999986f,
    -0.0500000007f, -0.200000003f,
};
static const float index_input_4[] = {
    2.0f, 3.0f, 1.0f, 3.0f, 0.0f, 0.0f, 2.0f, 2.0f, 1.0f, 1.0f, 0.0f, 1.0f,
};
static const float index_output_gradient_4[] = {
    0.140000001f, -0.550000012f, 0.0299999993f, 0.270000011f, -0.170000002f, -0.449999988f, 0.460000008f,
    -0.230000004f, 0.00999999978f, -1.70000005f, -0.779999971f, -0.610000014f, 0.0500000007f, -0.629999995f,
    -0.129999995f, 2.08999991f,
};
static const double index_output_4[] = {
    -0.1306, 0.1527, -0.3349, 0.0117, 0.3084, 0.4013, 0.3351, 0.3446, -0.0396, 0.2411, -0.0555, 0.0662, 0.1974,
    0.0893, 0.4415, -0.2616,
};
static const double index_input_gradient_4[] = {
    0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0,
};
static const double index_parameter_gradient_4[] = {
    0.238, -1.356, -0.0768, 1.4367, 0.2535, 1.8194, -0.0076, -0.3085, 0.3639, -0.4139, -0.4174, -1.4693, -0.0363,
    -0.3213, 0.9269, -1.0083, -3.19, 0.99,
};
static const double index_statistics_4[] = {
    0.0,
};
#define index_inference_4 index_output_4 /* nothing in it depends on the batch */
static const float index_parameters_5[] = {
    -0.109999999f, 0.159999996f, 1.73000002f, 0.460000008f, 0.270000011f, 0.140000001f, -0.519999981f, -0.699999988f,
    0.0900000036f, -0.25f, -0.319999993f, 0.100000001f, -0.360000014f, 0.870000005f, 0.239999995f, -0.389999986f,
    -0.289999992f, 1.26999998f, 0.189999998f, -0.0700000003f, 0.209999993f, 0.0799999982f, 1.21000004f,
    -0.0599999987f, -0.0700000003f, 1.14999998f, -0.200000003f, -0.389999986f, -0.189999998f, 0.280000001f,
    -0.349999994f, -0.340000004f, 0.00999999978f, -0.0500000007f, -0.649999976f, -0.699999988f, -0.699999988f,
    0.680000007f, 0.660000026f, -0.920000017f, -0.850000024f, -0.389999986f, -1.32000005f, 0.400000006f, -0.25f,
    -0.270000011f, 0.25999999f, -0.319999993f, 0.219999999f, 0.25999999f, -0.340000004f, 0.0f, 0.270000011f,
    -0.879999995f, 0.219999999f, 0.219999999f, 0.409999996f, 0.159999996f, -0.289999992f, 0.189999998f, -0.310000002f,
    0.0299999993f, 0.569999993f, 0.330000013f, 1.61000001f, 0.519999981f, -0.280000001f, 0.270000011f, -0.469999999f,
    0.75999999f, 0.0299999993f, -0.150000006f,
};
static const float index_input_5[] = {
    5.0f, 1.0f, 2.0f, 1.0f, 2.0f, 3.0f, 4.0f, 0.0f, 0.0f, 1.0f, 2.0f, 4.0f,
};
static const float index_output_gradient_5[] = {
    0.340000004f, -1.00999999f, -0.0599999987f, 2.3599999f, 0.0599999987f, 0.129999995f, 0.140000001f, -0.639999986f,
    -0.239999995f, -0.400000006f, -0.74000001f, 0.379999995f,
};
static const double index_output_5[] = {
    -0.321236, -1.66094, -0.361944, -1.88541, 0.112468, -0.490911, 0.108069, 0.542833, -0.201883, -1.1069, -0.0108684,
    -0.402099,
};
static const double index_input_gradient_5[] = {
    0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0,
};
static const double index_parameter_gradient_5[] = {
    -0.173589, -0.587792, -0.100166, -0.0468248, 0.864578, -0.115484, 0.26349, 0.0702391, -0.180406, -1.12555,
    0.976943, 0.978039, 0.608008, 1.58929, -3.17613, -0.0328697, 0.0649648, 0.049946, -0.0410463, -0.0840856,
    -0.298075, 0.294728, 0.042231, -0.188671, 0.616066, -0.585747, -0.22648, -0.202592, -0.193845, 0.940824, 0.182363,
    0.0366814, -0.47587, 3.06052, 1.7056, 0.444801, 0.125068, -0.162825, -0.247687, -0.196803, -0.174401, 0.0116268,
    0.0745062, 0.710877, 0.425845, 0.103931, -0.255803, 0.0157261, -0.116894, 0.311633, 0.0701605, 0.206914, 0.433877,
    -0.12709, 0.165277, 0.212427, -0.167228, -0.468417, 0.22001, -0.39497, 0.0173958, -0.72819, -0.719261, 0.0271124,
    -1.0281, -0.937191, 0.681757, -0.991516, 0.357058, 0.561829, -0.5, 0.82,
};
static const double index_statistics_5[] = {
    0.0,
};
#define index_inference_5 index_output_5 /* nothing in it depends on the batch */
#define INDEX_VALUES(i) \
  .parameters = index_parameters_##i, .input = index_input_##i, .output_gradient = index_output_gradient_##i, .output = index_output_##i, .input_gradient = index_input_gradient_##i, .parameter_gradient = index_parameter_gradient_##i, .statistics = index_statistics_##i, .inference = index_inference_##i
static const reference_case index_reference_cases[] = {
    {.name = "embedding",
     .layers = "embedding 5 3",
     .input_shape = {.rank = 1, .size = {4}},
     .output_shape = {.rank = 2, .size = {4, 3}}, .parts = 1,
     .samples = 3, .parameter_count = 15, .buffer_count = 0, INDEX_VALUES(0)},
    {.name = "embedding of one index",
     .layers = "embedding 3 4",
     .input_shape = {.rank = 1, .size = {1}},
     .output_shape = {.rank = 1, .size = {4}}, .parts = 1,
     .samples = 5, .parameter_count = 12, .buffer_count = 0, INDEX_VALUES(1)},
    {.name = "embedding of one row",
     .layers = "embedding 1 2",
     .input_shape = {.rank = 1, .size = {2}},
     .output_shape = {.rank = 2, .size = {2, 2}}, .parts = 1,
     .samples = 1, .parameter_count = 2, .buffer_count = 0, INDEX_VALUES(2)},
    {.name = "embedding, two parts",
     .layers = "embedding 7 2",
     .input_shape = {.rank = 1, .size = {3}},
     .output_shape = {.rank = 2, .size = {3, 2}}, .parts = 2,
     .samples = 4, .parameter_count = 14, .buffer_count = 0, INDEX_VALUES(3)},
    {.name = "embedding of images",
     .layers = "embedding 4 2, conv 2 kernel 1 2 1",
     .input_shape = {.rank = 3, .size = {2, 1, 3}},
     .output_shape = {.rank = 4, .size = {2, 1, 2, 2}}, .parts = 1,
     .samples = 2, .parameter_count = 18, .buffer_count = 0, INDEX_VALUES(4)},
    {.name = "embedding between layers",
     .layers = "embedding 6 5, flatten, layer_norm, tanh, dense 2",
     .input_shape = {.rank = 1, .size = {2}},
     .output_shape = {.rank = 1, .size = {2}}, .parts = 2,
     .samples = 3, .parameter_count = 72, .buffer_count = 0, INDEX_VALUES(5)},
};
