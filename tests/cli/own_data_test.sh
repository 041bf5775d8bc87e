# Data of one's own: layouts of axes, small files in memory, labels beside images, remedies that work, and notices.
. "$(dirname "$0")/support.sh"

h5py_only() { /usr/bin/python3 -c 'import h5py' 2>/dev/null || skip "python3-h5py is not installed"; }
# make_data TEXT: runs a text of Python in which h5(NAME, SET=VALUES, ..) makes a file, and r makes random numbers
make_data() {
  /usr/bin/python3 -c "
import h5py, numpy
r = numpy.random.default_rng(1)
def h5(name, **sets):
  with h5py.File(name, 'w') as file:
    for key, value in sets.items(): file[key] = value
$1"
}
# learn STATUS NP FILE VALUES OPTIONS...: trains small networks on a file of samples of so many values
learn() {
  run "$1" mpi "$2" train --data.source hdf5 --data.path "$3" --generator.latent=4 --generator.layers="dense 8, relu, dense $4" \
    --critic.layers="flatten, dense 8, leaky_relu 0.2, dense 1" --batch 12 --shards 4 --samples.every=0 --samples.count=4 \
    --eval.samples=20 --iterations 6 "${@:5}"
}

test_a_file_in_memory_trains_to_the_same_bits_as_one_that_is_not() {
  h5py_only
  make_data "
h5('bytes.h5', x=r.integers(0, 256, (50, 3, 8, 6), dtype='u1'), labels=numpy.arange(50) % 5)
h5('doubles.h5', x=r.normal(size=(50, 144)))" || return 1
  local file
  for file in bytes doubles; do
    learn 0 1 $file.h5 144 --run.dir $file-1 && learn 0 3 $file.h5 144 --run.dir $file-3 &&
      learn 0 2 $file.h5 144 --run.dir $file-0 --data.memory=0 &&
      same_state "$(checkpoint_name $file-1 6)" "$(checkpoint_name $file-3 6)" &&
      same_state "$(checkpoint_name $file-1 6)" "$(checkpoint_name $file-0 6)" || return 1
  done
}

test_channels_first_and_last_train_to_the_same_bits() {
  h5py_only
  make_data "
x = r.integers(0, 256, (50, 3, 8, 6), dtype='u1')
h5('first.h5', x=x)
h5('last.h5', x=x.transpose(0, 2, 3, 1))" || return 1
  learn 0 2 first.h5 144 --run.dir first && learn 0 2 last.h5 144 --run.dir last &&
    same_state "$(checkpoint_name first 6)" "$(checkpoint_name last 6)"
}

test_the_memory_that_is_foretold_counts_a_file_that_is_held() {
  h5py_only
  make_data "h5('x.h5', x=r.normal(size=(5000, 144)).astype('f8'))" || return 1
  local host
  for host in 256:2880000 2:0; do
    run 0 "$PROGRAM" config --memory --np 4 --json --data.source hdf5 --data.path x.h5 --data.memory=${host%:*} \
      --generator.layers="dense 144" &&
      /usr/bin/python3 -c "
import json
rows = [row for row in json.load(open('out'))['memory_bytes'] if row['what'] == 'data set']
assert [row['host'] for row in rows] == [${host#*:}], rows" || return 1
  done
}

test_inspect_says_the_axes_and_training_asks_where_they_are_not_clear() {
  h5py_only
  make_data "
h5('series.h5', x=r.normal(size=(50, 2, 30)))
h5('unclear.h5', x=r.normal(size=(50, 8, 9, 10)))" || return 1
  run 0 "$PROGRAM" inspect series.h5 && says out 'axes of the file   NCL \(series\)' && says out 'shape of a sample  \(2, 30\)' &&
    learn 0 2 series.h5 60 --run.dir series --critic.layers="conv 2 kernel 3 padding 1, leaky_relu 0.2, dense 1" || return 1
  run 2 "$PROGRAM" inspect unclear.h5 && one_message && says err 'data\.axes, out of NCHW, NHWC, NDHW \(' &&
    learn 2 3 unclear.h5 720 && one_message && says err 'data\.axes, out of NCHW, NHWC, NDHW \(' || return 1
  run 0 "$PROGRAM" inspect unclear.h5 --data.axes NHWC && says out 'shape of a sample  \(10, 8, 9\)' &&
    learn 0 2 unclear.h5 720 --run.dir unclear --data.axes NDHW &&
    run 0 "$PROGRAM" inspect unclear/latest.h5 --json && says out '"data_shape": \[ 1, 8, 9, 10 \]'
}

# Of (1, 4, 4, 4) the sizes alone would not tell which are the channels; the file does.
test_samples_of_volumes_can_be_trained_on() {
  run 0 "$PROGRAM" train --data.source showers --shower.cells 4 --batch 12 --iterations 1 --eval.samples=8 --samples.count=4 --run.dir one \
    --generator.layers="dense 64, reshape 1 4 4 4" --critic.layers="flatten, dense 1" &&
    run 0 "$PROGRAM" sample one/latest.h5 -n 30 -o samples.h5 && run 0 "$PROGRAM" inspect samples.h5 &&
    says out 'axes of the file   NCDHW' && says out 'shape of a sample  \(1, 4, 4, 4\)' &&
    learn 0 2 samples.h5 64 --run.dir two --critic.layers="conv 2 kernel 2 stride 2, leaky_relu 0.2, dense 1"
}

test_labels_beside_a_file_are_found_and_a_run_without_them_goes_on() {
  make_data "
import struct
def idx(name, *sizes): open(name, 'wb').write(struct.pack('>HBB%dI' % len(sizes), 0, 8, len(sizes), *sizes) + bytes(i % 7 for i in range(numpy.prod(sizes))))
idx('a-images-idx3-ubyte', 40, 4, 3); idx('later', 40)" 2>/dev/null || skip "python3-h5py is not installed"
  local images=(--data.source idx --data.path a-images-idx3-ubyte)
  learn 0 1 a-images-idx3-ubyte 12 "${images[@]}" --run.dir run --iterations 3 || return 1
  mv later a-labels-idx1-ubyte
  run 0 "$PROGRAM" inspect a-images-idx3-ubyte && says out 'classes            7' &&
    learn 0 2 a-images-idx3-ubyte 12 "${images[@]}" --run.dir run --resume && says out 'goes on from' &&
    learn 0 1 a-images-idx3-ubyte 12 "${images[@]}" --run.dir run --resume --iterations 8 && says out 'goes on from'
}

# Each remedy is taken from the message and tried.
test_what_is_advised_for_files_that_cannot_be_read_helps() {
  h5py_only
  command -v h5repack >/dev/null || skip "h5repack is not installed"
  make_data "
x = r.normal(size=(40, 6)).astype('f4')
h5('part.h5', v=x)
layout = h5py.VirtualLayout((40, 6), 'f4')
layout[:] = h5py.VirtualSource('part.h5', 'v', (40, 6))
with h5py.File('virtual.h5', 'w') as f: f.create_virtual_dataset('v', layout)
with h5py.File('named.h5', 'w') as f: f.create_virtual_dataset('my data;\$x', layout)
with h5py.File('comma.h5', 'w') as f: f.create_virtual_dataset('a,b', layout)
with h5py.File('external.h5', 'w') as f: f.create_dataset('v', data=x, external=[('raw', 0, 960)])
with h5py.File('lzf.h5', 'w') as f: f.create_dataset('v', data=x, compression='lzf')
with h5py.File('offset.h5', 'w') as f: f.create_dataset('v', data=(9 * x).astype('i4'), scaleoffset=0)
with h5py.File('pieces.h5', 'w') as f: f.create_dataset('v', data=r.normal(size=(2, 5000)).astype('f4'), chunks=(2, 1), compression='gzip')" || return 1
  local kind remedy
  for kind in virtual named comma external lzf offset pieces; do
    rm -f NEW.h5 && run 3 "$PROGRAM" inspect $kind.h5 && one_message && cp $kind.h5 OLD.h5 || return 1
    remedy=$(sed -nE "s/.*(h5repack .*NEW\.h5).*/\1/p; s/.*python3( -c '.*')/\/usr\/bin\/python3\1/p" err)
    note "$kind: $remedy"
    bash -c "$remedy" && run 0 "$PROGRAM" inspect NEW.h5 || return 1
  done
}

test_the_copy_advised_for_lzf_has_all_that_the_file_had() {
  h5py_only
  make_data "
with h5py.File('OLD.h5', 'w') as f:
  f.attrs['made'] = 'by hand'
  g = f.create_group('g')
  g.attrs['n'] = 3
  f.create_dataset('x', data=r.normal(size=(40, 6)).astype('f4'), compression='lzf').attrs['unit'] = 'cm'
  f.create_dataset('labels', data=numpy.arange(40) % 3, compression='lzf')
  g.create_dataset('names', data=['a', 'b'], dtype=h5py.string_dtype())" || return 1
  run 3 "$PROGRAM" inspect OLD.h5 && one_message || return 1
  bash -c "$(sed -nE "s/.*python3( -c '.*')/\/usr\/bin\/python3\1/p" err)" && run 0 "$PROGRAM" inspect NEW.h5 && says out 'classes +3' &&
    /usr/bin/python3 -c "
import h5py
o, n = h5py.File('OLD.h5'), h5py.File('NEW.h5')
assert (n['x'][()] == o['x'][()]).all() and (n['labels'][()] == o['labels'][()]).all() and n['labels'].dtype == o['labels'].dtype
assert n.attrs['made'] == 'by hand' and n['g'].attrs['n'] == 3 and n['x'].attrs['unit'] == 'cm' and list(n['g/names']) == [b'a', b'b']
assert not n['x'].compression"
}

# The script stands for ImageMagick's mogrify: it notes the names.
test_the_command_for_pictures_of_other_formats_reaches_all_of_them() {
  mkdir -p "my pics/a b" "my pics/c/d" bin && touch "my pics/a b/1.jpg" "my pics/a b/2.JPEG" "my pics/c/d/it's.Jpg" "my pics/c/4.txt"
  printf '#!/bin/bash\nfor name in "${@:3}"; do echo "$name" >>%q; done\n' "$PWD/seen" >bin/mogrify && chmod +x bin/mogrify || return 1
  run 3 mpi 1 train --data.source hdf5 --data.path "my pics" && one_message && says err "gan_dist convert 'my pics' -o" || return 1
  PATH=$PWD/bin:$PATH bash -c "$(sed -nE 's/.*"(find [^"]*)".*/\1/p' err)" && [ "$(sort seen | tr '\n' '|')" = \
    "my pics/a b/1.jpg|my pics/a b/2.JPEG|my pics/c/d/it's.Jpg|" ] || { note "seen: $(cat seen)"; return 1; }
}

test_pictures_that_are_not_converted_are_told() {
  mkdir -p pics/a pics/b
  printf '\0\0\10\3\0\0\0\2\0\0\0\1\0\0\0\1ab' >pics/a/some.idx && touch pics/b/1.jpg pics/b/2.GIF pics/b/text || return 1
  run 0 "$PROGRAM" convert pics -o data.h5 --labels none && says out '^2 images of' && says out '3 other files ignored' &&
    says out '2 of them are pictures of formats that are not read, .*find -L pics ' || return 1
  cp pics/a/some.idx pics/some.png && run 3 "$PROGRAM" train --data.source hdf5 --data.path pics && says err 'make PNG of the others'
}

test_pictures_as_data_lead_to_convert() {
  mkdir -p photos/cats && touch photos/cats/a.jpg || return 1
  local source
  for source in hdf5 idx; do
    run 3 mpi 2 train --data.source $source --data.path photos && one_message &&
      says err 'photos is a folder of pictures; .*gan_dist convert photos .*reads PNG and IDX' || return 1
  done
  run 3 "$PROGRAM" convert photos -o data.h5 && says err 'PNG and IDX files can be read; JPEG'
}

test_settings_that_are_rarely_meant_are_told_once() {
  h5py_only
  make_data "h5('x.h5', x=3 * r.normal(size=(50, 5)))" || return 1
  learn 0 3 x.h5 "5, tanh" --batch 60 --eval.samples=100 --run.dir run || return 1
  says out 'train\.batch: a batch of 60 is more than the 50 samples' && says out 'eval\.samples: 100 are asked for, but there are 50' &&
    says out 'the data reach from -[0-9.]+ to [0-9.]+, and the .* last layer, tanh, gives -1 to 1' || return 1
  [ "$(grep -cE 'train\.batch:|eval\.samples:|the data reach' out)" -eq 3 ] || { note "told more than once"; return 1; }
  learn 0 1 x.h5 "5, sigmoid, reshape 5" --data.minimum=-20 --data.maximum=20 --run.dir sigmoid && says out 'sigmoid, gives 0 to 1' &&
    learn 0 1 x.h5 "5, tanh" --data.minimum=-20 --data.maximum=20 --run.dir fits &&
    ! grep -E 'train\.batch:|eval\.samples:|the data reach' out && learn 0 1 x.h5 5 --run.dir free && ! grep 'the data reach' out || return 1
  # Ranges: of elu with its argument, https://pytorch.org/docs/stable/generated/torch.nn.ELU.html; gelu and silu have
  # their least values near -0.17 and -0.28. What comes behind may average, choose or arrange them, and no more.
  local ends=("elu 0.5=elu, gives -0.5 to inf" "gelu=gelu, gives -0.17 to inf" "silu=silu, gives -0.2785 to inf"
    "relu=relu, gives 0 to inf" "leaky_relu 0=leaky_relu, gives 0 to inf" "tanh, dropout 0.2=tanh, gives" "reshape 1 1 5, tanh, average_pool 1, flatten=tanh, gives") i
  for i in "${!ends[@]}"; do
    learn 0 1 x.h5 "5, ${ends[i]%%=*}" --run.dir "range$i" && says out "last layer, ${ends[i]#*=}" || return 1
  done
}

test_keys_that_the_source_does_not_read_are_refused() {
  printf '\0\0\10\3\0\0\0\2\0\0\0\1\0\0\0\1ab' >x.idx
  local images=(--data.source idx --data.path x.idx --data.axes NHW --generator.layers="dense 1, reshape 1 1 1" --critic.layers="flatten, dense 1" --iterations 1)
  run 2 mpi 2 train "${tiny[@]}" --data.path x.h5 --run.dir ring && one_message &&
    says err 'data\.path has no effect with data\.source = ring: it needs data\.source = idx or hdf5 or npy; without that, leave it empty$' &&
    run 2 mpi 2 train "${tiny[@]}" "${images[@]}" --data.dataset foo --run.dir idx && says err 'data\.dataset has no effect with data\.source = idx' &&
    run 2 mpi 2 train "${tiny[@]}" "${images[@]}" --shower.cells 4 --run.dir idx && says err 'shower\.cells has no effect .* it needs data\.source = showers;' &&
    run 0 mpi 2 train "${tiny[@]}" "${images[@]}" --data.minimum=0 --run.dir idx || return 1
  run 2 "$PROGRAM" inspect x.idx --data.dataset foo && one_message && says err '--data\.dataset means nothing to x\.idx' &&
    run 2 "$PROGRAM" inspect x.idx --data.memory 0 && says err '--data\.memory means nothing to inspect' &&
    run 0 "$PROGRAM" inspect x.idx --data.axes NHW && run 2 "$PROGRAM" inspect idx/latest.h5 --data.axes NHW &&
    run 0 env GAN_DIST_DATA_DATASET=foo "$PROGRAM" inspect x.idx
}

# The rules of HDF5: its signature is at 0, 512, 1024, ..; MATLAB's files begin with 512 bytes of their own.
test_files_with_a_user_block_are_inspected() {
  h5py_only
  local bytes
  for bytes in 512 2048; do
    /usr/bin/python3 -c "
import h5py, numpy
with h5py.File('m.mat', 'w', userblock_size=$bytes) as f: f['x'] = numpy.zeros((7, 3), 'f4')
open('m.mat', 'r+b').write(b'MATLAB 7.3 MAT-file')" && run 0 "$PROGRAM" inspect m.mat && says out '^  samples +7$' || return 1
  done
}

test_bounds_too_close_and_values_beyond_float32_are_refused() {
  h5py_only
  make_data "
x = r.normal(size=(20, 5))
h5('x.h5', x=x)
y = x.copy(); y[7, 3] = 1e300
h5('large.h5', x=y)
h5('far.h5', x=numpy.full((20, 5), 1e20, 'f4'))
z = numpy.zeros((20, 4, 6, 3)); z[19, 2, 5, 1] = -2e200; z[19, 3, 0, 2] = 3e200
h5('turned.h5', x=z)" || return 1
  local maximum memory
  for maximum in 1e-45 1e-300; do
    learn 2 1 x.h5 5 --data.maximum=$maximum && one_message && says err "data\.minimum 0 and data\.maximum $maximum are too close" || return 1
  done
  for memory in 0 256; do
    learn 3 2 far.h5 5 --data.minimum=-1e-29 --data.maximum=1e-29 --data.memory=$memory --run.dir a$memory && one_message &&
      says err 'sample [0-9]+ reaches 1e\+49, beyond' || return 1
    learn 3 1 large.h5 5 --data.memory=$memory --run.dir b$memory && says err 'element 3 of sample 7 is 1e\+300, beyond float32' || return 1
  done
  run 3 mpi 1 train --data.source hdf5 --data.path turned.h5 --data.axes NHWC --generator.layers="dense 72, reshape 3 4 6" \
    --critic.layers="flatten, dense 1" && says err "element 41 of sample 19 is -2e\+200, beyond"
}

test_samples_that_were_removed_are_not_replaced_by_their_latents() {
  h5py_only
  run 0 "$PROGRAM" train "${tiny[@]}" --iterations 1 --run.dir run && run 0 "$PROGRAM" sample run/latest.h5 -n 10 -o s.h5 &&
    /usr/bin/python3 -c "import h5py; del h5py.File('s.h5', 'r+')['samples']" || return 1
  run 3 "$PROGRAM" inspect s.h5 && one_message && says err 'its data set samples is missing' && run 0 "$PROGRAM" inspect s.h5 --data.dataset latents
}

test_types_that_are_no_numbers_are_named_with_what_to_do() {
  h5py_only
  make_data "
h5('bool.h5', x=r.normal(size=(9, 4)) > 0)
h5('text.h5', x=numpy.full((9, 4), b'ab'))
h5('records.h5', x=numpy.zeros((9, 4), [('a', 'f4'), ('b', 'i4')]))
x = r.normal(size=(9, 4))
for name, labels in dict(float=numpy.zeros(9), nan=numpy.full(9, numpy.nan), bool=numpy.zeros(9, '?'), text=numpy.full(9, b'a'), negative=-numpy.ones(9, 'i4'),
  table=numpy.zeros((9, 2), 'i4'), few=numpy.zeros(1, 'i4')).items(): h5('labels-' + name + '.h5', x=x, labels=labels)
with h5py.File('labels-group.h5', 'w') as f: f['x'] = x; f.create_group('labels')" || return 1
  run 3 "$PROGRAM" inspect bool.h5 && says err 'truth values.*astype\("u1"\)' && run 3 "$PROGRAM" inspect text.h5 && says err 'holds texts' &&
    run 3 "$PROGRAM" inspect records.h5 && says err 'holds records: store the field' || return 1
  local kind
  for kind in float nan bool text negative table few group; do
    run 3 "$PROGRAM" inspect labels-$kind.h5 --data.dataset x && one_message && says err 'data\.labels = none does without' &&
      run 0 "$PROGRAM" inspect labels-$kind.h5 --data.dataset x --data.labels none || return 1
  done
}

test_the_right_source_and_links_are_named() {
  h5py_only
  make_data "
h5('x.h5', x=r.normal(size=(9, 4)))
with h5py.File('soft.h5', 'w') as f: f['g/x'] = r.normal(size=(9, 4)); f['short'] = h5py.SoftLink('/g/x')
with h5py.File('external.h5', 'w') as f: f['away'] = h5py.ExternalLink('x.h5', '/x')" || return 1
  printf '\0\0\10\3\0\0\0\2\0\0\0\1\0\0\0\1ab' >x.idx && mkdir folder mnist && cp x.idx mnist/train-images-idx3-ubyte || return 1
  learn 3 1 x.idx 1 && says err 'data\.source = idx reads' && learn 3 1 x.h5 1 --data.source idx && says err 'data\.source = hdf5 reads' &&
    learn 3 1 folder 1 && says err 'folder is a folder: name a file' && learn 3 1 mnist 1 && says err 'data\.source = idx reads' || return 1
  run 3 "$PROGRAM" inspect soft.h5 && says err 'data\.dataset = short' && run 0 "$PROGRAM" inspect soft.h5 --data.dataset short &&
    run 3 "$PROGRAM" inspect external.h5 && says err 'data\.dataset = away' && run 0 "$PROGRAM" inspect external.h5 --data.dataset away
}

test_inspecting_pictures_leads_to_convert() {
  mkdir pics && echo jpeg >pics/one.jpg && mkdir empty || return 1
  run 3 "$PROGRAM" inspect pics && one_message && says err '^gan_dist: pics is a folder of pictures; .*gan_dist convert pics' &&
    run 3 "$PROGRAM" inspect pics/one.jpg && one_message && says err 'one\.jpg is a picture; .*gan_dist convert FOLDER' &&
    run 3 "$PROGRAM" inspect empty && says err 'without a checkpoint'
}

run_tests
