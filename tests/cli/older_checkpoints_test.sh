# Checkpoints that earlier versions of the program wrote, in tests/reference: they are read, drawn from and gone on from.
#   checkpoint-format-1-first.h5.gz   of before the backend was named and batches were counted: dense layers, batch norm
#   checkpoint-format-1.h5.gz         with texts of variable length: convolutions and batch norm
# Both are of iteration 3 of 6, by Adam, with an average of the weights and 4 shards. A file is added when what is written
# changes, and never replaced.
. "$(dirname "$0")/support.sh"

# unpack NAME: the checkpoint as old.h5, and the configuration in it as old.ini
unpack() {
  gzip -dc "$ROOT/tests/reference/$1.h5.gz" >old.h5 && /usr/bin/python3 -c "
import h5py
config = h5py.File('old.h5', 'r').attrs['config']
open('old.ini', 'w').write(config if isinstance(config, str) else config.decode())"
}

# goes_on: with the configuration of then, to the same bits on any number of ranks; and from what is written now, again
goes_on() {
  local ranks
  for ranks in 1 3; do
    run 0 mpi $ranks train old.ini --resume=old.h5 --run.dir np$ranks && says out 'goes on from old\.h5 \(iteration 3\)' || return 1
  done
  same_state "$(checkpoint_name np1 6)" "$(checkpoint_name np3 6)" || return 1
  # Without it, too: what the run had then, of shards and batch statistics, is not what a new run has.
  run 0 mpi 2 train --resume=old.h5 --run.dir bare && ! grep -q '^changed' out && says bare/config.ini '^shards = 4$' &&
    says bare/config.ini '^sync = no$' && same_state "$(checkpoint_name np1 6)" "$(checkpoint_name bare 6)" || return 1
  run 0 mpi 2 train old.ini --iterations 8 --resume --run.dir np1 && run 0 "$PROGRAM" inspect np1/latest.h5 || return 1
  /usr/bin/python3 - <<'P'
import h5py, numpy
old, new = h5py.File("old.h5", "r"), h5py.File("np3/latest.h5", "r")
assert new.attrs["iteration"] == 6 and new.attrs["critic_steps"] == 12 and new.attrs["generator_steps"] == 6
assert new.attrs["seed"] == old.attrs["seed"] and new.attrs["data_fingerprint"] == old.attrs["data_fingerprint"]
assert not new.attrs["best"] > old.attrs["best"]
moved = 0
def look(name, item):
    global moved
    if not isinstance(item, h5py.Dataset): return
    assert item.shape == new[name].shape and item.dtype == new[name].dtype, name
    assert numpy.isfinite(new[name][()]).all(), name
    moved += not numpy.array_equal(item[()], new[name][()])
old.visititems(look)
assert moved > 20, moved
P
}
# is_read TENSORS: by inspect, and by sample, which draws from the average
is_read() {
  run 0 "$PROGRAM" inspect old.h5 && says out 'every checksum holds' && says out "^$1 tensors" && says out '^ +iteration +3$' &&
    run 0 "$PROGRAM" sample old.h5 -n 5 -o samples.h5 && /usr/bin/python3 -c "
import h5py, numpy
samples = h5py.File('samples.h5', 'r')['samples'][:]
assert samples.shape == (5, 2) and numpy.isfinite(samples).all() and 0 < abs(samples).max() < 10, samples" &&
    run 0 "$PROGRAM" sample old.h5 -o samples.png
}

test_the_first_checkpoints_are_read() { unpack checkpoint-format-1-first && is_read 40; }
test_the_first_checkpoints_are_gone_on_from() { unpack checkpoint-format-1-first && goes_on; }
test_checkpoints_with_texts_of_variable_length_are_read() { unpack checkpoint-format-1 && is_read 56; }
test_checkpoints_with_texts_of_variable_length_are_gone_on_from() { unpack checkpoint-format-1 && goes_on; }

run_tests
