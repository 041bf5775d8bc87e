/* Samples that are no numbers: an error that names the sample, instead of a value that means nothing. */
#ifndef GAN_EVAL_FINITE_H
#define GAN_EVAL_FINITE_H

#include "eval/metric.h"

/* gan_check_finite (eval/units.h) of the samples of both sets of a comparison. Collective. */
gan_status gan_check_samples(const gan_comparison *comparison) GAN_CHECKED;

#endif
