/* Prepared parameters: what layers read while a network runs, where that is not the parameters themselves.

   Layers read weights at their place in gan_pass.parameters. In a network with spectral normalisation (nn/spectral.h)
   this is not the vector that is trained, but a copy of it, made once after each update, in which each normalised
   weight W is W / sigma: so layers know nothing of it, all passes between two updates read the same weights, and
   products are as fast as without. Whoever runs a network has its parameters prepared first; for a network without
   anything to prepare, nothing is copied and nothing taken.

   A copy is of one rank. All ranks make the same one, bit for bit: sums are in double, in an order that depends on the
   sizes alone. */
#ifndef GAN_NN_PREPARE_H
#define GAN_NN_PREPARE_H

#include "nn/network.h"

typedef struct gan_preparation gan_preparation;

/* Takes the memory. *preparation is NULL for a network that runs on its parameters as they are, and all functions here
   take that. Owned by the caller. */
gan_status gan_preparation_create(const gan_network *network, gan_preparation **preparation) GAN_CHECKED;
void gan_preparation_destroy(gan_preparation *preparation);
/* Bytes that one takes. */
size_t gan_preparation_bytes(const gan_network *network);

/* What a pass is to read (parameter_count): always the same place. */
const float *gan_prepared(const gan_preparation *preparation, const float *parameters);

/* Prepares: the network runs on these parameters (parameter_count), with u and v as they are in the buffers. A weight
   whose sigma is not above 1e-12, PyTorch's epsilon, has no direction to be measured along and stays as it is: a matrix
   of zeros one of zeros, whose gradient is that without normalisation. */
void gan_network_prepare(gan_preparation *preparation, const float *parameters, const float *buffers);
/* First one round of power iteration for each normalised weight, v = W' u, u = W v, both divided by their lengths, into
   the buffers; then prepares. A vector that would come out shorter than 1e-12 keeps what it was. */
void gan_network_prepare_next(gan_preparation *preparation, const float *parameters, float *buffers);

/* Turns the range [offset, offset + count) of a gradient of the prepared parameters, at `gradient`, into that of the
   parameters which they were prepared from, given sums (spectral_count): <G, W / sigma> over the whole batch. */
void gan_preparation_correct(const gan_preparation *preparation, const float *buffers, const double *sums,
                             size_t offset, size_t count, float *gradient);

#endif
