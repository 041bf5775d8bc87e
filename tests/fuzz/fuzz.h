/* What a fuzz target gives, and what targets share.

   A target is one file NAME_fuzz.c with libFuzzer's function and the inputs that mutations begin with. It is linked
   with driver.c, which needs nothing but a C compiler, or built by `make fuzz CC=clang LIBFUZZER=1`. Whatever the
   input, what is called has to return, with success or with the status for bad input; a target ends the process
   otherwise. */
#ifndef GAN_TESTS_FUZZ_FUZZ_H
#define GAN_TESTS_FUZZ_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gan_dist/status.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FUZZ_INPUT_MOST = 1 << 16 };

/* Input number `index` to begin with, of at most FUZZ_INPUT_MOST bytes; returns its size, 0 behind the last. */
size_t fuzz_seed(int index, uint8_t *data);

/* Pieces of text that mean something to the parser, NULL at the end. */
extern const char *const fuzz_words[];

/* Whether the process may die, or hang, inside of libhdf5 and what it calls: HDF5 is no match for made-up files, and
   not what is tested. Its leaks do not count then either. */
extern const bool fuzz_passes_hdf5;

/* ---- support.c */

/* The input as a file, replacing the one before. Its path is valid until the next call. (A file in memory only has no
   name that HDF5 would open.) */
const char *fuzz_file(const uint8_t *data, size_t size);

/* All of a file's bytes to `data`, for seeds made by the library's own writers; returns their number. */
size_t fuzz_read_file(const char *path, uint8_t *data);

/* Ends the process unless the status is GAN_OK or `refusal`; returns whether it is GAN_OK. */
bool fuzz_accepted(gan_status status, gan_status refusal);

/* Ends the process with these words. */
void fuzz_require(bool condition, const char *what);

/* To be called where all of an input has been read: every seed has to come there, or nothing is tested. */
void fuzz_reached_the_end(void);
extern long fuzz_inputs_read;

#endif
