# What the other tests rest on: that two files are told to be the same exactly when they are.
. "$(dirname "$0")/support.sh"

# files: a.h5, as the parts of a checkpoint, b.h5, the same again by another run, and one file for each difference.
files() {
  /usr/bin/python3 - <<'P'
import h5py, numpy

def make(name, change=None, kind="<f4", version="1"):
    with h5py.File(name, "w") as file:
        file.attrs["iteration"] = 12
        file.attrs["config"] = "run.dir = " + name
        file.attrs["program_version"] = version
        file.attrs["data_shape"] = numpy.array([3, 4])
        file.attrs["best"] = numpy.nan
        values = numpy.arange(12, dtype="<f4").reshape(3, 4)
        file["generator/0.weight"] = values.astype(kind)
        file["generator/1.num_batches_tracked"] = numpy.int64(7)
        file["critic/0.bias"] = numpy.array([0.0, numpy.nan, 1.0], "<f4")
        file["critic/1.empty"] = numpy.zeros((0, 3), "<f4")
        file["critic/1.empty"].attrs["units"] = "none"
        if change: change(file)

def other(path, values):
    def change(file):
        del file[path]
        if values is not None: file[path] = values
    return change

make("a.h5")
make("b.h5", version="2")
make("type.h5", kind="<f8")
make("byte_order.h5", kind=">f4")
make("bit.h5", lambda file: file["generator/0.weight"].write_direct(
    numpy.array([[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, numpy.nextafter(numpy.float32(11), numpy.float32(12))]], "<f4")))
make("minus_zero.h5", other("critic/0.bias", numpy.array([-0.0, numpy.nan, 1.0], "<f4")))
make("shape.h5", other("generator/0.weight", numpy.arange(12, dtype="<f4").reshape(4, 3)))
make("rank.h5", other("generator/0.weight", numpy.arange(12, dtype="<f4")))
make("shorter.h5", other("generator/0.weight", numpy.arange(8, dtype="<f4").reshape(2, 4)))
make("empty.h5", other("critic/1.empty", numpy.zeros((0, 4), "<f4")))
make("number.h5", other("generator/1.num_batches_tracked", numpy.int64(8)))
make("missing.h5", other("generator/1.num_batches_tracked", None))
make("extra.h5", lambda file: file.create_dataset("generator/2.bias", data=numpy.zeros(2, "<f4")))
make("no_group.h5", other("critic", None))
make("group.h5", lambda file: file.create_group("ema"))
make("kind.h5", lambda file: (file.__delitem__("critic/0.bias"), file.create_group("critic/0.bias")))
make("iteration.h5", lambda file: file.attrs.modify("iteration", 13))
make("best.h5", lambda file: file.attrs.modify("best", 0.5))
make("no_attribute.h5", lambda file: file.attrs.__delitem__("best"))
make("attribute.h5", lambda file: file.attrs.create("more", 1))
make("text.h5", lambda file: file["critic/1.empty"].attrs.create("units", "nine"))
P
}

test_files_with_the_same_tensors_are_the_same() {
  files && same_state a.h5 a.h5 && same_state a.h5 b.h5 && same_state b.h5 a.h5 && same_state a.h5 extra.h5 /critic
}

# Either way round, and where the first file looked at is the one that lacks something.
test_every_difference_of_two_files_is_found() {
  local name count=0
  files || return 1
  for name in *.h5; do
    case $name in a.h5 | b.h5) continue ;; esac
    same_state a.h5 $name && { note "a.h5 and $name pass for the same"; return 1; }
    same_state $name a.h5 && { note "$name and a.h5 pass for the same"; return 1; }
    count=$((count + 1))
  done
  [ $count -eq 19 ] || { note "$count files were compared"; return 1; }
}

tells() { # tells PATTERN A B: they differ, with these words
  ! same_state "$2" "$3" >told && says told "$1"
}
test_a_difference_is_told_by_its_name() {
  files && tells '/generator/0.weight: dimension 0 is 3 and 4$' a.h5 shape.h5 &&
    tells '/generator/0.weight: element 11 has other bits$' a.h5 bit.h5 &&
    tells '/@iteration: element 0 has other bits$' a.h5 iteration.h5 &&
    tells '/generator has 2 and 3 members$' a.h5 extra.h5 && tells '/critic is in the first only$' a.h5 no_group.h5
}

test_files_that_cannot_be_compared_are_neither_the_same_nor_other() {
  files && echo text >text.h5
  local one
  for one in text.h5 nowhere.h5; do
    ! same_state a.h5 $one && ! same_state $one $one && ! other_bits a.h5 $one || return 1
  done
  ! same_state a.h5 b.h5 /ema && ! other_bits a.h5 b.h5 /ema && other_bits a.h5 bit.h5 && ! other_bits a.h5 b.h5 &&
    ! other_bits a.h5 shape.h5 && ! other_bits a.h5 bit.h5 /critic
}

# Of a test file of its own: what is counted is what run_tests prints.
test_a_test_that_fails_or_skips_without_a_reason_counts_as_failed() {
  cat >some_test.sh <<END
. "$ROOT/tests/cli/support.sh"
test_good() { true; }
test_bad() { false; }
test_skipped() { skip "no such thing here"; }
test_silent() { return 77; }
run_tests
END
  run 1 env -u TEST bash some_test.sh && says out '^ok good$' && says out '^not ok bad$' && says out '^skip skipped$' &&
    says out 'no such thing here' && says out '^not ok silent: ' && [ "$(grep -cE '^(ok|not ok|skip) ' out)" -eq 4 ]
}

# Whatever code does wrong with an input, the program that tried it fails and keeps the input.
test_a_fuzz_program_fails_with_the_input_that_was_too_much() {
  local fault input faulty=$tools/../fuzz/faulty
  export TMPDIR=$PWD # what dies leaves its file
  run 0 "$faulty" 20000 1 && says out '^ok faulty \(20000 executions\)$' || return 1
  for fault in abort pointer exit status; do
    run 1 env FAULT=$fault "$faulty" 20000 1 && says out '^not ok faulty$' || return 1
    input=$(ls faulty.failed-1-*) && [ "$(head -c 1 "$input")" = X ] && ! FAULT=$fault "$faulty" "$input" >again 2>&1 &&
      rm "$input" || { note "$fault: not the input"; return 1; }
  done
  # Nor does it pass when nothing comes of the very inputs that it begins with.
  run 1 env FAULT=unread "$faulty" 20000 1 && says err 'a seed that is read'
}

run_tests
