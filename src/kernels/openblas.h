/* The portable backend: OpenBLAS, which the build always has. */
#ifndef GAN_KERNELS_OPENBLAS_H
#define GAN_KERNELS_OPENBLAS_H

#include "kernels/kernels.h"

extern const gan_backend gan_backend_openblas;

#endif
