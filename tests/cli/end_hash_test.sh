# The bits that training ends with, by backend, precision and kind of CPU, against pinned ones (tests/reference/end_hashes.txt):
# a change that is the same on any number of ranks is found here. Bits are those of versions of OpenBLAS, oneDNN and the C
# library, and of the kernels that they take, which a line names; without such a line there is nothing to compare. (run: slow)
#
# Libraries may choose by more than their kernels' names tell, such as sizes of caches. So other bits are a failure on the kinds
# of CPU that the pinned ones were made or found on ("tried on" in the file); elsewhere they are told, and the test is skipped.
#
# When bits change on purpose, END_HASHES=FILE has the new lines appended to FILE, and nothing compared; for instance
#   for build in build build/emulated; do
#     END_HASHES=$PWD/new BUILD=$build PROGRAM=$([ $build = build ] || echo $build/)gan_dist bash tests/cli/end_hash_test.sh
#   done
#   (grep '^#' tests/reference/end_hashes.txt; sort -u new) >sorted && mv sorted tests/reference/end_hashes.txt && rm new
# and only those CPUs stay "tried on" that have made or found the new ones.
. "$(dirname "$0")/support.sh"
pinned=$ROOT/tests/reference/end_hashes.txt

# Between them, most layers, both kinds of moments, and each of a backend's ways through products and convolutions.
dense=(--generator.latent=16 --generator.layers="dense 384, batch_norm, relu, dense 384, softplus, dense 2"
  --critic.layers="dense 384, layer_norm, leaky_relu 0.2, dense 384, tanh, dense 1" --batch 128 --shards 4
  --batch_norm.sync=no --optimizer.momentum=0.5)
convolutional=(--generator.latent=48 --generator.layers="dense 512, reshape 32 4 4, batch_norm, relu,
  conv_transpose 16 kernel 4 stride 2 padding 1, relu, residual, conv 16 kernel 3 padding 1, gelu, end, upsample 2 bilinear,
  average_pool 2, dense 2" --critic.layers="dense 1024, reshape 16 8 8, conv 32 kernel 4 stride 2 padding 1, leaky_relu,
  dropout 0.2, conv 32 kernel 3 padding 1, group_norm 4, silu, max_pool 2, minibatch_stddev, dense 64, elu, dense 1"
  --batch 96 --shards 3 --batch_norm.sync=no --optimizer.name adam --optimizer.learning_rate=0.0002 --critic.clip=0 --loss.name modified_minimax
  --train.ema_decay=0.9)
# As most runs are: nothing is said about shards and statistics.
usual=(--generator.latent=16 --generator.layers="dense 256, reshape 16 4 4, batch_norm, relu, conv 16 kernel 3 padding 1,
  batch_norm, relu, dense 2" --critic.layers="dense 256, batch_norm, leaky_relu 0.2, dense 64, leaky_relu 0.2, dense 1" --batch 72)
short=(--iterations 3 --train.n_critic=2 --samples.every=0 --eval.every=0 --eval.samples=64 --samples.count=4)

built_in() { "$PROGRAM" config --list backends | grep -q "^ *$1\b"; }

# Whether the CPU has a word in its flags; what the program may use is for GAN_CPU_LEVEL to say.
has() { grep -qw "$1" /proc/cpuinfo; }

# as LEVEL CORE ISA: what follows runs as on a CPU of this level, with these kernels of OpenBLAS and oneDNN. False where the
# CPU lacks them, and where an emulated AVX-512 plays no part.
as() {
  if [[ $PROGRAM == *emulated* ]]; then
    [ "$1" = avx512 ] || return 1
  else
    case $1 in avx512) has avx512vl || return 1 ;; avx2) has avx2 || return 1 ;; esac
  fi
  case $2 in SKYLAKEX) has avx512vl || return 1 ;; HASWELL) has avx2 || return 1 ;; esac
  export GAN_CPU_LEVEL=$1 OPENBLAS_CORETYPE=$2 ONEDNN_MAX_CPU_ISA=$3
}

# What the bits depend on, as the program and the system tell it in out: versions and kernels of the libraries.
libraries() {
  sed -nE '/^backend /{s/^[^:]*: //;s/; convolutions[^;]*//;s/, set by.*//;s/,? kernels//g;s/[ ,;]+/-/g;p}' out | tr '\n' ' '
  getconf GNU_LIBC_VERSION | tr ' ' '-'
}

# Whether pinned bits were made or found on a CPU of this kind.
cpu=$(awk -F': *' '/^vendor_id/ {v = $2} /^cpu family/ {f = $2} /^model\t/ {print v "-" f "-" $2; exit}' /proc/cpuinfo)
is_tried() { grep -qx "# tried on ${cpu:-another CPU}" "$pinned"; }

# Of every tensor's name and bytes.
hash_of() {
  /usr/bin/python3 - "$1" <<'P'
import hashlib, sys
import h5py

digest = hashlib.sha256()
with h5py.File(sys.argv[1], "r") as file:
    names = []
    file.visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None)
    for name in sorted(names):
        digest.update(name.encode() + file[name][()].tobytes())
print(digest.hexdigest()[:32])
P
}

# compare BACKEND PRECISION: the networks as things are set now; counts in compared.
compare() {
  local network key hash expected libraries
  run 0 "$PROGRAM" info --backend "$1" || return 1
  libraries=$(libraries)
  for network in dense convolutional usual; do
    local -n layers=$network
    key="$network $1 $2 $GAN_CPU_LEVEL $libraries"
    run 0 "$PROGRAM" train "${layers[@]}" "${short[@]}" --backend "$1" --precision "$2" --run.dir "$((++runs))" || return 1
    hash=$(hash_of "$(checkpoint_name $runs 3)") || return 1
    if [ -n "${END_HASHES:-}" ]; then
      echo "$key $hash" >>"$END_HASHES"
      continue
    fi
    expected=$(awk -v key="$key " 'index($0, key) == 1 {print $NF}' "$pinned")
    if [ -z "$expected" ]; then
      note "no pinned value for $key"
    elif [ "$expected" != "$hash" ]; then
      note "$key: $hash instead of $expected"
      is_tried && return 1
      note "but nothing was tried on a $cpu yet: a line \"# tried on $cpu\" in $pinned would make this a failure"
      return 77
    else
      compared=$((compared + 1))
    fi
  done
}

# These tests go through the levels by themselves.
once() { [[ $PROGRAM != *sanitize* && -z ${GAN_CPU_LEVEL:-} ]] || skip "the plain build compares, at all levels"; }

runs=0 compared=0
# Nothing to compare with is no success.
verdict() {
  note "$compared ends compared"
  [ -n "${END_HASHES:-}" ] || [ $compared -gt 0 ] || return 77
}

test_openblas_ends_with_the_pinned_bits() {
  once
  local setting
  for setting in "baseline PRESCOTT SSE41" "baseline NEHALEM SSE41" "avx2 HASWELL AVX2" "avx512 SKYLAKEX AVX512_CORE"; do
    as $setting || continue
    compare openblas float32 || return
  done
  verdict
}

# The last are those of an emulated AVX-512: libraries have what the CPU has.
test_onednn_ends_with_the_pinned_bits() {
  once
  built_in onednn || skip "this build has no oneDNN"
  local setting
  for setting in "baseline PRESCOTT SSE41" "avx2 HASWELL AVX2" "avx512 SKYLAKEX AVX512_CORE" "avx512 HASWELL AVX2"; do
    as $setting || continue
    compare onednn float32 || return
  done
  verdict
}

test_bfloat16_ends_with_the_pinned_bits() {
  once
  local setting
  for setting in "avx512 SKYLAKEX AVX512_CORE" "avx512 HASWELL AVX2"; do
    as $setting || continue
    "$PROGRAM" info --precision bf16 >out 2>err || { note "$(tail -1 err)"; continue; }
    compare onednn bf16 || return
  done
  verdict
}

run_tests
