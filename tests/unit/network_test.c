/* Descriptions of networks: what they become, and what is said about those that cannot work. */
#include "nn/network.h"

#include <math.h>
#include <stdio.h>

#include "base/fault.h"
#include "nn_support.h"

static const gan_shape vector = {.rank = 1, .size = {6}};
static const gan_shape image = {.rank = 3, .size = {2, 3, 4}};

static void commas_and_line_ends_separate_layers_and_empty_entries_are_skipped(void **state) {
  (void)state;
  static const char *const descriptions[] = {"dense 5,relu,dense 2", "dense 5\nrelu\ndense 2\n",
                                             "\n  dense\t5 ,, \n\r\n ,relu  ,\r\n dense   2 \r\n,"};
  for (size_t i = 0; i < sizeof descriptions / sizeof descriptions[0]; i++) {
    gan_network *network = rig_network(descriptions[i], vector, false);
    assert_int_equal(network->layer_count, 3);
    assert_string_equal(network->layers[0].type->name, "dense");
    assert_string_equal(network->layers[1].type->name, "relu");
    assert_string_equal(network->layers[2].type->name, "dense");
    assert_int_equal(network->output.rank, 1);
    assert_int_equal(network->output.size[0], 2);
    gan_network_destroy(network);
  }
}

static void tensors_follow_each_other_under_the_names_of_pytorch(void **state) {
  (void)state;
  static const struct {
    int layer;
    const char *name;
    int rank;
    int64_t size[3];
    gan_tensor_kind kind;
    size_t offset;
  } expected[] = {
      {0, "weight", 1, {2}, GAN_TENSOR_PARAMETER, 0},       {0, "bias", 1, {2}, GAN_TENSOR_PARAMETER, 2},
      {0, "running_mean", 1, {2}, GAN_TENSOR_STATISTIC, 0}, {0, "running_var", 1, {2}, GAN_TENSOR_STATISTIC, 2},
      {1, "weight", 3, {2, 3, 4}, GAN_TENSOR_PARAMETER, 4}, {1, "bias", 3, {2, 3, 4}, GAN_TENSOR_PARAMETER, 28},
      {2, "weight", 2, {3, 24}, GAN_TENSOR_PARAMETER, 52},  {3, "weight", 2, {5, 3}, GAN_TENSOR_PARAMETER, 124},
      {3, "bias", 1, {5}, GAN_TENSOR_PARAMETER, 139},       {4, "weight", 1, {5}, GAN_TENSOR_PARAMETER, 144},
      {4, "bias", 1, {5}, GAN_TENSOR_PARAMETER, 149},       {4, "running_mean", 1, {5}, GAN_TENSOR_STATISTIC, 4},
      {4, "running_var", 1, {5}, GAN_TENSOR_STATISTIC, 9},
  };
  gan_network *network =
      rig_network("batch_norm, layer_norm, dense 3 no_bias, dense 5, batch_norm, tanh", image, false);
  size_t seen = 0;
  for (int i = 0; i < network->layer_count; i++) {
    assert_int_equal(network->layers[i].index, i);
    for (int j = 0; j < network->layers[i].tensor_count; j++, seen++) {
      const gan_tensor_info *tensor = &network->layers[i].tensors[j];
      assert_int_equal(i, expected[seen].layer);
      assert_string_equal(tensor->name, expected[seen].name);
      assert_int_equal(tensor->shape.rank, expected[seen].rank);
      for (int k = 0; k < tensor->shape.rank; k++) assert_int_equal(tensor->shape.size[k], expected[seen].size[k]);
      assert_int_equal(tensor->count, gan_shape_count(&tensor->shape));
      assert_int_equal(tensor->kind, expected[seen].kind);
      assert_int_equal(tensor->offset, expected[seen].offset);
    }
  }
  assert_int_equal(seen, sizeof expected / sizeof expected[0]);
  assert_int_equal(network->parameter_count, 154);
  assert_int_equal(network->buffer_count, 14);
  assert_true(network->couples_samples);
  gan_network_destroy(network);
}

static void only_batch_norm_and_minibatch_stddev_couple_samples(void **state) {
  (void)state;
  gan_network *network = rig_network("dense 4, layer_norm, gelu, dropout 0.1, group_norm 2, dense 1", vector, false);
  assert_false(network->couples_samples);
  gan_network_destroy(network);
  network = rig_network("dense 4, minibatch_stddev, dense 1", vector, false);
  assert_true(network->couples_samples);
  gan_network_destroy(network);
}

static void arguments_of_activations_have_the_tables_defaults(void **state) {
  (void)state;
  gan_network *network = rig_network("leaky_relu, leaky_relu 0.5, elu, elu -2e-1", vector, false);
  const double expected[] = {0.2, 0.5, 1.0, -0.2};
  for (int i = 0; i < 4; i++) assert_true(network->layers[i].arguments[0] == expected[i]);
  gan_network_destroy(network);
}

static void a_shape_goes_through_every_layer(void **state) {
  (void)state;
  gan_network *network = rig_network("relu, flatten, reshape 4 3 2, batch_norm, reshape 24, dense 7", image, false);
  static const gan_shape expected[] = {
      {.rank = 3, .size = {2, 3, 4}}, {.rank = 1, .size = {24}}, {.rank = 3, .size = {4, 3, 2}},
      {.rank = 3, .size = {4, 3, 2}}, {.rank = 1, .size = {24}}, {.rank = 1, .size = {7}},
  };
  for (int i = 0; i < network->layer_count; i++) {
    char seen[GAN_SHAPE_TEXT], wanted[GAN_SHAPE_TEXT];
    assert_string_equal(gan_shape_print(&network->layers[i].output, seen), gan_shape_print(&expected[i], wanted));
    assert_int_equal(network->layers[i].outputs, gan_shape_count(&expected[i]));
  }
  gan_network_destroy(network);
}

static void assert_refused(const char *description, gan_shape input, const char *const *words) {
  const gan_network_options options = rig_options(false);
  gan_network *network = NULL;
  if (gan_network_create(description, &input, &options, &network) != GAN_BAD_USAGE)
    fail_msg("\"%.60s\" was not refused", description);
  assert_null(network);
  for (int i = 0; i < 3 && words[i]; i++)
    if (!strstr(gan_error_message(), words[i]))
      fail_msg("\"%.60s\": \"%s\" does not say \"%s\"", description, gan_error_message(), words[i]);
}

static void a_bad_description_is_told_by_layer_number_and_reason(void **state) {
  (void)state;
  static const struct {
    const char *description;
    const char *words[3];
  } bad[] = {
      {"", {"at least one layer"}},
      {" , \n,\t", {"at least one layer"}},
      {"dense 3, dens 4", {"layer 2 (\"dens 4\")", "\"dens\"", "did you mean \"dense\"?"}},
      {"BatchNorm1d", {"layer 1", "did you mean \"batch_norm\"?"}},
      {"lekyrelu 0.2", {"layer 1", "did you mean \"leaky_relu\"?"}},
      {"convolve 3", {"layer 1 (\"convolve 3\")", "there are dense, conv", "softplus"}},
      {"dense", {"layer 1 (\"dense\")", "missing", "dense FEATURES [no_bias]"}},
      {"dense 3 no_bias 4", {"layer 1", "\"4\" is not known", "dense FEATURES [no_bias] [spectral_norm]"}},
      {"dense 3 no_bias no_bias", {"layer 1", "is there twice", "dense FEATURES [no_bias]"}},
      {"dense 3 no_bias spectral_norm no_bias", {"layer 1", "too much", "dense FEATURES [no_bias]"}},
      {"dense 3 nobias", {"layer 1", "no_bias", "\"nobias\""}},
      {"dense 0", {"layer 1", "FEATURES", "from 1 to 16777216"}},
      {"dense -3", {"layer 1", "from 1 to 16777216", "-3"}},
      {"dense 16777217", {"layer 1", "from 1 to 16777216"}},
      {"dense 99999999999999999999999", {"layer 1", "from 1 to 16777216"}},
      {"dense 3.5", {"layer 1", "whole number", "3.5"}},
      {"dense 0x10", {"layer 1", "whole number", "0x10"}},
      {"dense three", {"layer 1", "whole number", "three"}},
      {"relu 1", {"layer 1", "too much", "\"relu\""}},
      {"leaky_relu 0.1 0.2", {"layer 1", "too much", "leaky_relu [SLOPE]"}},
      {"leaky_relu nan", {"layer 1", "finite number"}},
      {"leaky_relu 1e99", {"layer 1", "finite number"}},
      {"leaky_relu 0.2x", {"layer 1", "finite number", "0.2x"}},
      {"batch_norm 3", {"layer 1", "too much"}},
      {"layer_norm 3", {"layer 1", "too much"}},
      {"flatten 3", {"layer 1", "too much"}},
      {"reshape", {"layer 1", "missing", "reshape SIZE"}},
      {"reshape 1 1 1 2 3", {"layer 1", "too much"}},
      {"reshape 7", {"layer 1", "(6) has 6", "(7) would have 7"}},
      {"relu,\n\nreshape 3 -2", {"layer 2 (\"reshape 3 -2\")", "from 1 to"}},
      {"reshape 16777216 16777216 16777216 16777216", {"layer 1", "more than 16777216 elements"}},
      {"dense 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20", {"layer 1", "too much"}},
      {"conv 3 kernel 3", {"layer 1", "(6) is no image", "reshape"}},
      {"upsample 2", {"layer 1", "(6) is no image"}},
      {"Linear 3", {"there is no layer \"Linear\"; here it is \"dense\""}},
      {"ConvTranspose2d 3", {"did you mean \"conv_transpose\""}},
      {"BatchNorm2d", {"did you mean \"batch_norm\""}},
      {"AvgPool2d", {"here it is \"average_pool\""}},
      {"LeakyReLU", {"did you mean \"leaky_relu\"?"}},
      {"instance_norm", {"layer 1", "(6) is no image"}},
      {"group_norm 4", {"layer 1", "6 channels cannot be cut into 4 groups"}},
      {"group_norm 6", {"layer 1", "single values"}},
      {"dropout", {"layer 1", "missing", "dropout PROBABILITY"}},
      {"dropout 1", {"layer 1", "at least 0 and below 1"}},
      {"dropout -0.1", {"layer 1", "at least 0 and below 1"}},
      {"minibatch_stddev 1", {"layer 1", "at least 2"}},
      {"residual, dense 5, end", {"layer 3 (\"end\")", "(5)", "shortcut gives (6)"}},
      {"residual, dense 5", {"layer 1 (\"residual\")", "no \"end\""}},
      {"residual, relu, end, relu, end", {"layer 5", "no block before it", "\"residual\" or \"concatenate\""}},
      {"shortcut", {"layer 1", "no \"residual\" before it"}},
      {"residual, shortcut, relu, shortcut, end", {"layer 4", "has a shortcut already"}},
      {"residual, residual, residual, residual, residual, residual, residual, residual, residual",
       {"layer 9", "more than 8 blocks"}},
      {"residual, concatenate, residual, concatenate, residual, concatenate, residual, concatenate, residual",
       {"layer 9", "more than 8 blocks"}},
      {"with", {"layer 1", "no \"concatenate\" before it"}},
      {"residual, with, end", {"layer 2", "begins with \"residual\"", "one of \"concatenate\""}},
      {"concatenate, shortcut, end", {"layer 2", "begins with \"concatenate\"", "one of \"residual\""}},
      {"concatenate, relu, end", {"layer 3 (\"end\")", "has one branch"}},
      {"concatenate, relu, with, relu", {"layer 1 (\"concatenate\")", "no \"end\""}},
      {"rescale", {"layer 1", "something is missing"}},
      {"rescale 2 shift", {"layer 1", "shift", "one number"}},
      {"rescale 1 2", {"layer 1", "scale", "not 2"}},
      {"rescale 1 shift 1 2 3 4 5", {"layer 1", "more than 4 numbers"}},
      {"rescale much", {"layer 1", "\"much\""}},
      {"scale 1 2", {"layer 1", "too much", "scale [INITIAL]"}},
      {"scale inf", {"layer 1", "INITIAL has to be a finite number"}},
      {"normalise 2", {"layer 1", "too much"}},
      {"PixelNorm", {"here it is \"normalise\""}},
      {"PixelShuffle 2", {"did you mean \"pixel_shuffle\"?"}},
      {"ReflectionPad2d 1", {"here it is \"pad\""}},
      {"pad reflect 1", {"layer 1", "(6) is no image"}},
      {"dense 16777216, dense 16777216", {"layer 2", "weight", "parameters"}},
  };
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) assert_refused(bad[i].description, vector, bad[i].words);
}

static void a_window_that_does_not_fit_is_told_with_its_sizes(void **state) {
  (void)state;
  static const struct {
    const char *description;
    const char *words[3];
  } bad[] = {
      {"conv 3", {"missing", "conv CHANNELS kernel K"}},
      {"conv 3 stride 2", {"the kernel is missing"}},
      {"conv 3 kernel no_bias", {"after \"kernel\"", "one number, or two (height, width), not 0"}},
      {"conv 3 kernel 3 3 3", {"after \"kernel\"", "not 3"}},
      {"conv 3 kernel 0", {"kernel has to be from 1"}},
      {"conv 3 kernel 2 stride 0", {"stride has to be from 1"}},
      {"conv 3 kernel 2 padding -1", {"padding has to be from 0 to"}},
      {"conv 3 kernel 2 stride 1 kernel 3", {"\"kernel\" is there twice"}},
      {"conv 3 kernel 2 no_bias no_bias", {"\"no_bias\" is there twice"}},
      {"conv 3 kernel 2 bias", {"\"bias\" is not known here", "no_bias"}},
      {"conv 3 kernel 2 output_padding 1", {"\"output_padding\" is not known here"}},
      {"conv 3 kernel 4", {"kernel of 4 does not fit", "height 3", "padding 0"}},
      {"conv 3 kernel 2 9 padding 0 2", {"kernel of 9 does not fit", "width 4", "padding 2"}},
      {"conv 3 kernel 3 2 dilation 2 1", {"kernel of 3 with dilation 2 reaches over 5", "height 3", "padding 0"}},
      {"conv 3 kernel 2 dilation 0", {"dilation has to be from 1"}},
      {"conv 3 kernel 2 dilation 1 2 3", {"after \"dilation\"", "not 3"}},
      {"conv 3 kernel 2 dilation 16777216 padding 16777216", {"more than 16777216 elements"}},
      {"conv 9 kernel 2 groups 3", {"groups 3 does not divide its input channels, of which there are 2"}},
      {"conv 3 kernel 2 groups 2", {"groups 2 does not divide its output channels, of which there are 3"}},
      {"conv_transpose 3 kernel 2 groups 2", {"groups 2 does not divide its output channels"}},
      {"conv 4 kernel 2 groups 0", {"groups has to be from 1"}},
      {"conv 4 kernel 2 groups 1 2", {"after \"groups\" there has to be one number, not 2"}},
      {"conv_transpose 2 kernel 2 dilation 16777216", {"more than 16777216 elements"}},
      {"attention", {"without \"key\"", "each 8 of its input, which has 2", "key CHANNELS"}},
      {"conv 8 kernel 1, attention pool 4", {"pooled over 4 places", "has 3 along one", "pool 1"}},
      {"attention key 0", {"key has to be from 1"}},
      {"attention key 1 value 16777216", {"layer 1", "more than 16777216"}},
      {"attention key 1, conv 3", {"layer 2", "missing"}},
      {"attention key 1 heads 2", {"\"heads\" is not known here"}},
      {"upsample 64, attention key 1 pool 1", {"layer 2", "49152 places that look at 49152 others", "pool"}},
      {"conv 3 kernel 1 padding 16777216", {"more than 16777216 elements"}},
      {"conv_transpose 3 kernel 2 stride 2 output_padding 2", {"less than the stride, which is 2"}},
      {"conv_transpose 3 kernel 2 padding 4", {"nothing is left"}},
      {"conv_transpose 3 kernel 2 stride 16777216", {"more than 16777216 elements"}},
      {"conv_transpose 3 kernel 16777216 padding 8388608", {"kernel, over all axes", "at most 16777216"}},
      {"conv 3 kernel 2 stride 16777216", {"stride, over all axes"}},
      {"conv_transpose 3 kernel 8 stride 4097 4097 padding 0 output_padding 4096", {"stride, over all axes"}},
      {"average_pool 16777216 padding 8388608", {"kernel, over all axes"}},
      {"max_pool 16777216 padding 8388608 stride 1", {"kernel, over all axes"}},
      {"max_pool 1 stride 4096 4097", {"stride, over all axes"}},
      {"upsample 0", {"from 1"}},
      {"upsample 2 cubic", {"\"nearest\" or \"bilinear\"", "cubic"}},
      {"upsample 16777216", {"more than 16777216 elements"}},
      {"resize 0", {"from 1"}},
      {"resize 3 3 3", {"after \"resize\"", "not 3"}},
      {"resize from_corner", {"after \"resize\"", "one number"}},
      {"resize 3 nearest", {"\"nearest\" is not known here"}},
      {"resize 4096 4097", {"more than 16777216 elements"}},
      {"max_pool 2 exclude_padding", {"\"exclude_padding\" is not known here"}},
      {"average_pool 2 exclude_padding exclude_padding", {"is there twice"}},
      {"concatenate, conv 5 kernel 2, with, end", {"branch 2 gives (2, 3, 4)", "the first one (5, 2, 3)"}},
      {"concatenate, with, with, flatten, end", {"branch 3 gives (24)", "the first one (2, 3, 4)"}},
      {"concatenate, conv 600000 kernel 1, with, conv 800000 kernel 1, end",
       {"layer 5", "more than 16777216 elements"}},
      {"max_pool 4", {"kernel of 4 does not fit", "height 3"}},
      {"average_pool 3 padding 2", {"padding of 2 is more than half of the kernel of 3"}},
      {"global_average_pool 2", {"too much"}},
      {"instance_norm fine", {"\"affine\""}},
      {"pad 1", {"something is missing", "pad zeros|reflect|replicate|circular SIZE"}},
      {"pad mirror 1", {"no border \"mirror\"", "zeros, reflect, replicate, circular"}},
      {"pad reflect 1 2 3", {"too much"}},
      {"pad reflect one", {"after \"reflect\"", "one number"}},
      {"pad reflect 1 one", {"\"one\" is not known here"}},
      {"pad reflect -1", {"reflect has to be from 0"}},
      {"pad reflect 3 2", {"of a height of 3", "at most 2 at each end, not 3"}},
      {"pad reflect 2 4", {"of a width of 4", "at most 3 at each end, not 4"}},
      {"pad circular 4", {"of a height of 3", "at most 3 at each end, not 4"}},
      {"pad zeros 16777216", {"more than 16777216 elements"}},
      {"blur 2", {"no border \"2\""}},
      {"blur stride 0", {"stride has to be from 1"}},
      {"blur stride 2 stride 2", {"\"stride\" is too much"}},
      {"blur reflect zeros", {"\"zeros\" is too much", "blur [stride S]"}},
      {"blur stride 16777216", {"stride, over all axes"}},
      {"conv 1 kernel 3 1, blur reflect", {"layer 2", "of a height of 1", "at most 0 at each end, not 1"}},
      {"pixel_shuffle", {"something is missing"}},
      {"pixel_shuffle 2", {"made of 4 channels", "its input has 2"}},
      {"pixel_shuffle 2 1 1", {"too much"}},
      {"pixel_shuffle 2 two", {"\"two\" is not known here"}},
      {"pixel_shuffle 16777216", {"stride, over all axes"}},
      {"pixel_unshuffle 2", {"(2, 3, 4) cannot be cut into blocks of 2"}},
      {"pixel_unshuffle 0", {"from 1"}},
  };
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) assert_refused(bad[i].description, image, bad[i].words);
}

/* Modulo 2^64 these products are 0. */
static void sizes_whose_product_is_too_large_for_a_number_are_refused(void **state) {
  (void)state;
  static const gan_shape cube = {.rank = 4, .size = {1, 25, 25, 25}}, line = {.rank = 3, .size = {1, 1, 1 << 24}};
  static const gan_shape huge = {.rank = 4, .size = {1 << 16, 1 << 16, 1 << 16, 1 << 16}};
  static const char *const kernel[3] = {"layer 1", "kernel, over all axes"}, *const output[3] = {"16777216 elements"},
                           *const stride[3] = {"layer 1", "stride, over all axes"};
  assert_refused("average_pool 16777216 padding 8388608", cube, kernel);
  assert_refused("max_pool 16777216 padding 8388608", cube, kernel);
  assert_refused("conv 16 kernel 1 stride 16777216 16777216 65536", cube, stride);
  assert_refused("upsample 16777216 16777216", line, output);
  assert_refused("relu", huge, output);
}

static void tensors_of_a_block_are_named_as_those_of_nested_modules(void **state) {
  (void)state;
  gan_network *network = rig_network(
      "relu, residual, conv 2 kernel 1, residual, conv 2 kernel 1, end, conv 4 kernel 1, shortcut, tanh, "
      "conv 4 kernel 1, end, residual, end, conv_transpose 1 kernel 2 3",
      image, false);
  static const struct {
    int layer;
    const char *path;
  } expected[] = {{0, "0"},
                  {1, "1"},
                  {2, "1.main.0"},
                  {3, "1.main.1"},
                  {4, "1.main.1.main.0"},
                  {6, "1.main.2"},
                  {8, "1.shortcut.0"},
                  {9, "1.shortcut.1"},
                  {11, "2"},
                  {13, "3"}};
  for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++)
    assert_string_equal(network->layers[expected[i].layer].path, expected[i].path);
  const gan_tensor_info *weight = &network->layers[13].tensors[0];
  char text[GAN_SHAPE_TEXT];
  assert_string_equal(gan_shape_print(&weight->shape, text), "(4, 1, 2, 3)");
  assert_string_equal(gan_shape_print(&network->output, text), "(1, 4, 6)");
  gan_network_destroy(network);
}

static void tensors_of_branches_are_named_as_those_of_a_list_of_modules(void **state) {
  (void)state;
  gan_network *network = rig_network(
      "relu, concatenate, conv 2 kernel 1, relu, with, with, tanh, concatenate, conv 1 kernel 1, with, residual, tanh, "
      "conv 2 kernel 1, end, end, conv 4 kernel 1, end, conv 1 kernel 1",
      image, false);
  static const struct {
    int layer;
    const char *path;
  } expected[] = {{1, "1"},
                  {2, "1.branches.0.0"},
                  {3, "1.branches.0.1"},
                  {6, "1.branches.2.0"},
                  {7, "1.branches.2.1"},
                  {8, "1.branches.2.1.branches.0.0"},
                  {10, "1.branches.2.1.branches.1.0"},
                  {12, "1.branches.2.1.branches.1.0.main.1"},
                  {15, "1.branches.2.2"},
                  {17, "2"}};
  for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++)
    assert_string_equal(network->layers[expected[i].layer].path, expected[i].path);
  char text[GAN_SHAPE_TEXT];
  assert_string_equal(gan_shape_print(&network->layers[16].output, text), "(8, 3, 4)");
  gan_network_destroy(network);
}

/* As long as a path can be, but for a few digits: whole, and nothing cut off. */
static void names_of_tensors_eight_blocks_deep_are_whole(void **state) {
  (void)state;
  char description[8192] = "", expected[200] = "100.";
  for (int i = 0; i < 100; i++) strcat(description, "relu, ");
  for (int depth = 0; depth < GAN_BLOCK_DEPTH; depth++) {
    const int lines = depth < 4 ? 100 : 9;
    strcat(description, "concatenate, ");
    for (int i = 0; i < lines; i++) strcat(description, "with, ");
    for (int i = 0; i < lines; i++) strcat(description, "relu, ");
    snprintf(expected + strlen(expected), 20, "branches.%d.%d%s", lines, lines, depth + 1 < GAN_BLOCK_DEPTH ? "." : "");
  }
  strcat(description, "dense 2");
  for (int depth = 0; depth < GAN_BLOCK_DEPTH; depth++) strcat(description, ", end");
  gan_network *network = rig_network(description, (gan_shape){.rank = 1, .size = {1}}, false);
  assert_string_equal(network->layers[network->layer_count - 1 - GAN_BLOCK_DEPTH].path, expected);
  gan_network_destroy(network);
}

static void operations_of_convolutions_are_two_for_each_product_of_a_window(void **state) {
  (void)state;
  /* (2, 3, 4) -> (5, 2, 3): 5 * 2 * 3 outputs of 2 * 2 * 2 products; back: 2 * 3 inputs of 5 * 7 * 2 * 2 products. */
  gan_network *network = rig_network("conv 5 kernel 2, conv_transpose 7 kernel 2 stride 2", image, false);
  assert_true(gan_network_flops(network) == 2.0 * (5 * 2 * 3) * (2 * 2 * 2) + 2.0 * (2 * 3) * (5 * 7 * 2 * 2));
  gan_network_destroy(network);
}

/* As PyTorch's Conv2d(2, 4, 3, dilation=(1, 2), padding=(1, 2), groups=2) and ConvTranspose2d(4, 6, 2, groups=2). */
static void weights_of_grouped_convolutions_have_the_channels_of_a_group(void **state) {
  (void)state;
  gan_network *network = rig_network(
      "conv 4 kernel 3 dilation 1 2 padding 1 2 groups 2, conv_transpose 6 kernel 2 groups 2", image, false);
  const gan_shape conv = {.rank = 4, .size = {4, 1, 3, 3}}, transposed = {.rank = 4, .size = {4, 3, 2, 2}};
  assert_memory_equal(&network->layers[0].tensors[0].shape, &conv, sizeof conv);
  assert_memory_equal(&network->layers[1].tensors[0].shape, &transposed, sizeof transposed);
  /* (2, 3, 4) -> (4, 3, 4): 4 * 3 * 4 outputs of 9 products; back: 3 * 4 inputs of 4 * 3 * 2 * 2 products. */
  assert_true(gan_network_flops(network) == 2.0 * (4 * 3 * 4) * 9 + 2.0 * (3 * 4) * (4 * 3 * 2 * 2));
  gan_network_destroy(network);
}

/* As in BigGAN's PyTorch code. One line, which layers behind it are counted from. */
static void attention_is_one_line_with_the_tensors_of_biggan(void **state) {
  (void)state;
  static const char *const names[] = {"1.gamma",    "1.theta.weight", "1.phi.weight",
                                      "1.g.weight", "1.o.weight",     "2.weight"};
  gan_network *network = rig_network("conv 16 kernel 1 no_bias, attention, conv 1 kernel 1 no_bias", image, false);
  int found = 0;
  for (int i = 1; i < network->layer_count; i++)
    for (int j = 0; j < network->layers[i].tensor_count; j++) {
      char name[GAN_LAYER_PATH + GAN_TENSOR_NAME];
      snprintf(name, sizeof name, "%s.%s", network->layers[i].path, network->layers[i].tensors[j].name);
      assert_string_equal(name, names[found++]);
    }
  assert_int_equal(found, 6);
  assert_int_equal(network->line_count, 3);
  assert_int_equal(network->layers[network->layer_count - 1].line, 2);
  assert_int_equal(gan_network_layer_of_line(network, 2), network->layer_count - 1);
  /* 3 * 4 places and 1 * 2 keys: 16 -> 2, 2 and 8 channels at each place, 2 + 8 products a pair, and 8 -> 16. */
  assert_true(gan_network_flops(network) ==
              2.0 * 12 * (2 * 16 + 16 * 2 + 16 * 2 + 16 * 8 + 8 * 16 + 16) + 2.0 * 12 * 2 * (2 + 8));
  gan_network_destroy(network);
}

static void the_parameter_count_ends_below_two_to_the_31(void **state) {
  (void)state;
  /* (inputs + 1) * 2^24 parameters: 127 * 2^24 is allowed, 128 * 2^24 = 2^31 is not. */
  gan_network *network = rig_network("dense 16777216", (gan_shape){.rank = 1, .size = {126}}, false);
  assert_int_equal(network->parameter_count, (int64_t)127 << 24);
  gan_network_destroy(network);
  assert_refused("dense 16777216", (gan_shape){.rank = 1, .size = {127}}, (const char *const[3]){"layer 1", "bias"});
}

static void a_network_has_at_most_a_thousand_layers(void **state) {
  (void)state;
  char description[6 * 1001 + 1] = "";
  for (int i = 0; i < 1000; i++) memcpy(description + (ptrdiff_t)6 * i, "relu,\n", 6);
  gan_network *network = rig_network(description, vector, false);
  assert_int_equal(network->layer_count, 1000);
  gan_network_destroy(network);
  memcpy(description + (ptrdiff_t)6 * 1000, "relu,", 6);
  assert_refused(description, vector, (const char *const[3]){"layer 1001", "at most 1000"});
}

static void an_input_of_impossible_shape_is_refused(void **state) {
  (void)state;
  static const gan_shape impossible[] = {
      {.rank = 0},
      {.rank = 5, .size = {1, 1, 1, 1, 1}},
      {.rank = 1, .size = {0}},
      {.rank = 2, .size = {3, -1}},
      {.rank = 2, .size = {4097, 4096}},
      {.rank = 4, .size = {INT64_C(1) << 32, INT64_C(1) << 32, 1, 1}},
  };
  for (size_t i = 0; i < sizeof impossible / sizeof impossible[0]; i++)
    assert_refused("relu", impossible[i], (const char *const[3]){"shape"});
}

static void every_activation_of_the_kernels_is_a_layer_with_the_same_words(void **state) {
  (void)state;
  for (int i = 0; i < gan_activation_count; i++) {
    const gan_layer_type *type = gan_layer_type_find(gan_activations[i].name);
    if (!type) fail_msg("%s is not a layer", gan_activations[i].name);
    assert_string_equal(type->usage, gan_activations[i].usage);
    assert_string_equal(type->help, gan_activations[i].help);
    gan_network *network = rig_network(gan_activations[i].name, vector, false);
    assert_ptr_equal(network->layers[0].variant, &gan_activations[i]);
    gan_network_destroy(network);
  }
}

static void every_kind_of_layer_says_how_it_is_written(void **state) {
  (void)state;
  for (int i = 0; i < gan_layer_type_count; i++) {
    const gan_layer_type *type = gan_layer_types[i];
    assert_ptr_equal(gan_layer_type_find(type->name), type);
    assert_int_equal(strncmp(type->usage, type->name, strlen(type->name)), 0);
    assert_true(strlen(type->help) > 0);
  }
  assert_null(gan_layer_type_find("dens"));
}

static gan_status check(const char *description, gan_shape input, bool sync, int64_t shard_samples, int64_t batch) {
  gan_network *network = rig_network(description, input, sync);
  const gan_status status = gan_network_check_batch(network, shard_samples, batch);
  gan_network_destroy(network);
  return status;
}

static void batch_norm_wants_two_values_of_each_feature(void **state) {
  (void)state;
  assert_int_equal(check("dense 4, batch_norm", vector, false, 1, 8), GAN_BAD_USAGE);
  assert_non_null(strstr(gan_error_message(), "layer 2 (\"batch_norm\")"));
  assert_non_null(strstr(gan_error_message(), "--batch_norm.sync=yes"));
  assert_int_equal(check("dense 4, batch_norm", vector, true, 1, 1), GAN_BAD_USAGE);
  assert_null(strstr(gan_error_message(), "--batch_norm.sync=yes"));
  assert_int_equal(check("dense 4, batch_norm", vector, false, 2, 8), GAN_OK);
  assert_int_equal(check("dense 4, batch_norm", vector, true, 1, 2), GAN_OK);
  assert_int_equal(check("batch_norm", image, false, 1, 1), GAN_OK);
  assert_int_equal(check("dense 4, layer_norm", vector, false, 1, 1), GAN_OK);
}

/* An error's remedies, which are in quotes behind `after`, one after the other. NULL: there is none any more. */
static const char *next_remedy(const char **after, char *remedy) {
  const char *from = *after ? strchr(*after, '"') : NULL, *to = from ? strchr(from + 1, '"') : NULL;
  if (!to) return NULL;
  snprintf(remedy, 200, "%.*s", (int)(to - from - 1), from + 1);
  *after = to + 1;
  return remedy;
}

/* Each "@" is where the error is met; what it says is put there, and the network can be made. */
static void remedies_that_errors_name_are_remedies(void **state) {
  (void)state;
  static const struct {
    const char *description, *before; /* the remedies stand behind this */
    gan_shape input;
    int remedies;
  } cases[] = {
      {"@ conv_transpose 32 kernel 4 stride 2 padding 1", "e.g. ", {.rank = 1, .size = {64}}, 1},
      {"@ conv 32 kernel 4 stride 2 padding 1", "e.g. ", {.rank = 1, .size = {784}}, 2},
      {"@ conv 32 kernel 4 stride 2 padding 1", "e.g. ", {.rank = 1, .size = {3072}}, 2},
      {"@ upsample 2", "e.g. ", {.rank = 1, .size = {2}}, 1},
      {"@ max_pool 2", "e.g. ", {.rank = 1, .size = {100}}, 1},
      {"@ reshape 64 4 4", "would have", {.rank = 1, .size = {64}}, 1},
      {"@ reshape 1 32 32", "would have", {.rank = 3, .size = {1, 28, 28}}, 1},
      {"residual, dense 24, relu, @ end", "e.g. ", {.rank = 1, .size = {16}}, 1},
      {"residual, dense 24, relu, shortcut, dense 20, @ end", "e.g. ", {.rank = 1, .size = {16}}, 1},
      {"residual, conv 8 kernel 3 padding 1, @ end", "e.g. ", {.rank = 3, .size = {3, 8, 8}}, 1},
      {"residual, conv 8 kernel 4 stride 2 padding 1, @ end", "e.g. ", {.rank = 3, .size = {3, 8, 8}}, 1},
      {"residual, conv 8 kernel 3 stride 2 padding 1, @ end", "e.g. ", {.rank = 3, .size = {3, 7, 9}}, 1},
      {"residual, upsample 2, conv 8 kernel 3 padding 1, @ end", "e.g. ", {.rank = 3, .size = {3, 4, 5}}, 1},
      {"residual, upsample 2, conv 8 kernel 3 padding 1, shortcut, upsample 2, @ end",
       "e.g. ",
       {.rank = 3, .size = {3, 4, 5}},
       1},
      {"residual, conv 8 kernel 3, @ end", "e.g. ", {.rank = 3, .size = {3, 8, 8}}, 1},
      {"residual, conv 4 kernel 3 padding 1 stride 1, flatten, @ end", "e.g. ", {.rank = 3, .size = {3, 4, 5}}, 1},
      {"residual, dense 20, reshape 5 2 2, @ end", "e.g. ", {.rank = 1, .size = {6}}, 1},
      {"residual, conv 4 kernel 2 stride 2, @ end", "e.g. ", {.rank = 4, .size = {2, 4, 4, 4}}, 1},
  };
  const gan_network_options options = rig_options(false);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const char *at = strchr(cases[i].description, '@');
    char made[400], remedy[200], message[1024];
    gan_network *network = NULL;
    snprintf(made, sizeof made, "%.*s%s", (int)(at - cases[i].description), cases[i].description, at + 1);
    assert_int_equal(gan_network_create(made, &cases[i].input, &options, &network), GAN_BAD_USAGE);
    snprintf(message, sizeof message, "%s", gan_error_message());
    const char *rest = strstr(message, cases[i].before);
    for (int j = 0; j < cases[i].remedies; j++) {
      if (!next_remedy(&rest, remedy)) fail_msg("%s: too few remedies: %s", made, message);
      snprintf(made, sizeof made, "%.*s%s, %s", (int)(at - cases[i].description), cases[i].description, remedy, at + 1);
      if (gan_network_create(made, &cases[i].input, &options, &network) != GAN_OK)
        fail_msg("%s: %s", made, gan_error_message());
      gan_network_destroy(network);
    }
    if (next_remedy(&rest, remedy)) fail_msg("one remedy more: %s", remedy);
  }
}

static void a_standard_deviation_wants_two_samples_in_a_shard(void **state) {
  (void)state;
  assert_int_equal(check("minibatch_stddev", image, true, 1, 8), GAN_BAD_USAGE);
  assert_non_null(strstr(gan_error_message(), "raise --batch or lower --shards"));
  assert_int_equal(check("minibatch_stddev", image, true, 2, 8), GAN_OK);
}

static void operations_are_two_for_each_weight_of_dense_layers(void **state) {
  (void)state;
  gan_network *network = rig_network("dense 5, relu, dense 3 no_bias, layer_norm", image, false);
  assert_true(gan_network_flops(network) == 2 * (24 * 5 + 5 * 3));
  gan_network_destroy(network);
}

static void a_failed_allocation_is_told_and_leaks_nothing(void **state) {
  (void)state;
  const gan_network_options options = rig_options(false);
  int64_t nth = 1;
  for (bool struck = true; struck; nth++) {
    gan_network *network = NULL;
    gan_fault_arm(GAN_FAULT_ALLOCATION, nth);
    const gan_status status = gan_network_create("dense 4, batch_norm, dense 1", &vector, &options, &network);
    struck = gan_fault_has_struck(GAN_FAULT_ALLOCATION);
    gan_fault_arm(GAN_FAULT_ALLOCATION, 0);
    assert_int_equal(status, struck ? GAN_FAILED : GAN_OK);
    assert_true((network == NULL) == struck);
    if (struck) assert_non_null(strstr(gan_error_message(), "out of memory"));
    gan_network_destroy(network);
  }
  assert_true(nth > 3);
}

static void assert_split(const char *description, int64_t count, const char *first, const char *rest) {
  char *parts[2];
  assert_int_equal(gan_layers_split(description, count, &parts[0], &parts[1]), GAN_OK);
  assert_string_equal(parts[0], first);
  assert_string_equal(parts[1], rest);
  free(parts[0]);
  free(parts[1]);
}

static void a_description_is_cut_behind_any_layer(void **state) {
  (void)state;
  assert_split("dense 4, relu\n\n , dense 2", 2, "dense 4, relu\n", "\n , dense 2");
  assert_split("dense 4, relu\n\n , dense 2", 1, "dense 4,", " relu\n\n , dense 2");
  assert_split(" \n,dense 4, relu", 1, " \n,dense 4,", " relu");
  assert_split("dense 4, relu", 0, "", "dense 4, relu");
  assert_split("dense 4, relu", 2, "dense 4, relu", "");
  assert_split("dense 4, relu", INT64_MAX, "dense 4, relu", "");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(commas_and_line_ends_separate_layers_and_empty_entries_are_skipped),
      cmocka_unit_test(tensors_follow_each_other_under_the_names_of_pytorch),
      cmocka_unit_test(only_batch_norm_and_minibatch_stddev_couple_samples),
      cmocka_unit_test(arguments_of_activations_have_the_tables_defaults),
      cmocka_unit_test(a_shape_goes_through_every_layer),
      cmocka_unit_test(a_bad_description_is_told_by_layer_number_and_reason),
      cmocka_unit_test(a_window_that_does_not_fit_is_told_with_its_sizes),
      cmocka_unit_test(sizes_whose_product_is_too_large_for_a_number_are_refused),
      cmocka_unit_test(tensors_of_a_block_are_named_as_those_of_nested_modules),
      cmocka_unit_test(tensors_of_branches_are_named_as_those_of_a_list_of_modules),
      cmocka_unit_test(names_of_tensors_eight_blocks_deep_are_whole),
      cmocka_unit_test(operations_of_convolutions_are_two_for_each_product_of_a_window),
      cmocka_unit_test(weights_of_grouped_convolutions_have_the_channels_of_a_group),
      cmocka_unit_test(attention_is_one_line_with_the_tensors_of_biggan),
      cmocka_unit_test(the_parameter_count_ends_below_two_to_the_31),
      cmocka_unit_test(a_network_has_at_most_a_thousand_layers),
      cmocka_unit_test(an_input_of_impossible_shape_is_refused),
      cmocka_unit_test(every_activation_of_the_kernels_is_a_layer_with_the_same_words),
      cmocka_unit_test(every_kind_of_layer_says_how_it_is_written),
      cmocka_unit_test(batch_norm_wants_two_values_of_each_feature),
      cmocka_unit_test(remedies_that_errors_name_are_remedies),
      cmocka_unit_test(a_standard_deviation_wants_two_samples_in_a_shard),
      cmocka_unit_test(operations_are_two_for_each_weight_of_dense_layers),
      cmocka_unit_test(a_failed_allocation_is_told_and_leaks_nothing),
      cmocka_unit_test(a_description_is_cut_behind_any_layer),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
