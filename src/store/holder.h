/* Who holds a lock file, as the file says it in words:

     gan_dist
     host node07
     pid 4711
     since 2026-11-30 09:35:29 UTC
     boot 0a1b...     of that host, and
     started 123456   of that process, in ticks since then: with both, a number that was given anew is known */
#ifndef GAN_STORE_HOLDER_H
#define GAN_STORE_HOLDER_H

#include <stdbool.h>
#include <sys/types.h>

enum { GAN_HOLDER_TEXT = 640 };

typedef struct gan_holder {
  bool locked; /* the kernel says that somebody holds it; for the caller to fill in */
  char host[256], since[64], boot[64];
  long pid; /* 0: the file says nothing, or not yet */
  unsigned long long started;
  double silence; /* seconds since the file was touched */
} gan_holder;

/* The text for this process, into text (GAN_HOLDER_TEXT bytes). */
void gan_holder_print_own(char *text);
/* What the open file says; what cannot be read stays empty. */
void gan_holder_read(int descriptor, gan_holder *holder);
/* Where the kernel knows no locks: whether the holder has to be taken for alive. */
bool gan_holder_lives(const gan_holder *holder);
/* Whether it is a process of this host that has ended, or is being taken down, which with much memory takes a while. */
bool gan_holder_is_leaving(const gan_holder *holder);
/* Whether there is no doubt that it lives: the kernel says so of a process of this host. */
bool gan_holder_is_certain(const gan_holder *holder);
/* "process 4711 on host node07, since 2026-11-30 09:35:29 UTC", into text (GAN_HOLDER_TEXT bytes); returns it. */
const char *gan_holder_describe(const gan_holder *holder, char *text);

/* Whether a process of this host has that number. */
bool gan_process_lives(pid_t pid);

#endif
