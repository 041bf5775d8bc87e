# gan_dist convert: pictures and IDX files to a data set, what it refuses, and that nothing half written is left; and the
# script that takes pictures out of a font.
. "$(dirname "$0")/support.sh"
limit=${LIMIT:-60}

picture() { python3 "$ROOT/tests/cli/make_pictures.py" png "$@"; } # picture FILE HEIGHT WIDTH RED GREEN BLUE [OPACITY]
convert() { run 0 "$PROGRAM" convert "$@" --json; }
refuses() { # refuses STATUS PATTERN OPTIONS...: the program says PATTERN once and leaves no file
  local status=$1 pattern=$2
  shift 2
  run "$status" "$PROGRAM" convert "$@" -o set.h5 && one_message && says err "$pattern" || return 1
  ls | grep -q '^set\.h5' || return 0
  note "there is $(ls | grep '^set\.h5')"
  return 1
}
# holds NAME VALUES: the data set in set.h5 has these values
holds() {
  local values
  values=$(h5dump -d "$1" -y -w 0 set.h5 | sed -n '/DATA {/,/}/p' | sed '/}/q' | grep -oE '[0-9]+' | paste -sd ' ')
  [ "$values" = "$2" ] && return 0
  note "$1 holds $values"
  return 1
}
some_pictures() { # red and green ones in two folders of in, and other files
  mkdir -p in/b in/a/deep
  picture in/b/1.png 2 2 255 0 0
  picture in/a/2.png 2 2 0 255 0
  picture in/a/deep/3.png 2 2 0 0 255
  echo hello >in/notes.txt
}

test_a_folder_becomes_a_data_set_in_the_order_of_names() {
  some_pictures && convert in -o set.h5 &&
    says out '"images": 3, "shape": \[ 3, 2, 2 \], "files": 3, "ignored": 1, "damaged": 0, "classes": 0' &&
    holds images "0 0 0 0 255 255 255 255 0 0 0 0 0 0 0 0 0 0 0 0 255 255 255 255 255 255 255 255 0 0 0 0 0 0 0 0"
}
test_folders_become_classes_in_the_order_of_names() {
  some_pictures && convert in -o set.h5 --labels folders && holds labels "0 0 1" &&
    says out '"classes": 2, "class_names": \[ "a", "b" \]' && h5dump -a labels/names set.h5 >names && says names '^ *\(0\): "a'
}
test_a_picture_in_no_class_is_refused() {
  some_pictures && picture in/0.png 2 2 1 1 1 && refuses 2 'in/0\.png .*no class' in --labels folders
}
test_classes_of_several_folders_go_together() {
  mkdir -p train/cat train/dog test/dog test/eel
  picture train/cat/1.png 1 1 1 -1 -1 && picture train/dog/1.png 1 1 2 -1 -1 && picture test/dog/1.png 1 1 3 -1 -1 &&
    picture test/eel/1.png 1 1 4 -1 -1 && convert train test -o set.h5 --labels folders && holds images "1 2 3 4" &&
    holds labels "0 1 1 2"
}
test_inspect_shows_the_result() {
  some_pictures && convert in -o set.h5 --labels folders && run 0 "$PROGRAM" inspect set.h5 --json &&
    says out '"source": "hdf5".*"samples": 3.*"shape": \[ 3, 2, 2 \].*"classes": 2'
}
test_the_result_can_be_trained_on() {
  some_pictures && convert in -o set.h5 --size 4 &&
    run 0 mpi 2 train "${tiny[@]}" --data.source hdf5 --data.path=set.h5 --generator.layers="dense 48, tanh" --batch 4 --shards 2 \
      --iterations 2 --run.dir run
}
test_equal_pictures_make_equal_files() {
  some_pictures && convert in -o set.h5 && cp -r in other && (cd other && "$PROGRAM" convert . -o ../again.h5 -q) && cmp set.h5 again.h5
}
test_transparent_pixels_show_the_background() {
  picture x.png 1 1 0 0 0 0 && convert x.png -o set.h5 && holds images "255 255 255" && convert x.png -o set.h5 --background black &&
    holds images "0 0 0" && convert x.png -o set.h5 --background '#0a141E' && holds images "10 20 30" || return 1
  picture x.png 1 1 0 0 0 51 && convert x.png -o set.h5 && holds images "204 204 204"
}
test_size_fit_and_channels_are_obeyed() {
  picture x.png 2 4 10 -1 -1 && convert x.png -o set.h5 --size 4x4 && holds images "255 255 255 255 10 10 10 10 10 10 10 10 255 255 255 255" &&
    convert x.png -o set.h5 --size 2 --fit crop && holds images "10 10 10 10" &&
    convert x.png -o set.h5 --size 1x3 --fit stretch --filter area --channels 3 && holds images "10 10 10 10 10 10 10 10 10" || return 1
  picture y.png 1 1 255 0 0 && convert y.png -o set.h5 --channels 1 && holds images "76" # 0.299 * 255
}
test_idx_files_bring_their_labels() {
  printf '\0\0\10\3\0\0\0\2\0\0\0\1\0\0\0\2\1\2\3\4' | gzip >my-images-idx3-ubyte.gz
  printf '\0\0\10\1\0\0\0\2\7\5' >my-labels-idx1-ubyte
  convert my-images-idx3-ubyte.gz -o set.h5 && holds images "1 2 3 4" && holds labels "7 5" && says out '"classes": 8' || return 1
  convert . -n 1 -o set.h5 --labels none && holds images "1 2" && ! h5ls set.h5/labels >/dev/null 2>&1
}
test_fashion_mnist_is_the_same_as_read_directly() {
  local folder=/usr/share/datasets/fashion-mnist
  [ -e $folder/train-images-idx3-ubyte.gz ] || { echo "no Fashion-MNIST here"; return 77; }
  convert $folder/train-images-idx3-ubyte.gz -o set.h5 && says out '"images": 60000, "shape": \[ 1, 28, 28 \].*"classes": 10' || return 1
  "$PROGRAM" inspect set.h5 --json | grep -o '"samples_read.*' >converted
  "$PROGRAM" inspect $folder/train-images-idx3-ubyte.gz --json | grep -o '"samples_read.*' >direct
  cmp converted direct && h5dump -d labels -s 0 -c 5 -y -w 0 set.h5 >labels && says labels '9, 0, 0, 3, 0' # its first labels
}
test_count_limits_the_images() { some_pictures && convert in -n 2 -o set.h5 && says out '"images": 2'; }

test_a_damaged_picture_is_refused_by_name() {
  some_pictures && head -c 60 in/b/1.png >in/b/0.png && refuses 3 'in/b/0\.png' in
}
test_damaged_pictures_are_left_out_and_counted_when_asked() {
  some_pictures && head -c 60 in/b/1.png >in/b/0.png && echo text >in/x.png && : >in/empty.png && convert in -o set.h5 --skip-damaged &&
    says out '"images": 3.*"damaged": 3' && [ "$(grep -c '^left out: in/' err)" -eq 3 ]
}
test_text_with_the_name_of_a_picture_is_refused() { mkdir in && echo text >in/x.png && refuses 3 'in/x\.png' in; }
test_a_folder_without_pictures_is_refused() { mkdir in && echo text >in/x.txt && refuses 3 'no images in in .1 other' in; }
test_a_file_that_is_no_image_is_refused() { echo text >x.txt && refuses 3 'x\.txt' x.txt; }
test_a_missing_folder_is_refused() { refuses 3 'nowhere' nowhere; }
test_a_folder_that_cannot_be_read_is_refused() {
  [ "$(id -u)" -ne 0 ] || { echo "root can read everything"; return 77; }
  some_pictures && chmod 0 in/b && refuses 3 'in/b' in
}
test_pictures_of_other_sizes_and_colours_are_refused_unless_told_what_to_do() {
  picture 1.png 2 2 9 -1 -1 && picture 2.png 2 3 9 -1 -1 && refuses 2 '2\.png has 2 x 3 .*--size' 1.png 2.png && rm -f set.h5 &&
    picture 2.png 2 2 9 8 7 && refuses 2 '2\.png has colours.*--channels' 1.png 2.png
}
test_a_header_that_claims_too_much_is_refused_without_taking_memory() {
  # 60000 x 1000 pixels of 8 bits in a file of 70 bytes; the header's checksum is right
  python3 -c 'import struct, sys, zlib
c = lambda k, d: struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d))
sys.stdout.buffer.write(b"\x89PNG\r\n\x1a\n" + c(b"IHDR", struct.pack(">IIBBBBB", 60000, 1000, 8, 6, 0, 0, 0)) + c(b"IDAT", zlib.compress(b"")) + c(b"IEND", b""))' >x.png
  refuses 3 'x\.png.*1000 x 60000' x.png
}
test_options_are_checked() {
  some_pictures && refuses 2 'size' in --size 0 && refuses 2 'size' in --size 8x && refuses 2 'size' in --size 8x8x8 &&
    refuses 2 'size' in --size 99999999 && refuses 2 'did you mean crop' in --fit corp && refuses 2 'filter' in --filter cubic &&
    refuses 2 'channels' in --channels 2 && refuses 2 'background' in --background '#12345g' && refuses 2 'labels' in --labels x &&
    refuses 2 'elements' in --size 60000 && refuses 2 'folders or files' || return 1
  run 2 "$PROGRAM" convert in && one_message && says err 'FILE\.h5' && run 2 "$PROGRAM" convert in -o x.png && one_message && says err 'end in \.h5' &&
    run 2 "$PROGRAM" convert in -o x.h5 --batch 3 && says err 'means nothing'
}
test_a_signal_leaves_nothing_half_written() {
  local job signal
  # 2 million images of 28 x 28, all zeros, in a file that takes no room
  printf '\0\0\10\3\0\36\204\200\0\0\0\34\0\0\0\34' >x.idx && truncate -s $((16 + 2000000 * 28 * 28)) x.idx
  for signal in TERM HUP; do
    "$PROGRAM" convert x.idx -o set.h5 >out 2>err &
    job=$!
    for _ in $(seq 100); do ls | grep -q partial && break; sleep 0.1; done
    kill -$signal $job
    wait $job
    [ $? -eq 1 ] && one_message && says err 'stopped by a signal' && ! ls | grep '^set\.h5' || return 1
  done
}
# Every write and every allocation fails once: one message, and the file before stays.
test_failing_writes_and_allocations_leave_the_file_before() {
  local kind nth
  some_pictures && convert in/a -o set.h5 && cp set.h5 before.h5 || return 1
  for kind in write allocation; do
    for nth in 1 2 3 $(seq 5 7 300); do
      timeout -k 5 60 env GAN_FAULT=$kind:$nth ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0 "$PROGRAM" convert in --labels folders \
        -o set.h5 >out 2>err
      case $? in
        0) break ;;
        1) one_message && cmp set.h5 before.h5 || return 1 ;;
        *) note "$kind $nth: unexpected status"; cat err; return 1 ;;
      esac
      ls | grep partial && return 1
    done
    [ $nth -gt 2 ] && [ $nth -lt 299 ] || { note "$kind: $nth"; return 1; }
    cp before.h5 set.h5
  done
}

test_presets_of_colour_images_tell_where_their_data_come_from() {
  local preset
  for preset in dcgan-64 wgan-64; do
    run 3 mpi 2 --preset $preset && one_message && says err 'data/emoji-64\.h5: No such file.*scripts/data/emoji\.sh' || return 1
  done
}

extract() { python3 "$ROOT/scripts/data/extract_cbdt.py" "$@" >out 2>err; }
test_every_picture_is_extracted_from_a_font() {
  python3 "$ROOT/tests/cli/make_pictures.py" font font.ttf expected && extract font.ttf found && says out '^10 pictures' &&
    diff -r expected found && convert found -o set.h5 && says out '"images": 10, "shape": \[ 3, 4, 3 \]'
}
test_damaged_fonts_are_refused_by_name() {
  local cut size
  python3 "$ROOT/tests/cli/make_pictures.py" font font.ttf expected && size=$(stat -c %s font.ttf) || return 1
  for cut in 0 3 11 20 43 44 100 $((size / 2)) $((size - 1)); do
    head -c $cut font.ttf >cut.ttf
    extract cut.ttf found && { note "$cut bytes are taken for a font"; return 1; }
    says err '^extract_cbdt: cut\.ttf: ' && [ "$(wc -l <err)" -eq 1 ] && [ ! -e found ] || return 1
  done
  extract "$ROOT/README.md" found && return 1
  says err 'README.md: it is no TrueType'
}

run_tests
