#!/usr/bin/env bash
# The emoji of Debian's fonts-noto-color-emoji as a data set of colour images, which presets train on: 64 x 64 for dcgan-64
# and wgan-64, 32 x 32 for sngan-32 and r3gan-32.
#
#   scripts/data/emoji.sh                     makes data/emoji-64.h5 below this folder
#   scripts/data/emoji.sh --size 32           makes data/emoji-32.h5
#   scripts/data/emoji.sh [--size N] FOLDER   makes FOLDER/emoji-N.h5; N is 32 or 64
#
# The font holds 3,926 PNG pictures of 136 x 128 pixels with transparency (Noto Emoji, SIL Open Font License 1.1); they
# are shrunk whole, on white. Installs the font when it is missing. Takes some seconds and 50 MB (12 MB at 32 x 32).
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)

usage() { echo "usage: $0 [--size 32|64] [FOLDER]" >&2; exit 2; }
size=64 folder=''
while [ $# -gt 0 ]; do
  case $1 in
    --help | -h) sed -n '2,10s/^# \{0,1\}//p' "$0"; exit ;;
    --size=*) size=${1#*=} ;;
    --size) [ $# -gt 1 ] || usage; size=$2; shift ;;
    -*) usage ;;
    *) [ -z "$folder" ] && [ -n "$1" ] || usage; folder=$1 ;;
  esac
  shift
done
case $size in 32 | 64) ;; *) echo "$0: --size is 32 or 64, not $size" >&2; usage ;; esac
folder=${folder:-data}

"$root/scripts/install-deps.sh" --only python3 fonts-noto-color-emoji
font=$(dpkg-query -L fonts-noto-color-emoji | grep '/NotoColorEmoji\.ttf$')
[ -x "$root/gan_dist" ] || make -s -C "$root" -j"$(nproc)"

mkdir -p "$folder"
pictures=$(mktemp -d "$folder/emoji-pictures-XXXXXX")
trap 'rm -rf "$pictures"' EXIT
"$root/scripts/data/extract_cbdt.py" "$font" "$pictures" >/dev/null
"$root/gan_dist" convert "$pictures" --size "$size" --channels 3 -o "$folder/emoji-$size.h5"
