# gan_dist config --memory: that it foretells what training takes, and takes nothing itself. (run: slow)
. "$(dirname "$0")/support.sh"

json() { python3 -c "import json,sys; d=json.load(open('${2:-out}')); $1"; }

# The sanitizers take memory of their own.
plain_build() { [ "${BUILD:-build}" = build ] || [ "${BUILD:-build}" = build/openblas ] || skip "sanitizers take memory, too"; }

large=(--generator.latent=64 --generator.layers="dense 1500, relu, dense 1500, batch_norm, relu, dense 1600, reshape 4 20 20,
  conv 16 kernel 3 padding 1, batch_norm, relu, dense 2" --critic.layers="dense 1200, leaky_relu, dense 1600, elu, reshape 4 20 20,
  conv 16 kernel 3 padding 1, leaky_relu, dense 1" --optimizer.name adam --train.ema_decay=0.9)
same=(--batch 96 --train.n_critic 1)

# growth NP [OPTION...]: what training takes more of memory for the large networks than for small ones, measured and foretold. Rows of what
# is there only while samples are drawn are left out: benchmark draws none.
growth() {
  local np=$1 large=("${large[@]}" "${@:2}")
  run 0 mpi "$np" benchmark -n 2 --json "${same[@]}" && mv out small.json && run 0 mpi "$np" benchmark -n 2 --json "${same[@]}" "${large[@]}" && mv out large.json &&
    run 0 "$PROGRAM" config --memory --np "$np" --json "${same[@]}" && mv out small-plan.json &&
    run 0 "$PROGRAM" config --memory --np "$np" --json "${same[@]}" "${large[@]}" && json "
def read(name): return json.load(open(name))
def planned(d):
  rows = [r for r in d['memory_bytes'] if not r['part_of_another'] and not (r['of'] == 'samples' and r['what'] != 'to compare with')]
  return sum(r['host'] + r['rank'] * (1 if r['rank_0_only'] else d['ranks']) for r in rows)
measured = read('large.json')['memory_bytes']['sum'] - read('small.json')['memory_bytes']['sum']
foretold = planned(d) - planned(read('small-plan.json'))
print('    np $np: measured %.1f MB, foretold %.1f MB' % (measured / 1e6, foretold / 1e6))
assert foretold > 5e7 and abs(measured - foretold) < 0.1 * foretold"
}
test_one_rank_takes_what_was_foretold() { plain_build; growth 1; }
test_three_ranks_that_share_vectors_take_what_was_foretold() { plain_build; growth 3; }

test_real_samples_in_the_generators_step_are_foretold() { plain_build; same+=(--loss.name relativistic_average); growth 1; }
test_gradient_penalties_take_what_was_foretold() { plain_build; growth 2 --critic.gradient_penalty=1 --critic.r1=1 --critic.clip=0; }

test_rows_and_totals_agree() {
  run 0 "$PROGRAM" config --preset ring8 --memory --np 6 --hosts 2 --shards 12 --json "${large[@]}" && json "
assert (d['ranks'], d['hosts'], d['shards'], d['reduction']) == (6, 2, 12, 'hierarchical')
assert d['samples_per_rank'] * 6 >= d['batch']
rows, t = d['memory_bytes'], d['total_bytes']
whole = [r for r in rows if not r['part_of_another']]
assert t['rank'] <= sum(r['rank'] for r in whole if not r['rank_0_only']) <= 1.01 * t['rank']
assert t['rank_0_besides'] == sum(r['rank'] for r in whole if r['rank_0_only'])
host = 3 * t['rank'] + t['rank_0_besides'] + sum(r['host'] for r in whole)
assert 0.99 * host < t['host'] <= host, (host, t)
assert t['host'] < t['all_hosts'] < 2 * t['host']
parts = [r['rank'] for r in rows if r['part_of_another']]
block, = [r['rank'] for r in rows if r['what'] == 'outputs and gradients of layers']
assert block == max(parts[0] + parts[2], parts[1]) and block < sum(parts)
moments, = [r['host'] for r in rows if r['of'] == 'critic' and r['what'] == 'optimiser moments']
parameters, = [r['host'] for r in rows if r['of'] == 'critic' and r['what'] == 'parameters']
n = 2*1200+1200 + 1200*1600+1600 + 16*4*9+16 + 6400+1
assert moments == 2 * (parameters - parameters % 4096) or abs(moments / parameters - 2) < 0.01
assert 4 * n <= parameters < 4 * n + 50000"
}
test_the_table_counts_shared_memory_once_per_host() {
  run 0 "$PROGRAM" config --memory --np 4 && says out '^4 ranks on 1 host, 8 shards, .* shared reduction$' &&
    says out '^generator +parameters +[0-9.]+ kB$' && says out 'once per host' && says out '^total +a rank.s own +[0-9.]+ [kM]B' &&
    says out 'samples +to compare with .* rank 0 only' && [ ! -e runs ] && [ ! -s err ]
  run 0 "$PROGRAM" config --memory && says out '^1 rank on 1 host, 8 shards, .* flat reduction$'
}
test_under_mpirun_the_ranks_there_are_count() { run 0 mpi 3 config --memory && says out '^3 ranks on 1 host' && [ "$(grep -c "^3 ranks" out)" -eq 1 ]; }

# Networks of 43 GB, on 4 GB of address space.
test_what_is_foretold_is_not_taken() {
  plain_build
  (ulimit -v 4000000; run 0 "$PROGRAM" config --memory --json --generator.layers="dense 30000, dense 30000, relu, dense 2") && json "
assert d['total_bytes']['rank'] > 1e10"
}
test_a_data_set_is_counted_without_being_read() {
  python3 - <<'P'
import struct
with open('images-idx3-ubyte', 'wb') as f:
  f.write(struct.pack('>IIII', 0x803, 100, 8, 8) + bytes(6400))
P
  run 0 "$PROGRAM" config --memory --np 2 --json --data.source=idx --data.path=images-idx3-ubyte --generator.layers="dense 64" \
    --critic.layers="dense 1" --batch 8 && json "
row, = [r for r in d['memory_bytes'] if r['what'] == 'data set']
assert row['rank'] == 0 and 6400 <= row['host'] < 6500"
}
test_what_cannot_be_run_is_refused() {
  run 2 "$PROGRAM" config --np 4 && says err 'for --memory' && one_message &&
    run 2 "$PROGRAM" config --memory --np 0 && one_message && run 2 "$PROGRAM" config --memory --np 2x && one_message &&
    run 2 "$PROGRAM" config --memory --np 2 --hosts 3 && says err 'at least one' && run 2 "$PROGRAM" config --memory --np 100 --batch 64 && one_message &&
    run 2 "$PROGRAM" config --memory --list && one_message && run 2 "$PROGRAM" config --memory --critic.layers="dense 2" && says err 'critic.layers' &&
    run 2 "$PROGRAM" config --memory --np 3 --batch 3 --critic.layers="minibatch_stddev, dense 1" && says err 'one sample' &&
    run 3 "$PROGRAM" config --memory --data.source=idx --data.path=nowhere && says err nowhere
}

# 2^31 samples in 128 layers of 2^24 values, in one rank or in very many: modulo 2^64 bytes, a plan like any other.
test_what_no_computer_has_is_refused() {
  local huge=(--batch 2147483647 --generator.latent=1
    --generator.layers="reshape 1 1 1, upsample 4096, $(printf 'tanh, %.0s' {1..128})conv 1 kernel 4095, dense 2")
  run 2 "$PROGRAM" config --memory --shards 1 "${huge[@]}" && one_message && says err 'more memory than any' || return 1
  run 2 "$PROGRAM" config --memory --np 65536 "${huge[@]}" && one_message && says err '65536 ranks take more than 2\^63 bytes'
}

# What gan_dist/trainer.h promises to who calls from a thread; each level has its own ways through products.
test_a_stack_of_1_MiB_is_enough() {
  plain_build
  local level layers=(--batch 128 --shards 1 --samples.every=0 --eval.every=0 --eval.samples=64 --samples.count=4
    --critic.layers="dense 1024, reshape 16 8 8, conv 32 kernel 4 stride 2 padding 1, leaky_relu, dense 512, tanh, dense 1")
  for level in baseline avx2 avx512; do
    GAN_CPU_LEVEL=$level "$PROGRAM" info >out 2>err || continue
    (ulimit -s 1024 && run 0 env GAN_CPU_LEVEL=$level "$PROGRAM" train "${layers[@]}" --iterations 2 --run.dir $level) || return 1
  done
  "$PROGRAM" info --precision bf16 >out 2>err || return 0
  (ulimit -s 1024 && run 0 "$PROGRAM" train "${layers[@]}" --iterations 2 --precision bf16 --run.dir bf16)
}

run_tests
