/* What kind of CPU this is. */
#ifndef GAN_CLI_CPU_H
#define GAN_CLI_CPU_H

enum { GAN_CPU_TEXT = 256 };

typedef struct gan_cpu {
  char model[GAN_CPU_TEXT];    /* "unknown" where the system does not say */
  char features[GAN_CPU_TEXT]; /* vector features, separated by spaces: "sse4_2 avx avx2 fma avx512f" */
  int cores;                   /* that the system has running */
  int usable_cores;            /* that this process may run on */
} gan_cpu;

/* Reads /proc/cpuinfo, the same on x86 and ARM but for the names in it. */
void gan_cpu_describe(gan_cpu *cpu);

#endif
