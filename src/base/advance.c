#include "base/advance.h"

#include <stdatomic.h>

static atomic_ullong advances;

void gan_advance(void) { atomic_fetch_add_explicit(&advances, 1, memory_order_relaxed); }
unsigned long long gan_advances(void) { return atomic_load_explicit(&advances, memory_order_relaxed); }
