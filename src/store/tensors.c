#include "store/tensors.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "kernels/kernels.h"

/* PyTorch's layers with running statistics count their batches after the last of them. */
static bool is_counted(const gan_tensor_info *info) { return strcmp(info->name, "running_var") == 0; }

size_t gan_model_tensor_count(const gan_network *network) {
  size_t count = 0;
  for (int i = 0; i < network->layer_count; i++)
    for (int j = 0; j < network->layers[i].tensor_count; j++)
      count += is_counted(&network->layers[i].tensors[j]) ? 2 : 1;
  return count;
}

size_t gan_model_tensors(const char *folder, const gan_network *network, float *parameters, float *buffers,
                         int64_t batches, gan_tensor *tensors) {
  size_t count = 0;
  for (int i = 0; i < network->layer_count; i++)
    for (int j = 0; j < network->layers[i].tensor_count; j++) {
      const gan_tensor_info *info = &network->layers[i].tensors[j];
      float *vector = info->kind == GAN_TENSOR_PARAMETER ? parameters : buffers;
      if (!vector) continue;
      gan_tensor *tensor = &tensors[count++];
      snprintf(tensor->path, sizeof tensor->path, "%s/%s.%s", folder, network->layers[i].path, info->name);
      tensor->shape = info->shape;
      tensor->data = vector + info->offset;
      if (batches < 0 || !is_counted(info)) continue;
      gan_tensor *counter = &tensors[count++];
      *counter = (gan_tensor){.number = batches};
      snprintf(counter->path, sizeof counter->path, "%s/%s.num_batches_tracked", folder, network->layers[i].path);
    }
  return count;
}

const gan_tensor *gan_model_not_finite(size_t count, const gan_tensor *tensors) {
  for (size_t i = 0; i < count; i++)
    if (tensors[i].data && !isfinite(gan_square_sum((size_t)gan_shape_count(&tensors[i].shape), tensors[i].data)))
      return &tensors[i];
  return NULL;
}
