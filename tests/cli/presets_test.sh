# Presets and the scripts that show what comes of them: every preset fits its data and trains, gallery.sh and course.sh do what
# they say. Real training is in docs/gallery.md and docs/losses-compared.md.
. "$(dirname "$0")/support.sh"
limit=${LIMIT:-240}

# colour_images SIZE: data/emoji-SIZE.h5, a few pictures by the name that presets look for, made up where there is no font
colour_images() {
  python3 - "$1" <<'P' || return 1
import os, random, struct, sys, zlib
size = int(sys.argv[1])
draw = random.Random(1)
chunk = lambda kind, data: struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
os.makedirs("pictures")
for number in range(24):
    left, colour = draw.randrange(size // 2), bytes(draw.randrange(256) for _ in range(3))
    row = b"\0" + b"\xff\xff\xff" * left + colour * (size // 2) + b"\xff\xff\xff" * (size - left - size // 2)
    with open(f"pictures/{number:02}.png", "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", size, size, 8, 2, 0, 0, 0)))
        file.write(chunk(b"IDAT", zlib.compress(row * size)) + chunk(b"IEND", b""))
P
  mkdir -p data && run 0 "$PROGRAM" convert pictures -o "data/emoji-$1.h5"
}

# trains PRESET...: two iterations each on two ranks, of small batches; every network fits the data and the loss is a number
trains() {
  local preset
  for preset in "$@"; do
    run 0 mpi 2 train --preset "$preset" --batch 8 --shards 2 --iterations 2 --samples.count=4 --eval.samples=16 --eval.projections=4 \
      --run.dir "run-$preset" --json && json_says "d['iteration'] == 2 and d['sliced_wasserstein'] > 0 and d['critic_loss'] == d['critic_loss']" ||
      { note "preset $preset"; return 1; }
    ! grep -E '^iteration [0-9]+: |the data reach|nothing keeps' err || { note "$preset tells of what goes wrong"; return 1; }
    [ -e "run-$preset/samples-0000002.png" ] || { note "$preset draws no samples"; return 1; }
  done
}

test_presets_of_fashion_images_train() {
  plain_build_only "too long with sanitizers"
  [ -e /usr/share/datasets/fashion-mnist ] || skip "Fashion-MNIST is not installed: scripts/install-deps.sh"
  trains fashion-lsgan fashion-ragan fashion-sngan fashion-wgan-gp fashion-r3gan fashion-10min
}
test_presets_of_small_colour_images_train() {
  plain_build_only "too long with sanitizers"
  colour_images 32 && trains sngan-32 r3gan-32
}
test_presets_of_small_colour_images_tell_where_their_data_come_from() {
  local preset
  for preset in sngan-32 r3gan-32; do
    run 3 mpi 2 --preset $preset && one_message && says err 'data/emoji-32\.h5: No such file.*scripts/data/emoji\.sh --size 32' || return 1
  done
}
test_grid25_knows_its_25_modes() {
  trains grid25 && json_says "d['modes'] == 25"
}

# The regulariser, loss or optimiser that a preset is named after is in what it brings.
test_presets_are_what_they_are_called() {
  local row preset key
  for row in fashion-lsgan:name=least_squares fashion-ragan:name=relativistic_average fashion-sngan:spectral_norm=yes \
    fashion-wgan-gp:gradient_penalty=10 fashion-r3gan:name=relativistic_paired fashion-10min:penalty_every=8 sngan-32:name=wasserstein_hinge \
    r3gan-32:name=relativistic_paired grid25:source=grid; do
    preset=${row%%:*} key=${row#*:}
    run 0 "$PROGRAM" config --preset "$preset" && says out "^${key%=*} = ${key#*=}$" || { note "$preset: $key"; return 1; }
  done
}

# ---- recipe_quality.py: of a preset, here and in PyTorch

test_a_recipe_trains_here_and_in_pytorch_and_both_are_judged() {
  plain_build_only
  [ -e /usr/share/datasets/fashion-mnist ] || skip "Fashion-MNIST is not installed: scripts/install-deps.sh"
  pytorch_only
  run 0 env MPIRUN="$quiet_mpirun" "$python" "$ROOT/scripts/compare/recipe_quality.py" fashion-10min --program "$PROGRAM" --python "$python" \
    --features random --samples 1000 --iterations 2 --seconds 1 --runs kept &&
    says out '^\| gan_dist \| [0-9]+ \| 2 \| [0-9.]+ \|$' && says out '^\| PyTorch .* \| 1 \| [0-9,]+ \| [0-9.]+ \|$' &&
    says out '^\| floor ' && [ -e kept/run/latest.h5 ] || return 1
  # What is trained can be compared again; another recipe, which is not known there, is refused.
  run 0 "$python" "$ROOT/scripts/compare/recipe_quality.py" fashion-10min --program "$PROGRAM" --features random --samples 1000 --runs kept &&
    says out '^\| gan_dist \| [0-9]+ \| 2 \|' || return 1
  run 1 env MPIRUN="$quiet_mpirun" "$python" "$ROOT/scripts/compare/recipe_quality.py" fashion-sngan --program "$PROGRAM" --python "$python" \
    --features random --samples 1000 --iterations 2 --seconds 1 && says err 'spectral_norm = yes are not known here'
}

# ---- gallery.sh

gallery() { local expected=$1; shift; run "$expected" env GAN_DIST="$PROGRAM" "$ROOT/scripts/gallery.sh" "$@"; }
plots_only() { /usr/bin/python3 -c 'import h5py, matplotlib' 2>/dev/null || skip "python3-h5py or python3-matplotlib is not installed"; }

# A page of its own, of which one preset has a row and one has none.
page() {
  mkdir -p page && cat >page/gallery.md <<'P'
# Page
| preset | iterations | minutes | distance | machine |
|---|---|---|---|---|
| `grid25` | 1 | 2.0 | 9.999 | none |

after

## grid25
```sh
mpirun -np 2 gan_dist train --preset grid25 --shards 2 \
  --train.n_critic=2
```
## ring8
```sh
mpirun -np 2 gan_dist train --preset ring8 --shards 2
```
P
}

test_the_gallery_prints_the_commands_of_its_page() {
  page && gallery 0 --all --dry-run --docs page && [ "$(wc -l <out)" -eq 2 ] &&
    says out '^mpirun -np 2 gan_dist train --preset grid25 --shards 2 +--train.n_critic=2$' &&
    says out '^mpirun -np 2 gan_dist train --preset ring8 --shards 2$' && [ ! -e page/pictures ]
}
test_the_gallery_refuses_what_it_cannot_do() {
  page && gallery 2 --docs page fasion && says err 'no command of fasion' && gallery 2 --docs page && gallery 2 --quick grid25 &&
    gallery 2 --minutes 0 grid25 && gallery 2 --nonsense && gallery 0 --help && says out '--dry-run'
}
test_the_gallery_makes_pictures_and_rows_and_keeps_what_is_trained() {
  plain_build_only
  plots_only
  page && gallery 0 --quick --docs page --machine "a test" grid25 ring8 || return 1
  says page/gallery.md '^\| `grid25` \| 2 \| [0-9.]+ \([0-9.]+\) \| [0-9.]+ \| a test \|$' && says page/gallery.md '^\| `ring8` \| 2 \| .* \| a test \|$' || return 1
  [ "$(grep -c '^| `' page/gallery.md)" -eq 2 ] && says page/gallery.md '^after$' && ! grep -q 9.999 page/gallery.md || { cat page/gallery.md; return 1; }
  local name
  for name in grid25-samples grid25-curves ring8-samples ring8-curves; do
    file page/pictures/$name.png | grep -q 'PNG image' || { note "$name"; return 1; }
  done
  # What is trained is not trained again: its checkpoint stays, its picture comes back.
  cp page/runs/grid25/latest.h5 before.h5 && rm page/pictures/* && gallery 0 --quick --docs page --machine again grid25 &&
    cmp before.h5 page/runs/grid25/latest.h5 && [ -e page/pictures/grid25-samples.png ] && says page/gallery.md '`grid25`.*again' || return 1
  # What was stopped goes on to its end.
  rm page/runs/grid25/trained && run 75 "$PROGRAM" train --preset grid25 --shards 2 --train.n_critic=2 --batch 16 --iterations 2 --run.stop_at=1 \
    --eval.samples=32 --run.dir stopped && rm -r page/runs/grid25 && mv stopped page/runs/grid25 && gallery 0 --quick --docs page grid25 &&
    [ "$(newest page/runs/grid25)" -eq 2 ] && says page/runs/grid25/history.txt 'iteration 1'
}

test_a_preset_that_is_new_to_the_gallery_gets_a_section() {
  plain_build_only
  plots_only
  page && sed -i '/^## ring8/,$d' page/gallery.md && gallery 0 --quick --docs page --machine "a test" ring8 &&
    says page/gallery.md '^## ring8$' && says page/gallery.md '^mpirun -np 2 gan_dist train --preset ring8 --shards 2$' &&
    says page/gallery.md '^WGAN on 8 Gaussians in a ring' && says page/gallery.md 'pictures/ring8-samples\.png' &&
    says page/gallery.md '^\| `ring8` \| 2 \|' && gallery 0 --quick --docs page ring8 && [ "$(grep -c '^## ring8$' page/gallery.md)" -eq 1 ]
}

# ---- course.sh

course() { local expected=$1; shift; run "$expected" env GAN_DIST="$PROGRAM" "$ROOT/scripts/course.sh" "$@"; }

test_the_course_names_every_loss_and_what_is_the_same_for_all() {
  local loss
  course 0 --dry-run || return 1
  cp out commands
  "$PROGRAM" config --list losses --json >list 2>/dev/null || "$PROGRAM" config --list losses >list
  for loss in $(awk '/^  [a-z]/ {print $1}' list); do says commands "--loss.name=$loss " || return 1; done
  # A run differs from another of its experiment in loss, regulariser, seed; those of weight clipping in the optimiser, too.
  [ "$(grep -c -- '--batch 128 ' commands)" -eq "$(wc -l <commands)" ] && [ "$(sort commands | uniq -d | wc -l)" -eq 0 ] &&
    [ "$(grep -- rmsprop commands | grep -vc -- '--critic.clip=0.1')" -eq 0 ]
}
test_the_course_makes_its_tables_and_keeps_its_results() {
  plain_build_only
  course 0 --quick --page page.md && says page.md '^\| `minimax` \| none \| [0-9.]+ \([0-9]+\) \| [0-9]+ % \| [0-2] of 2 \| [0-9.]+ \|$' &&
    says page.md '^\| `wasserstein` \| gradient_penalty \|.* of 2 ' && says page.md '^# ' || return 1
  [ "$(ls course/*.json | wc -l)" -eq 16 ] && ! ls -d course/run-* 2>/dev/null || { ls course; return 1; }
  # Results that are there are not made again, and are what the table shows.
  local result
  result=$(ls course/ring8_minimax_none_1_*.json) && cp page.md before.md &&
    python3 - course/ring8_minimax_none_*.json <<'P' || return 1
import json, sys
for path in sys.argv[1:]:
    with open(path) as file:
        result = json.load(file)
    result["modes_covered"], result["high_quality_share"] = 7, 0.75
    with open(path, "w") as file:
        json.dump(result, file)
P
  rm course/grid25_*_none_*.json && course 0 --quick --page page.md && says page.md '^\| `minimax` \| none \| 7 \(7\) \| 75 % \| 0 of 2 ' &&
    [ "$(ls course/*.json | wc -l)" -eq 16 ] && [ "$(grep -c 'course.sh: begin' page.md)" -eq 1 ] && [ "$(wc -l <page.md)" -eq "$(wc -l <before.md)" ]
}
test_a_run_of_the_course_that_diverges_counts_as_collapsed() {
  plain_build_only
  course 0 --quick --page page.md && echo '{"status": 1}' >"$(ls course/ring8_wasserstein_none_1_*.json)" &&
    course 0 --quick --page page.md && says page.md '^\| `wasserstein` \| none \| [0-9.]+ \(0\) .* [12] of 2 '
}
test_the_course_refuses_what_it_cannot_do() {
  course 2 --quick && says err '--page' && course 2 --minutes 0 && course 2 --jobs && course 2 --nonsense && course 0 --help && says out '--dry-run'
}

run_tests
