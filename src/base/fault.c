#include "base/fault.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Events left until the fault; 0: not armed; -1: has struck. Atomic since the prefetch thread allocates too. */
static atomic_llong left[GAN_FAULT_KINDS];

void gan_fault_arm(gan_fault_kind kind, int64_t nth) { atomic_store(&left[kind], nth); }

bool gan_fault_armed(gan_fault_kind kind) { return atomic_load_explicit(&left[kind], memory_order_relaxed) > 0; }

bool gan_fault_strikes(gan_fault_kind kind) {
  if (!gan_fault_armed(kind)) return false;
  if (atomic_fetch_sub(&left[kind], 1) != 1) return false;
  atomic_store(&left[kind], -1);
  return true;
}

bool gan_fault_has_struck(gan_fault_kind kind) { return atomic_load(&left[kind]) == -1; }

void gan_fault_arm_from_environment(int rank) {
  static const char *const names[GAN_FAULT_KINDS] = {"allocation", "write", "hang", "loss", "window",
                                                     "bit",        "stop",  "lock", "kill"};
  const char *text = getenv("GAN_FAULT");
  char name[16] = "";
  long long nth = 0;
  int target = -1;
  if (!text || sscanf(text, "%15[a-z]:%lld:%d", name, &nth, &target) < 2) return;
  if (target >= 0 && target != rank) return;
  for (int kind = 0; kind < GAN_FAULT_KINDS; kind++)
    if (strcmp(name, names[kind]) == 0) gan_fault_arm((gan_fault_kind)kind, nth);
}
