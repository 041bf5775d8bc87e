# gan_dist benchmark --predict: that the numbers agree with each other, and with a simulation of the very code.
# (run: slow)
. "$(dirname "$0")/support.sh"

json() { python3 -c "import json,math,sys; d=json.load(open('${2:-out}')); $1"; }

test_more_hosts_take_longer_in_weak_scaling() {
  run 0 "$PROGRAM" benchmark --predict 1,2,16,128,1024,10000 --network 100gbe -n 5 --batch 8 --json && json "
rows = d['rows']
assert [row['hosts'] for row in rows] == [1, 2, 16, 128, 1024, 10000] and d['network']['name'] == '100gbe'
assert rows[0]['milliseconds_network'] == 0 and rows[0]['weak_efficiency'] == rows[0]['strong_efficiency'] == 1
for a, b in zip(rows, rows[1:]):
  assert a['milliseconds_network'] < b['milliseconds_network'] and a['weak_milliseconds_stragglers'] <= b['weak_milliseconds_stragglers']
  assert a['weak_efficiency'] > b['weak_efficiency'] > 0 and b['weak_milliseconds_compute'] == a['weak_milliseconds_compute']
for row in rows:
  parts = sum(row[n] for n in ('milliseconds_network', 'milliseconds_adding', 'weak_milliseconds_compute', 'weak_milliseconds_stragglers'))
  assert abs(parts / row['weak_milliseconds'] - 1) < 1e-6, row
assert rows[1]['strong_batch'] == 4 and rows[2]['strong_milliseconds'] is None # 16 ranks for 8 samples" && [ ! -s err ] && [ ! -e runs ]
}
test_a_prediction_is_a_table_and_two_kinds_of_file() {
  run 0 "$PROGRAM" benchmark --predict 1,16 -n 2 --batch 4 -o p.json && says out 'hosts +reduction' && says out '^ +16 ' && says out '10gbe' &&
    json "assert [row['hosts'] for row in d['rows']] == [1, 16]" p.json &&
    run 0 "$PROGRAM" benchmark --predict 1,16 -n 2 --batch 4 --network latency=2us,bandwidth=1GB/s -o p.h5 && /usr/bin/python3 -c "
import h5py
f = h5py.File('p.h5', 'r')
assert f.attrs['kind'] == b'gan_dist prediction' and f['hosts'][:].tolist() == [1, 16]
assert all(f[n].attrs['units'] and f[n].attrs['description'] and len(f[n]) == 2 for n in f)"
}
test_a_network_is_measured_between_two_ranks() {
  run 0 mpi 2 benchmark --predict 2 -n 2 --batch 4 --network measured --json && json "
assert d['ranks_per_host'] == 2 and d['network']['measured'] == 'within one host'
assert 0 <= d['network']['latency_seconds'] < 1 and 0 < d['network']['overhead_seconds'] < 1 and 1e6 < d['network']['bytes_per_second'] < 1e13" &&
    run 0 env GAN_PRETEND_HOSTS=2 $quiet_mpirun -np 2 "$PROGRAM" benchmark --predict 2 -n 2 --batch 4 --network measured --json &&
    json "assert d['ranks_per_host'] == 1 and d['network']['measured'] == 'between two hosts'"
}

refused() { # refused PATTERN ARGUMENT...
  run 2 "$PROGRAM" benchmark -n 1 "${@:2}" && says err "$1" && one_message && [ ! -s out ]
}
test_arguments_that_mean_nothing_are_refused() {
  refused "'0' is no number of hosts" --predict 0 && refused 'no number of hosts' --predict 1,,2 && refused 'no number of hosts' --predict -3 &&
    refused 'no number of hosts' --predict 99999999999 && refused 'did you mean hdr' --predict 2 --network hrd &&
    refused '10gbe, 100gbe, hdr' --predict 2 --network zzzzzzzzz && refused 'needs both' --predict 2 --network latency=2us &&
    refused 'none of latency' --predict 2 --network latency=2,bandwidth=1GB/s && refused 'needs both' --predict 2 --network latency=1us,bandwidth=0GB/s &&
    refused 'mpirun -np 2' --predict 2 --network measured && refused 'needs --predict' --network hdr &&
    refused 'one at a time' --predict 2 --allreduce && refused 'has to end in' --predict 2 -o x.png
}

# The same for any build: what SimGrid runs is compiled for it alone.
test_the_messages_take_as_long_as_in_a_simulation() {
  command -v smpirun >/dev/null || { note "SimGrid is missing (apt install libsimgrid-dev)"; return 77; }
  [ "${BUILD:-build}" = build ] || { note "compared once, by the plain build"; return 77; }
  limit=800
  run 0 "$ROOT/scripts/predict-check.py" --program "$PROGRAM" && says out '^fashion-mlp +10gbe +128 ' &&
    says out '^ring8 +10gbe +1024 ' && says out '^within '
}

run_tests
