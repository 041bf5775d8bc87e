# Spectral normalisation: the same bits at any np and after a resumption, names as PyTorch's, and samples drawn as in training.
. "$(dirname "$0")/support.sh"

# Vectors of both networks, of layers that also have statistics, and an average of the generator.
normalised=("${tiny[@]}" --iterations 8 --train.ema_decay=0.9 --critic.clip=0 --critic.spectral_norm
  --generator.layers="dense 16 spectral_norm, batch_norm, relu, dense 2 spectral_norm no_bias"
  --critic.layers="dense 16, leaky_relu 0.2, batch_norm, dense 8 no_bias, tanh, dense 1 spectral_norm")

# Images, with a layer of each kind that can be normalised. Sizes that no block of a reduction ends at.
images=(--preset fashion --batch 24 --shards 8 --iterations 3 --train.n_critic 2 --train.ema_decay=0.9 --critic.clip=0 --eval.samples=16
  --samples.count=4 --generator.latent=6
  --generator.layers="dense 60 spectral_norm, batch_norm, relu, reshape 15 2 2, conv_transpose 24 kernel 7 spectral_norm, batch_norm,
    relu, conv_transpose 12 kernel 3 stride 3 padding 1 no_bias spectral_norm, relu, conv 6 kernel 1, relu,
    conv_transpose 1 kernel 7, tanh"
  --critic.layers="residual, conv 8 kernel 4 stride 2 padding 1, shortcut, average_pool 2, conv 8 kernel 1, end, leaky_relu 0.2,
    conv 20 kernel 4 stride 2 padding 1 no_bias, leaky_relu 0.2, dense 24 spectral_norm, leaky_relu 0.2, dense 1" --critic.spectral_norm)

test_normalised_networks_are_the_same_at_any_np() {
  local ranks
  for ranks in 1 2 3 5 8; do
    run 0 mpi $ranks train "${normalised[@]}" --run.dir np$ranks || return 1
    same_state np1/latest.h5 np$ranks/latest.h5 && same_state np1/metrics.h5 np$ranks/metrics.h5 /train/critic_gradient_norm \
      /train/generator_gradient_norm || return 1
  done
}

# The penalty's pass goes back beside the critic's own, and adds to the same sums.
test_gradient_penalties_of_normalised_critics_are_the_same_at_any_np() {
  local ranks options=("${normalised[@]}" --iterations 4 --critic.gradient_penalty=10 --critic.r1=1
    --critic.layers="dense 16, leaky_relu 0.2, layer_norm, dense 8 no_bias, tanh, dense 1")
  for ranks in 1 3 8; do
    run 0 mpi $ranks train "${options[@]}" --run.dir np$ranks && same_state np1/latest.h5 np$ranks/latest.h5 || return 1
  done
}

test_every_reduction_corrects_the_gradient_alike() {
  local reduction
  run 0 "$PROGRAM" train "${normalised[@]}" --iterations 2 --trace alone.h5 --run.dir alone || return 1
  for reduction in flat shared hierarchical; do
    GAN_PRETEND_HOSTS=$([ $reduction = hierarchical ] && echo 2 || echo 1) run 0 mpi 3 train "${normalised[@]}" --iterations 2 \
      --reduction $reduction --trace $reduction.h5 --run.dir $reduction || return 1
    same_state alone/latest.h5 $reduction/latest.h5 && same_state alone.h5 $reduction.h5 || return 1
  done
}

test_it_goes_on_with_other_np_as_if_never_stopped() {
  run 0 mpi 2 train "${normalised[@]}" --run.dir whole && run 75 mpi 8 train "${normalised[@]}" --run.dir parts --run.stop_at=2 &&
    run 75 mpi 3 train --run.dir parts --resume --run.stop_at=5 && run 0 mpi 5 train --run.dir parts --resume &&
    same_state whole/latest.h5 parts/latest.h5
}

test_images_are_the_same_at_any_np_and_resumed() {
  run 0 mpi 1 train "${images[@]}" --run.dir np1 && run 75 mpi 8 train "${images[@]}" --run.dir parts --run.stop_at=1 &&
    run 0 mpi 3 train --run.dir parts --resume && same_state np1/latest.h5 parts/latest.h5
}

# The average has the weights' mean and the generator's vectors; neither a picture nor an evaluation moves them.
test_samples_are_those_of_the_trainers_picture() {
  run 0 mpi 2 train "${images[@]}" --run.dir run --samples.every=1 --eval.every=1 && run 0 mpi 1 train "${images[@]}" --run.dir quiet || return 1
  same_state run/latest.h5 quiet/latest.h5 /generator /critic /ema || return 1
  local kind
  for kind in weight_u weight_v; do same_state run/latest.h5 run/latest.h5 /generator/0.$kind /ema/0.$kind || return 1; done
  run 0 "$PROGRAM" sample run/latest.h5 -n 4 -o average.png && cmp average.png run/samples-0000003.png || return 1
  run 0 mpi 1 train "${images[@]}" --run.dir raw --samples.ema=no && run 0 "$PROGRAM" sample raw/latest.h5 -n 4 -o raw.png &&
    cmp raw.png raw/samples-0000003.png || return 1
  cmp -s raw.png average.png && { note "the average is the generator"; return 1; }
  return 0
}

test_names_and_shapes_are_those_of_a_state_dict() {
  run 0 mpi 1 train "${images[@]}" --iterations 1 --run.dir run || return 1
  /usr/bin/python3 - <<'P'
import h5py
def shapes(group):
    return {name: file[group][name].shape for name in file[group] if "weight" in name}
with h5py.File("run/latest.h5") as file:
    critic, generator = shapes("critic"), shapes("generator")
assert critic == {
    "0.main.0.weight_orig": (8, 1, 4, 4), "0.main.0.weight_u": (8,), "0.main.0.weight_v": (16,),
    "0.shortcut.1.weight_orig": (8, 1, 1, 1), "0.shortcut.1.weight_u": (8,), "0.shortcut.1.weight_v": (1,),
    "2.weight_orig": (20, 8, 4, 4), "2.weight_u": (20,), "2.weight_v": (128,),
    "4.weight_orig": (24, 980), "4.weight_u": (24,), "4.weight_v": (980,),
    "6.weight_orig": (1, 24), "6.weight_u": (1,), "6.weight_v": (24,)}, critic
# A transposed convolution's matrix has a row for each of its outputs.
assert generator["4.weight_orig"] == (15, 24, 7, 7) and generator["4.weight_u"] == (24,) and generator["4.weight_v"] == (735,)
assert generator["9.weight"] == (6, 12, 1, 1) and "9.weight_u" not in generator
P
}

test_state_dicts_load_strictly_and_give_the_same_samples() {
  pytorch_only
  run 0 mpi 1 train "${images[@]}" --iterations 2 --run.dir run && run 0 "$PROGRAM" sample run/latest.h5 -n 8 -o samples.h5 || return 1
  PYTHONPATH=$ROOT/scripts /usr/bin/python3 - "${images[@]}" <<'P'
import sys
import h5py, numpy, torch
from torch_layers import module_of_layers
torch.set_default_dtype(torch.float64)
layers = {key: value for key, value in (word[2:].split("=", 1) for word in sys.argv if "layers=" in word)}
layers["critic.layers"] = ",".join(line + " spectral_norm" * (line.split()[0] in ("dense", "conv") and "spectral" not in line)
                                   for line in layers["critic.layers"].split(","))
with h5py.File("run/latest.h5") as file:
    for group, key, shape in (("critic", "critic.layers", (1, 28, 28)), ("generator", "generator.layers", (6,)), ("ema", "generator.layers", (6,))):
        network = module_of_layers(layers[key], shape)
        network.load_state_dict({name: torch.as_tensor(file[group][name][()]) for name in file[group]}, strict=True)
with h5py.File("samples.h5") as file:
    wanted = network.eval()(torch.as_tensor(file["latents"][()]).double()).detach().numpy()
    assert abs(wanted.reshape(8, -1) - file["samples"][()].reshape(8, -1)).max() < 1e-5
P
}

test_what_cannot_be_normalised_is_refused() {
  run 2 "$PROGRAM" train "${tiny[@]}" --critic.layers="dense 4, layer_norm spectral_norm, dense 1" && one_message &&
    says err 'layer 2 \("layer_norm spectral_norm"\)' &&
    run 2 "$PROGRAM" train "${tiny[@]}" --critic.layers="dense 4 spectral_norm spectral_norm, dense 1" && one_message &&
    says err 'there twice' &&
    run 2 "$PROGRAM" train "${normalised[@]}" --critic.clip=0.01 && one_message && says err 'set critic.clip to 0, or leave' &&
    run 2 "$PROGRAM" train "${tiny[@]}" --critic.layers="dense 4 spectral_norm, dense 1 spectral_norm" --critic.clip=0 --critic.clip_norm=1 &&
    one_message && says err 'set critic.clip_norm to 0, or leave' &&
    run 2 "$PROGRAM" train --preset fashion --critic.layers="global_average_pool" --critic.clip=0 --critic.spectral_norm && one_message &&
    says err 'critic.layers has none' || return 1
}

test_a_run_that_goes_on_keeps_its_normalisation() {
  run 75 "$PROGRAM" train "${tiny[@]}" --iterations 3 --run.dir run --run.stop_at=1 || return 1
  run 2 "$PROGRAM" train --run.dir run --resume --critic.spectral_norm --critic.clip=0 && one_message &&
    says err 'without spectral normalisation of layer 1 \("dense"\) of critic.layers.*--critic.spectral_norm=no' || return 1
  run 2 mpi 2 train --run.dir run --resume --generator.layers="dense 16, relu, dense 2 spectral_norm" && one_message &&
    says err 'layer 3 \("dense"\) of generator.layers.*the generator.layers that it had' || return 1
  run 75 "$PROGRAM" train "${normalised[@]}" --run.dir with --run.stop_at=1 || return 1
  run 2 "$PROGRAM" train --run.dir with --resume --critic.spectral_norm=no && one_message &&
    says err 'with spectral normalisation of layer 1 .*--critic.spectral_norm=yes' && run 0 "$PROGRAM" train --run.dir with --resume
}

# A weight that is not normalised may grow: clipping bounds it, and without anything does.
test_a_critic_normalised_in_part_is_none_that_is_bounded() {
  local part=("${tiny[@]}" --iterations 1 --critic.layers="dense 8 spectral_norm, relu, dense 8, relu, dense 1 spectral_norm")
  echo '[run]' >bare.ini
  run 0 "$PROGRAM" train bare.ini "${part[@]}" --run.dir usual && says usual/config.ini '^clip = 0\.01$' && run 0 "$PROGRAM" train "${part[@]}" --critic.clip=0.2 --run.dir own &&
    says own/config.ini '^clip = 0\.2$' && ! grep -q 'stays beside' out && run 0 "$PROGRAM" train "${part[@]}" --critic.clip=0 --run.dir none &&
    says out "nothing keeps the critic's slope bounded.*critic.dragan, critic.r1" && run 0 "$PROGRAM" train "${part[@]}" --critic.clip=0 --critic.clip_norm=1 --run.dir norm
}

test_memory_counts_the_normalised_weights() {
  run 0 "$PROGRAM" config --memory "${normalised[@]}" && says out '^critic +weights as normalised spectrally ' &&
    says out '^generator +weights as normalised spectrally ' && run 0 "$PROGRAM" config --memory "${tiny[@]}" && ! grep -q spectral out
}

run_tests
