# gan_dist classify: a classifier of labelled data, the same for any number of ranks, in a file that is whole or absent.
. "$(dirname "$0")/support.sh"

# labelled: images of 8 x 8 as MNIST's files in data/, and the same in data.h5: one of four quarters is brighter than the others
labelled() {
  mkdir -p data && /usr/bin/python3 - <<'P'
import struct, h5py, numpy as np
random = np.random.default_rng(1)
def make(count, images, labels):
    y = random.integers(0, 4, count)
    x = random.integers(0, 160, (count, 8, 8))
    for i, quarter in enumerate(y):
        x[i, quarter // 2 * 4:quarter // 2 * 4 + 4, quarter % 2 * 4:quarter % 2 * 4 + 4] += 60
    open(f"data/{images}", "wb").write(struct.pack(">IIII", 0x803, count, 8, 8) + x.astype(np.uint8).tobytes())
    open(f"data/{labels}", "wb").write(struct.pack(">II", 0x801, count) + y.astype(np.uint8).tobytes())
    return x, y
x, y = make(800, "train-images-idx3-ubyte", "train-labels-idx1-ubyte")
make(200, "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
order = np.argsort(y, kind="stable")  # class after class: what is held out must not be the last class
with h5py.File("data.h5", "w") as file:
    file["images"], file["labels"] = x[order, None].astype(np.uint8), y[order]
    file["unlabelled"] = x[:, None].astype(np.uint8)
P
}

small=(--classifier.layers="conv 8 kernel 3 padding 1, batch_norm, relu, max_pool 2, dropout 0.2, dense 16, relu" --batch 40
  --iterations 60 --optimizer.name adamw --optimizer.learning_rate=5e-3)
write_ini() { printf '[run]\niterations = 60\n[data]\nsource = idx\npath = data\n' >small.ini; }

test_a_classifier_learns_in_seconds_and_says_how_well() {
  labelled && write_ini && run 0 mpi 2 classify small.ini "${small[@]}" -o c.h5 --json || return 1
  json_says "d['accuracy'] >= 0.95 and d['test_samples'] == 200 and not d['held_out'] and d['train_samples'] == 800 and d['classes'] == 4 \
    and d['features'] == 16 and d['iterations'] == 60 and d['file'] == 'c.h5' and d['samples_seen'] == 2400" || return 1
  run 0 "$PROGRAM" classify small.ini "${small[@]}" -o c.h5 && says out '^iteration 60/60 \(100%\)  loss [0-9.]+  right [0-9.]+ %' &&
    says out '^accuracy +(9[5-9]|100)\.[0-9]+ % of 200 test samples$' && says out '^trained with +2400 samples of 4 classes, 3 times all 800 that there are$' || return 1
  run 0 "$PROGRAM" inspect c.h5 && says out '^classifier c\.h5$' && says out '^  classes +4$' && says out '^  trained on +idx data$' &&
    says out '^  accuracy +(9[5-9]|100)\.[0-9]+ % of 200 test samples$' && says out '/classifier/5\.weight ' && ! grep -q 'critic steps' out || return 1
  run 0 "$PROGRAM" inspect c.h5 --json && json_says "d['kind'] == 'classifier' and d['classes'] == 4 and d['feature_layers'] == 7 and d['iteration'] == 60"
}

test_the_number_of_ranks_changes_no_bit() {
  labelled && write_ini && run 0 mpi 1 classify small.ini "${small[@]}" --iterations 10 -q -o one.h5 || return 1
  local ranks
  for ranks in 2 3 8; do
    run 0 mpi $ranks classify small.ini "${small[@]}" --iterations 10 -q -o more.h5 && cmp one.h5 more.h5 || { note "on $ranks ranks"; return 1; }
  done
  run 0 mpi 3 classify small.ini "${small[@]}" --iterations 10 --reduction flat -q -o more.h5 && same_state one.h5 more.h5 || return 1
  run 0 "$PROGRAM" classify small.ini "${small[@]}" --iterations 10 --seed 1 -q -o more.h5 && ! cmp -s one.h5 more.h5
}

# What is held out are the same samples at any np, too: the accuracy is in the file.
test_hdf5_data_are_tested_with_a_share_held_out() {
  labelled || return 1
  local data=(--data.source hdf5 --data.path data.h5 --data.dataset images --data.labels labels)
  printf '[data]\nsource = hdf5\n' >small.ini
  run 0 mpi 3 classify small.ini "${data[@]}" "${small[@]}" -o three.h5 --json || return 1
  json_says "d['accuracy'] >= 0.9 and d['test_samples'] == 80 and d['train_samples'] == 720 and d['held_out']" || return 1
  run 0 "$PROGRAM" classify small.ini "${data[@]}" "${small[@]}" -q -o one.h5 && cmp one.h5 three.h5 || return 1
  run 0 "$PROGRAM" classify small.ini "${data[@]}" "${small[@]}" --classifier.held_out=0.25 -o c.h5 --json && json_says "d['test_samples'] == 200" || return 1
  run 0 "$PROGRAM" classify small.ini "${data[@]}" "${small[@]}" --classifier.test=data.h5 -o c.h5 --json &&
    json_says "d['test_samples'] == 800 and d['train_samples'] == 800 and not d['held_out']"
}

test_what_cannot_be_classified_is_refused() {
  labelled && write_ini || return 1
  refused() { # refused STATUS PATTERN ARGUMENT...
    run "$1" mpi 2 classify small.ini "${small[@]}" -o none.h5 "${@:3}" && one_message && says err "$2" && [ ! -e none.h5 ]
  }
  refused 2 'the data have no labels' --data.labels none &&
    refused 2 'classifier\.layers: layer 1 .*layer there is none|classifier\.layers: layer 1' --classifier.layers "nonsense 3" &&
    refused 2 'critics|depend on the other samples' --classifier.layers "minibatch_stddev, dense 16" &&
    refused 2 'no layer that gives features' --classifier.layers "" &&
    refused 3 'no\.idx' --classifier.test=no.idx && refused 2 'classifier\.held_out has no effect' --classifier.test=data --classifier.held_out=0.2 &&
    refused 2 'generator\.layers means nothing to classify' --generator.layers="dense 2" &&
    refused 3 'cannot open|No such file' --data.path nowhere || return 1
  printf '[data]\nsource = ring\n[generator]\nlatent = 4\n' >gan.ini
  run 2 "$PROGRAM" classify gan.ini -o none.h5 && one_message && says err 'generator\.latent, which gan\.ini sets, means nothing to classify' &&
    sed -i 2q gan.ini && run 2 mpi 2 classify gan.ini -o none.h5 && one_message && says err 'data\.source ring: the data have no labels' &&
    run 2 "$PROGRAM" train --preset fashion-classifier && one_message && says err 'classifier\.layers.*means nothing to train'
}

test_a_file_that_cannot_be_written_is_told_before_the_work() {
  labelled && write_ini && run 1 mpi 2 classify small.ini "${small[@]}" --iterations 100000000 -o nowhere/c.h5 && one_message &&
    says err 'cannot write nowhere/c.h5: No such file or directory; its folder has to be there'
}

test_a_classifier_is_no_generator() {
  labelled && write_ini && run 0 "$PROGRAM" classify small.ini "${small[@]}" --iterations 2 -q -o c.h5 &&
    run 2 "$PROGRAM" sample c.h5 -o s.png && one_message && says err 'c\.h5 is a classifier, and sample draws from a generator' &&
    run 2 "$PROGRAM" train "${tiny[@]}" --iterations 2 --resume=c.h5 --run.dir other && one_message && says err 'c\.h5 is a classifier' || return 1
  run 0 "$PROGRAM" train "${tiny[@]}" --iterations 2 --run.dir run -q &&
    run 2 mpi 2 classify small.ini "${small[@]}" -o run/latest.h5 && one_message && says err 'is a checkpoint of a training, which would be lost'
}

test_a_loss_that_is_no_number_ends_it_without_a_file() {
  labelled && write_ini && run 1 mpi 2 classify small.ini "${small[@]}" --optimizer.name sgd --optimizer.learning_rate=1e6 --optimizer.momentum=0.99 -o c.h5 && one_message &&
    says err 'classifier' && [ ! -e c.h5 ] && ! ls | grep -q partial
}

test_a_signal_ends_it_and_leaves_no_file() {
  labelled && write_ini || return 1
  "$PROGRAM" classify small.ini "${small[@]}" --iterations 10000000 --run.log_every=1 -o c.h5 >out 2>err &
  local job=$!
  trains() { grep -q '^iteration 3/' out || gone "$job"; }
  wait_until 60 trains && kill -TERM "$job"
  wait "$job"
  local status=$?
  [ $status -eq 75 ] || { note "status $status"; cat out err | tail; return 1; }
  one_message && says err 'stopped after iteration [0-9]+ of 10000000: nothing is written' && [ ! -e c.h5 ] && ! ls | grep -q partial
}

# The tensors under PyTorch's names: its modules give the accuracy that the file tells.
test_pytorch_reads_the_classifier() {
  pytorch_only
  labelled && write_ini && run 0 "$PROGRAM" classify small.ini "${small[@]}" -q -o c.h5 || return 1
  PYTHONPATH=$ROOT/scripts "$python" - <<'P'
import h5py, numpy as np, torch
from torch import nn
net = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout(0.2),
                    nn.Sequential(nn.Flatten(), nn.Linear(128, 16)), nn.ReLU(), nn.Linear(16, 4)).eval()
with h5py.File("c.h5") as file:
    accuracy = float(file.attrs["accuracy"])
    state = {name.replace("5.", "5.1."): torch.as_tensor(value[()]) for name, value in file["classifier"].items()}
net.load_state_dict(state)
x = np.frombuffer(open("data/t10k-images-idx3-ubyte", "rb").read()[16:], np.uint8).reshape(200, 1, 8, 8)
y = np.frombuffer(open("data/t10k-labels-idx1-ubyte", "rb").read()[8:], np.uint8)
logits = net(torch.as_tensor(x.astype(np.float32) * (2 / 255) - 1))
assert abs(float((logits.argmax(1).numpy() == y).mean()) - accuracy) < 1e-9, accuracy
P
}

run_tests
