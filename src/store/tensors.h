/* A network as the tensors of a checkpoint. */
#ifndef GAN_STORE_TENSORS_H
#define GAN_STORE_TENSORS_H

#include "nn/network.h"
#include "store/checkpoint.h"

/* A network's tensors as a checkpoint names them: FOLDER/LAYER.TENSOR. `parameters` and `buffers` may be NULL: then
   these tensors are left out. `batches`: how many batches running statistics have seen; as in PyTorch, it follows each
   layer's running statistics as `num_batches_tracked`, a whole number; -1: left out. Writes to tensors (room for
   gan_model_tensor_count) and returns how many. */
size_t gan_model_tensors(const char *folder, const gan_network *network, float *parameters, float *buffers,
                         int64_t batches, gan_tensor *tensors);
size_t gan_model_tensor_count(const gan_network *network);
/* The first of the tensors with a NaN or an infinity; NULL: none. */
const gan_tensor *gan_model_not_finite(size_t count, const gan_tensor *tensors);

#endif
