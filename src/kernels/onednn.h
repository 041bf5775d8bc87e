/* The fast backend on x86-64: oneDNN, where the build found it. */
#ifndef GAN_KERNELS_ONEDNN_H
#define GAN_KERNELS_ONEDNN_H

#include "kernels/kernels.h"

extern const gan_backend gan_backend_onednn;

#endif
