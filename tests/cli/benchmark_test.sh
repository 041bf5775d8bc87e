# gan_dist benchmark: that its numbers are there and make sense, never how large they are: no test depends on time.
# (run: slow)
. "$(dirname "$0")/support.sh"

json() { python3 -c "import json,math,sys; d=json.load(open('out')); $1"; }

# Shares may pass 1: iterations and peak are not measured at the same moment of a busy machine.
plausible='
t, p = d["milliseconds_per_iteration"], d["phases"]
assert 0 < t["minimum"] <= t["median"], t
assert set(p) == {"data", "compute", "summing", "waiting", "communication"} and min(p.values()) >= 0 and p["compute"] > 0, p
assert 0 < sum(p.values()) - p["communication"] <= t["median"] * (1 + 1e-6), (p, t)
assert abs(d["samples_per_second"] * t["median"] / 1e3 - d["batch"] * d["critic_steps"]) < 1e-5 * d["batch"]
assert d["share_of_peak"]["flops"] > 0 and d["peak"]["flops_per_second"] > 1e8
assert abs(d["share_of_peak"]["flops"] * d["peak"]["flops_per_second"] / d["achieved"]["flops_per_second"] - 1) < 1e-6
assert abs(d["achieved"]["flops_per_second"] * t["median"] / 1e3 / d["work"]["flops"] - 1) < 1e-6
assert d["peak"]["memory_bytes_per_second"] > 1e8
assert 1e6 < d["memory_bytes"]["maximum"] <= d["memory_bytes"]["sum"] <= d["ranks"] * d["memory_bytes"]["maximum"] * 1.0001
assert 0 < d["scalar_exchange"]["microseconds"] < 1e6 and abs(d["scalar_exchange"]["share_of_iteration"] /
  (d["scalar_exchange"]["microseconds"] * (d["critic_steps"] + 1) / 1e3 / t["median"]) - 1) < 1e-6
assert 0 < d["startup_seconds"] < 600 and d["backend"] in ("onednn", "openblas") and d["precision"] == "float32"
'

# ring8: 2-128-128-128-2 and 2-128-128-128-1, 5 critic steps; the operations by hand, see docs/benchmark.md.
test_one_rank_reports_plausible_numbers() {
  run 0 "$PROGRAM" benchmark -n 5 --batch 64 --json && json "$plausible
assert d['preset'] == 'ring8' and d['ranks'] == 1 and d['shards'] == 8 and d['batch'] == 64 and d['iterations'] == 5
g, c = 2*128 + 2*128*128 + 128*2, 2*128 + 2*128*128 + 128
step, last = g + 2*(3*c - 2*128), 3*g + 2*c - 2*128
assert d['work']['flops'] == 2*64*(5*step + last), d['work']
parameters = lambda *s: sum(a*b + b for a, b in zip(s, s[1:]))
assert d['work']['gradient_bytes_per_rank'] == 4*(5*parameters(2, 128, 128, 128, 1) + parameters(2, 128, 128, 128, 2))
assert d['share_of_peak']['communication'] is d['share_of_peak']['network'] is d['peak']['network_bytes_per_second'] is None" && [ ! -s err ] && [ ! -e runs ]
}
# The passes report each layer's products where they are made. (Those of penalties do not: tests/unit/work_test.c.)
test_operations_are_those_that_the_passes_make() {
  local options
  for options in "" "--train.accumulate=4" "--train.accumulate=4 --train.n_critic=1" "--train.n_critic=0.5"; do
    run 0 "$PROGRAM" benchmark -n 5 --batch 64 --shards 8 --loss.name relativistic_average $options --json || return 1
    json "assert d['work']['flops'] == sum(sum(row['flops'].values()) for row in d['layers']['rows']), '$options'
shares = d['scalar_exchange']['share_of_iteration'] / (d['scalar_exchange']['microseconds'] / 1e3 / d['milliseconds_per_iteration']['median'])
assert abs(shares / (3 * (d['critic_steps'] + d['generator_steps'])) - 1) < 1e-6, shares # the step's, and two of means" || return 1
  done
  run 0 "$PROGRAM" benchmark -n 5 --batch 64 --critic.dragan=1 --critic.penalty_every=2 --train.order simultaneous --json &&
    json "shares = d['scalar_exchange']['share_of_iteration'] / (d['scalar_exchange']['microseconds'] / 1e3 / d['milliseconds_per_iteration']['median'])
assert abs(shares / (5 + 5 / 2 + 1 + 1) - 1) < 1e-6, shares"
}

test_three_ranks_report_once_with_communication() {
  run 0 mpi 3 benchmark "${tiny[@]:0:7}" --shards 4 -n 8 --json && json "$plausible
assert d['ranks'] == 3 and d['shards'] == 4 and d['phases']['communication'] > 0
assert (d['share_of_peak']['communication'] is None) == (d['host_ranks'] > d['host_cores'])
assert d['achieved']['communication_bytes_per_second'] > 0" && [ ! -e runs ]
}
test_hosts_are_compared_with_the_network_between_them() {
  export GAN_PRETEND_HOSTS=2
  run 0 mpi 3 benchmark -n 5 --batch 12 --json && json "$plausible
assert d['hosts'] == 2 and d['peak']['network_bytes_per_second'] > 1e6
bytes = d['work']['gradient_bytes_per_rank'] # out and in again, half of it for each of the two
assert abs(d['achieved']['network_bytes_per_second'] * d['phases']['communication'] / 1e3 / bytes - 1) < 1e-6
assert abs(d['share_of_peak']['network'] * d['peak']['network_bytes_per_second'] / d['achieved']['network_bytes_per_second'] - 1) < 1e-6" &&
    run 0 mpi 2 benchmark -n 2 --batch 12 && says out '^between hosts .* of the measured'
}
# The layers of both networks, their operations, and that their times are parts of the iteration's.
layers='
l, crowded = d["layers"], d["host_ranks"] > d["host_cores"]
names = [r["network"] + " " + r["layer"] + " " + r["kind"] for r in l["rows"]]
total = sum(sum(r["flops"].values()) for r in l["rows"])
assert abs(total / d["work"]["flops"] - 1) < 1e-9, (total, d["work"])
assert 0 < l["share_outside_products"] < 1 and l["milliseconds_per_iteration"] > 0
for r in l["rows"]:
  assert set(r["milliseconds"]) == {"forward", "backward_weights", "backward_input"} and min(r["milliseconds"].values()) >= 0
  for work, flops in r["flops"].items():
    assert (r["share_of_peak"][work] is None) == (flops == 0 or crowded), r
    if flops and not crowded: assert abs(r["share_of_peak"][work] / (flops / r["milliseconds"][work] * 1e3 / d["peak"]["flops_per_second"]) - 1) < 1e-6
  assert abs(r["share_of_iteration"] * l["milliseconds_per_iteration"] - sum(r["milliseconds"].values())) < 1e-6 * l["milliseconds_per_iteration"]
products = sum(r["share_of_iteration"] for r in l["rows"] if sum(r["flops"].values()))
assert abs(products + l["share_outside_products"] - 1) < 1e-6 and sum(r["share_of_iteration"] for r in l["rows"]) < 1
if crowded: assert l["most_to_gain"] is None
else: assert l["most_to_gain"] in l["rows"] and sum(l["most_to_gain"]["flops"].values()) > 0
'
# The input gradient of a critic step stops above its first layer, that of a generator step does not; a generator has none.
test_each_layers_share_of_the_peak_is_told() {
  run 0 "$PROGRAM" benchmark -n 3 --batch 32 --json && json "$layers
kinds = {'generator': 'relu', 'critic': 'leaky_relu'}
assert names == ['%s %d %s' % (n, i, kinds[n] if i % 2 else 'dense') for n in kinds for i in range(7)], names
def flops(name): return next(r['flops'] for r in l['rows'] if r['network'] + ' ' + r['layer'] == name)
product = lambda a, b, times: 2 * 32 * a * b * times
assert flops('critic 0') == dict(forward=product(2, 128, 11), backward_weights=product(2, 128, 10), backward_input=product(2, 128, 1))
assert flops('critic 2') == dict(forward=product(128, 128, 11), backward_weights=product(128, 128, 10), backward_input=product(128, 128, 11))
assert flops('generator 0') == dict(forward=product(2, 128, 6), backward_weights=product(2, 128, 1), backward_input=0)
assert flops('critic 1') == dict(forward=0, backward_weights=0, backward_input=0)" &&
    run 0 "$PROGRAM" benchmark -n 2 --batch 8 && says out '^generator 0 +dense ' && says out '^critic +1 +leaky_relu ' &&
    says out '^outside of layers with products: [0-9.]+ %' && says out '^most to gain: (critic|generator) [0-6] \(dense\)'
}
test_layers_of_blocks_on_several_ranks_are_told() {
  run 0 mpi 3 benchmark -n 2 "${tiny[@]:0:1}" --batch 12 --shards 6 --json --train.n_critic 2 \
    --generator.layers="dense 32, reshape 2 4 4, residual, batch_norm, relu, conv 2 kernel 3 padding 1, end, flatten, dense 2" \
    --critic.layers="dense 16, reshape 1 4 4, conv_transpose 2 kernel 2 stride 2, leaky_relu, dense 1" && json "$layers
assert 'generator 2.main.2 conv' in names and not any('reshape' in n or 'flatten' in n for n in names), names"
}
# Ranks in turns on a core: a layer that fits into one rank's turn would be told to be faster than the peak.
test_ranks_that_share_a_core_have_no_layers_shares() {
  local core
  core=$(/usr/bin/python3 -c 'import os; print(min(os.sched_getaffinity(0)))')
  run 0 taskset -c "$core" $quiet_mpirun -np 3 "$PROGRAM" benchmark -n 3 --batch 24 --json && json "$layers
assert crowded and d['share_of_peak']['communication'] is None and d['share_of_peak']['flops'] > 0" &&
    run 0 taskset -c "$core" $quiet_mpirun -np 3 "$PROGRAM" benchmark -n 3 --batch 24 && ! says out 'most to gain' &&
    says out "^left out are the layers' shares of the peak.*: 3 ranks share 1 core$" && ! sed -n '/^layer, /,/^outside/p' out | grep -E ' ms +[0-9]+ %'
}
test_scaling_marks_rows_of_ranks_that_share_cores() {
  local core
  core=$(/usr/bin/python3 -c 'import os; print(min(os.sched_getaffinity(0)))')
  run 0 taskset -c "$core" "$PROGRAM" benchmark --scaling strong --np 1,2 -n 3 --batch 12 --launcher "mpirun --bind-to none --oversubscribe" && says out '^ +1 .*%$' &&
    says out '^ +2 .*% \*$' && [ "$(grep -c '^\* more ranks than cores' out)" -eq 1 ] &&
    run 0 taskset -c "$core" "$PROGRAM" benchmark --scaling strong --np 1 -n 3 --batch 12 && ! says out '\*'
}
test_script_compares_numbers_of_shards() {
  plain_build_only
  run 0 env MPIRUN="$quiet_mpirun" "$ROOT/scripts/compare/shards.py" --program "$PROGRAM" --turns 1 ring8 --train.batch=16 &&
    awk -F ' *[|] *' '$2 == "ring8" && $3 == 1 && $5 > 0 && $6 > 0 && $7 + 0 > 0 {rows++} END {exit rows != 1}' out
}
test_text_tells_phases_and_shares() {
  run 0 mpi 2 benchmark -n 3 --batch 8 && says out '^time per iteration +median [0-9.]+ ms, minimum' && says out 'compute' &&
    says out 'of the measured peak' && says out '^samples/s' && says out '\(PSS\)' && says out 'start-up'
}
test_an_ini_file_is_measured_without_its_warm_up_or_files() {
  printf '[train]\nbatch = 4\nn_critic = 2\nwarmup_iterations = 1000\nwarmup_n_critic = 1000000\n[trace]\nfile = t.h5\n' >my.ini
  run 0 "$PROGRAM" benchmark my.ini -n 3 --json &&
    json "assert d['preset'] == 'my' and d['critic_steps'] == 2 and d['iterations'] == 3" && [ ! -e t.h5 ] && [ ! -e runs ]
}

# Counts what the program begins of communication, through MPI's own profiling interface. (Not how often it looks whether
# something has ended, which depends on time.)
make_mpi_counter() {
  cat >counter.c <<'C'
#include <mpi.h>
#include <stdio.h>
static long calls;
__attribute__((destructor)) static void tell(void) {
  FILE *file = fopen("calls", "a");
  fprintf(file, "%ld\n", calls);
  fclose(file);
}
int MPI_Isend(const void *b, int n, MPI_Datatype t, int to, int tag, MPI_Comm c, MPI_Request *r) { calls++; return PMPI_Isend(b, n, t, to, tag, c, r); }
int MPI_Irecv(void *b, int n, MPI_Datatype t, int from, int tag, MPI_Comm c, MPI_Request *r) { calls++; return PMPI_Irecv(b, n, t, from, tag, c, r); }
int MPI_Ibcast(void *b, int n, MPI_Datatype t, int root, MPI_Comm c, MPI_Request *r) { calls++; return PMPI_Ibcast(b, n, t, root, c, r); }
int MPI_Ibarrier(MPI_Comm c, MPI_Request *r) { calls++; return PMPI_Ibarrier(c, r); }
int MPI_Iallreduce(const void *a, void *b, int n, MPI_Datatype t, MPI_Op o, MPI_Comm c, MPI_Request *r) { calls++; return PMPI_Iallreduce(a, b, n, t, o, c, r); }
int MPI_Iallgather(const void *a, int n, MPI_Datatype t, void *b, int m, MPI_Datatype u, MPI_Comm c, MPI_Request *r) { calls++; return PMPI_Iallgather(a, n, t, b, m, u, c, r); }
C
  run 0 mpicc -shared -fPIC -o counter.so counter.c
}
# calls_of NP ITERATIONS: of rank 0 or any other
calls_of() {
  rm -f calls
  run 0 $quiet_mpirun -np "$1" -x LD_PRELOAD="$PWD/counter.so" "$PROGRAM" train "${tiny[@]}" --iterations "$2" --run.dir "np$1-$2" &&
    calls=$(sort -n calls | tail -n 1)
}
test_one_rank_makes_no_mpi_call_in_an_iteration() {
  local calls few
  [ "$BUILD" = build ] || { echo "the sanitizers want to be loaded first"; return 77; }
  make_mpi_counter && calls_of 1 5 && few=$calls && calls_of 1 50 && [ "$calls" -eq "$few" ] || { note "$few, $calls calls"; return 1; }
  # The counter does count: six steps an iteration, with a message at least.
  export GAN_PRETEND_HOSTS=2
  calls_of 2 5 && few=$calls && calls_of 2 50 && [ "$calls" -ge $((few + 45 * 6)) ] || { note "$few, $calls calls"; return 1; }
}

test_strong_scaling_keeps_the_batch() {
  run 0 "$PROGRAM" benchmark --scaling strong --np 1,2,3 -n 3 --batch 12 -o strong.h5 || return 1
  local np
  for np in 1 2 3; do says out "^ +$np +12 +[0-9.]+ " || return 1; done
  /usr/bin/python3 -c "
import h5py
f = h5py.File('strong.h5', 'r')
assert f.attrs['kind'] == b'gan_dist scaling' and f.attrs['scaling'] == b'strong' and f.attrs['preset'] == b'ring8'
assert f['ranks'][:].tolist() == [1, 2, 3] and f['batch'][:].tolist() == [12, 12, 12] and f['shards'][:].tolist() == [8, 8, 8]
assert all(f[n].attrs['units'] and f[n].attrs['description'] and len(f[n]) == 3 for n in f)
t, s, e = f['milliseconds_median'][:], f['speedup'][:], f['efficiency'][:]
assert s[0] == e[0] == 1 and all(abs(s[i] - t[0] / t[i]) < 1e-6 * s[i] and abs(e[i] - s[i] / (i + 1)) < 1e-9 for i in range(3))
assert all(f['milliseconds_minimum'][i] <= t[i] for i in range(3))" &&
    run 0 "$PROGRAM" inspect strong.h5 && says out '^  ranks +1 +2 +3$' &&
    run 0 "$ROOT/scripts/plot_scaling.py" strong.h5 -o strong.png && [ -s strong.png ] || return 1
  # A table of an earlier version, which knew of communication only.
  /usr/bin/python3 -c "
import h5py
f = h5py.File('strong.h5', 'r+')
del f['milliseconds_summing'], f['milliseconds_waiting']" && run 0 "$ROOT/scripts/plot_scaling.py" strong.h5 -o earlier.png && [ -s earlier.png ]
}
test_weak_scaling_keeps_the_batch_of_a_rank() {
  run 0 "$PROGRAM" benchmark --scaling weak --np 1,2 -n 3 --batch 12 --json -o weak.json &&
    json "assert d == json.load(open('weak.json')) and d['scaling'] == 'weak'
a, b = d['rows']
assert (a['ranks'], a['batch'], a['shards'], b['ranks'], b['batch'], b['shards']) == (1, 12, 1, 2, 24, 2)
assert abs(b['efficiency'] * b['milliseconds_per_iteration']['median'] / a['milliseconds_per_iteration']['median'] - 1) < 1e-6
assert abs(b['speedup'] - 2 * b['efficiency']) < 1e-6" && run 0 "$ROOT/scripts/plot_scaling.py" weak.json -o w.png && [ -s w.png ]
}
test_scaling_hands_the_whole_configuration_on() {
  printf '[generator]\nlatent = 4\nlayers =\n  dense 7\n  relu\n  dense 2\n[train]\nn_critic = 2\n' >my.ini
  run 0 env GAN_DIST_TRAIN_BATCH=10 "$PROGRAM" benchmark my.ini --scaling strong --np 2 -n 2 --shards 5 --json &&
    json "row, = d['rows']
assert row['preset'] == 'my' and row['critic_steps'] == 2 and row['batch'] == 10 and row['shards'] == 5
assert row['work']['gradient_bytes_per_rank'] == 4 * (2 * (2*128 + 128 + 128*128 + 128 + 128 + 1) + 4*7 + 7 + 7*2 + 2)"
}
test_scaling_works_inside_a_rank_of_mpirun() { run 0 mpi 1 benchmark --scaling strong --np 2 -n 2 --batch 4 && says out '^ +2 +4 '; }
test_a_failing_number_of_ranks_is_reported_and_the_others_are_kept() {
  run 2 "$PROGRAM" benchmark --scaling strong --np 2,1 -n 2 --batch 1 -o kept.json && says err 'np 2: 2 ranks for a global batch of 1: .*at most 1 rank with' &&
    one_message && says out '^ +2 +failed' && says out '^ +1 +1 ' &&
    python3 -c "import json; assert [row['ranks'] for row in json.load(open('kept.json'))['rows']] == [1]"
}
test_a_start_that_takes_too_long_is_ended() {
  run 1 "$PROGRAM" benchmark --scaling strong --np 2 -n 10000000 --limit 2 && says err 'np 2: did not end within 2 seconds' &&
    one_message
}
test_a_launcher_that_is_not_there_is_named() {
  run 1 "$PROGRAM" benchmark --scaling weak --np 1 --launcher "no_such_launcher --fast" && says err 'cannot start no_such_launcher'
}
test_a_table_that_cannot_be_written_is_an_error() {
  run 1 "$PROGRAM" benchmark --scaling weak --np 1 -n 1 --batch 2 -o missing/out.h5 && says err 'cannot write missing/out.h5' &&
    run 1 "$PROGRAM" benchmark --scaling weak --np 1 -n 1 --batch 2 -o missing/out.json && says err 'cannot write missing/out.json' &&
    run 1 mpi 2 benchmark --allreduce --largest 4 -n 1 -o missing/out.h5 && says err 'cannot write missing/out.h5' && one_message
}

test_allreduce_compares_every_size() {
  run 0 mpi 2 benchmark --allreduce --smallest 1KiB --largest 16KiB -n 1 && [ "$(grep -oE '^ +[0-9]+' out | xargs)" = "1024 4096 16384" ] || return 1
  run 0 mpi 3 benchmark --allreduce --largest 5000 -n 3 --json && json "
assert d['ranks'] == 3 and [row['bytes'] for row in d['allreduce']] == [4, 16, 64, 256, 1024, 4096]
for row in d['allreduce']:
  assert row['repetitions'] == 3
  for way in ('mpi_allreduce', 'flat', 'shared'):
    assert 0 < row[way]['microseconds_minimum'] <= row[way]['microseconds_median']
    assert abs(row[way]['bytes_per_second'] * row[way]['microseconds_median'] / 1e6 - row['bytes']) < 1e-5 * row['bytes']" &&
    run 0 mpi 1 benchmark --allreduce --largest 300000 -n 2 && says out '^ +262144 +2 '
}

test_allreduce_is_kept_shown_and_drawn() {
  run 0 mpi 2 benchmark --allreduce --smallest 64 --largest 1024 -n 3 -o curve.h5 && run 0 mpi 2 benchmark --allreduce \
    --smallest 64 --largest 1024 -n 3 -o curve.json --json && json "assert d == json.load(open('curve.json'))
assert d['ranks'] == 2 and d['update'] is None and d['mpi'] and d['cpu']" || return 1
  /usr/bin/python3 -c "
import h5py
f = h5py.File('curve.h5', 'r')
assert f.attrs['kind'] == b'gan_dist allreduce' and f.attrs['update'] == b''
assert f['bytes'][:].tolist() == [64, 256, 1024] and f['ranks'][:].tolist() == [2, 2, 2] and f['repetitions'][:].tolist() == [3] * 3
assert all(f[n].attrs['units'] and f[n].attrs['description'] and len(f[n]) == 3 for n in f)
for way in ('mpi_allreduce', 'flat', 'shared', 'hierarchical'):
  median, rate = f[way + '_microseconds_median'][:], f[way + '_bytes_per_second'][:]
  assert all(f[way + '_microseconds_minimum'][:] <= median) and all(abs(rate * median / 1e6 - f['bytes'][:]) < 1e-6 * f['bytes'][:])" &&
    run 0 "$PROGRAM" inspect curve.h5 && says out 'gan_dist allreduce' && says out 'bytes .* 64 +256 +1024$' &&
    says out '^  flat_microseconds_median \[us\] ' && run 0 "$PROGRAM" inspect curve.h5 --json && json "
assert d['kind'] == 'table' and d['columns'][2] == {**d['columns'][2], 'name': 'bytes', 'values': [64, 256, 1024]}" || return 1
  local file
  for file in curve.h5 curve.json; do
    run 0 "$ROOT/scripts/plot_scaling.py" $file -o $file.png && head -c 4 $file.png | grep -q PNG || return 1
  done
}
# Three ranks on two hosts: not for `shared`. That all variants end with the same bits is checked by the benchmark itself.
test_allreduce_with_the_update_of_training() {
  GAN_PRETEND_HOSTS=2 run 0 mpi 3 benchmark --allreduce --update --smallest 100000 --largest 100000 -n 4 --critic.clip=0.02 \
    --json -o curve.json && json "
assert d['update'] == 'rmsprop, clip 0.02' and d['hosts'] == 2
row, = d['allreduce']
assert row['bytes'] == 100000 and row['shared']['microseconds_median'] is None and row['hierarchical']['microseconds_median'] > 0" &&
    run 0 "$ROOT/scripts/plot_scaling.py" curve.json -o curve.png &&
    run 0 mpi 2 benchmark --allreduce --update --largest 4 -n 1 --optimizer.name adam --critic.clip=0 && says out 'update: adam$'
}

refused() { # refused PATTERN ARGUMENT...
  run 2 "$PROGRAM" benchmark "${@:2}" && says err "$1" && one_message && [ ! -s out ]
}
test_arguments_that_mean_nothing_are_refused() {
  touch my.ini
  refused 'needs --scaling' --np 2 && refused 'needs --scaling' --limit 2 && refused 'needs --scaling' --launcher mpirun &&
    refused 'for --scaling' -o x.h5 && refused 'needs --allreduce' --largest 8 && refused 'needs --allreduce' --update &&
    refused 'has to end in' --allreduce -o x.csv && refused 'more than the largest' --allreduce --smallest 8 --largest 4 && refused 'one at a time' --scaling weak --allreduce &&
    refused 'strong .* or weak' --scaling medium && refused 'no number of ranks' --scaling weak --np 1,,2 &&
    refused 'no number of ranks' --scaling weak --np 0 && refused 'number of seconds' --scaling weak --limit 0 &&
    refused 'has to end in' --scaling weak -o x.png && refused 'number of bytes' --allreduce --largest 3 &&
    refused 'left over' my.ini other.ini && refused 'means nothing' --resume && refused 'means nothing' --trace=x &&
    refused 'at most' -n 999999999999
}
test_scaling_is_started_as_one_process() {
  run 2 mpi 2 benchmark --scaling strong && says err 'without mpirun' && one_message
}

run_tests
