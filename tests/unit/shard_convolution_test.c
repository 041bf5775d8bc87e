/* Convolutions' weight gradients summed over shards, with every backend, precision and level of kernels that this CPU
   has: bit for bit what gan_convolution_backward_weights of each shard gives (convolution_test.c checks it against
   plain loops), added along the tree; all shards of a rank at once, and in groups. */
#include "base/shard_groups.h"
#include "kernels/convolution.h"
#include "shard_support.h"

enum { OFFSET = 5, MOST_SHARDS = 40, MOST_GROUPS = 4 };

/* Of two axes: channels, side, kernel, stride, padding; batch, shards, parts. Ways of the packed kernels and of the
   portable one, several groups of channels, stacks that are higher than there is room for, shards of unequal size, and
   a window that covers everything. */
static const int64_t cases[][9] = {
    {3, 32, 12, 4, 2, 1, 24, 8, 2},  {40, 48, 8, 4, 2, 1, 17, 8, 1},  {130, 272, 4, 3, 1, 1, 9, 4, 2},
    {16, 16, 6, 3, 1, 1, 40, 40, 1}, {24, 20, 5, 3, 2, 0, 37, 33, 1}, {300, 128, 4, 4, 2, 1, 8, 8, 1},
    {32, 48, 4, 4, 1, 0, 16, 8, 2},  {2, 3, 6, 3, 1, 1, 16, 8, 1},    {33, 64, 20, 3, 1, 1, 6, 1, 2},
};
enum { CASES = sizeof cases / sizeof *cases };

typedef struct problem {
  gan_convolution sizes;
  int64_t x_size, y_size, batch, parts;
  int shards;
  size_t weights;
  float *x, *dy, *scratch;
  float *single[MOST_SHARDS]; /* each shard's gradient */
} problem;

static problem create_problem(const int64_t of[9]) {
  problem p = {.batch = of[6], .shards = (int)of[7], .parts = of[8]};
  gan_window *window = &p.sizes.window;
  *window = (gan_window){.in = {1, of[2], of[2]},
                         .out = {1, 0, 0},
                         .kernel = {1, of[3], of[3]},
                         .stride = {1, of[4], of[4]},
                         .padding = {0, of[5], of[5]}};
  for (int i = 1; i < GAN_AXES; i++) window->out[i] = (of[2] + 2 * of[5] - of[3]) / of[4] + 1;
  p.sizes.in_channels = of[0], p.sizes.out_channels = of[1];
  p.x_size = of[0] * gan_positions(window->in), p.y_size = of[1] * gan_positions(window->out);
  p.weights = (size_t)(of[0] * of[1] * of[3] * of[3]);
  p.x = random_vector(1, (size_t)(p.parts * p.batch * p.x_size));
  p.dy = random_vector(2, (size_t)(p.parts * p.batch * p.y_size));
  for (int i = 0; i < p.shards; i++) p.single[i] = random_vector(3, p.weights);
  return p;
}

static void release_problem(problem *p) {
  for (int i = 0; i < p->shards; i++) free(p->single[i]);
  free(p->x), free(p->dy);
}

static void compute_single(const gan_backend *backend, problem *p) {
  for (int i = 0; i < p->shards; i++) {
    const int64_t first = p->batch * i / p->shards * p->parts, end = p->batch * (i + 1) / p->shards * p->parts;
    gan_convolution_backward_weights(backend, &p->sizes, end - first, p->x + first * p->x_size,
                                     p->dy + first * p->y_size, p->single[i], p->scratch);
  }
}

static void sum_groups(const gan_backend *backend, const problem *p, const gan_shards *shards, int wanted,
                       float *const *slots) {
  gan_shard_groups groups;
  assert_int_equal(gan_shard_groups_plan(shards, wanted, &groups), GAN_OK);
  for (int i = 0; i < groups.count; i++) {
    const gan_shards *group = &groups.group[i];
    const int64_t first = gan_shard_begin(group, group->first) * p->parts;
    const gan_shard_rows rows = {
        group, p->parts, p->y_size, p->x_size, p->dy + first * p->y_size, p->x + first * p->x_size};
    gan_convolution_shard_weights(backend, &p->sizes, &rows, slots, OFFSET, p->scratch);
    gan_shards_join(group, slots, OFFSET, p->weights);
  }
  gan_shard_groups_release(&groups);
}

static void check_rank(const gan_backend *backend, const problem *p, int ranks, int rank, int wanted) {
  gan_shards shards;
  float *slots[MOST_SHARDS];
  assert_int_equal(gan_shards_plan(p->shards, p->batch, ranks, rank, &shards), GAN_OK);
  for (int i = 0; i < shards.slot_count; i++) slots[i] = random_vector(4, OFFSET + p->weights);
  sum_groups(backend, p, &shards, wanted, slots);
  float *before = random_vector(4, OFFSET);
  for (int i = 0; i < shards.node_count; i++) {
    float *right = add_tree(p->single, p->weights, shards.nodes[i].low, shards.nodes[i].high);
    assert_memory_equal(slots[i] + OFFSET, right, p->weights * sizeof *right);
    assert_memory_equal(slots[i], before, OFFSET * sizeof *before);
    free(right);
  }
  free(before);
  for (int i = 0; i < shards.slot_count; i++) free(slots[i]);
  gan_shards_release(&shards);
}

static void check_cases(const gan_backend *backend) {
  for (int i = 0; i < CASES; i++) {
    problem p = create_problem(cases[i]);
    p.scratch = random_vector(5, gan_convolution_scratch(backend, &p.sizes));
    compute_single(backend, &p);
    for (int ranks = 1; ranks <= 3 && ranks <= p.shards; ranks++)
      for (int rank = 0; rank < ranks; rank++)
        for (int wanted = 1; wanted <= MOST_GROUPS; wanted += 2) check_rank(backend, &p, ranks, rank, wanted);
    free(p.scratch);
    release_problem(&p);
  }
}

static void weights_in_float32_are_each_shards_added_along_the_tree(void **unused) {
  (void)unused;
  check_every_kernel(GAN_FLOAT32, check_cases);
}

static void weights_in_bfloat16_are_each_shards_added_along_the_tree(void **unused) {
  (void)unused;
  if (!gan_tiles_available(GAN_BFLOAT16)) skip();
  check_every_kernel(GAN_BFLOAT16, check_cases);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(weights_in_float32_are_each_shards_added_along_the_tree),
      cmocka_unit_test(weights_in_bfloat16_are_each_shards_added_along_the_tree),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
