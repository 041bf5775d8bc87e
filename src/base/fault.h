/* Fault injection: the one seam through which tests make an allocation or a file write fail.

   Armed from C with gan_fault_arm, or for a whole program by the environment variable GAN_FAULT=KIND:N[:RANK] (KIND is
   `allocation`, `write`, `hang`, `loss`, `window`, `bit`, `stop`, `lock` or `kill`): the N-th event of that kind on
   that rank fails, counted from 1; rank -1 means every rank. Sweeping N until a program gets through visits every place
   that can fail. Unarmed, it costs one comparison. */
#ifndef GAN_BASE_FAULT_H
#define GAN_BASE_FAULT_H

#include <stdbool.h>
#include <stdint.h>

typedef enum gan_fault_kind {
  GAN_FAULT_ALLOCATION, /* gan_allocate finds no memory */
  GAN_FAULT_WRITE,      /* a write to a file finds the disk full */
  GAN_FAULT_HANG,       /* a write to a file does not end */
  GAN_FAULT_LOSS,       /* a critic step's loss is NaN */
  GAN_FAULT_WINDOW,     /* a host has no room for memory that its ranks would share; on a host's first rank */
  GAN_FAULT_BIT,        /* in an iteration's last step a bit flips in the critic's parameters, as this rank has them */
  GAN_FAULT_STOP,       /* the process stops (SIGSTOP) where ranks agree on errors */
  GAN_FAULT_LOCK,       /* the file system knows no locks, from here on */
  GAN_FAULT_KILL,       /* the process is killed (SIGKILL) where it has written up to a border of pages of a file */
  GAN_FAULT_KINDS
} gan_fault_kind;

/* The nth event of `kind` from now on fails, once; 0 disarms. */
void gan_fault_arm(gan_fault_kind kind, int64_t nth);

/* Reads GAN_FAULT; called once the rank is known. A text that does not parse is ignored: this is a tool of the tests.
 */
void gan_fault_arm_from_environment(int rank);

/* Whether a fault is to come: where counting events takes work of its own. */
bool gan_fault_armed(gan_fault_kind kind);

/* Counts an event; true when this is the one to fail. */
bool gan_fault_strikes(gan_fault_kind kind);

/* True when the fault that was armed has struck. */
bool gan_fault_has_struck(gan_fault_kind kind);

#endif
