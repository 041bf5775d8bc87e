#!/usr/bin/env bash
# The emoji of Debian's fonts-noto-color-emoji as a data set of 64 x 64 colour images, which the presets dcgan-64 and
# wgan-64 train on:
#
#   scripts/data/emoji.sh            makes data/emoji-64.h5 below this folder
#   scripts/data/emoji.sh FOLDER     makes FOLDER/emoji-64.h5
#
# The font holds 3,926 PNG pictures of 136 x 128 pixels with transparency (Noto Emoji, SIL Open Font License 1.1); they
# are shrunk whole, on white. Installs the font when it is missing. Takes some seconds and 50 MB.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)

case ${1:-data} in
  -*) sed -n '2,9s/^# \{0,1\}//p' "$0"; [ "$1" = --help ] || [ "$1" = -h ]; exit ;;
esac
if [ $# -gt 1 ]; then
  echo "usage: $0 [FOLDER]" >&2
  exit 2
fi
folder=${1:-data}

"$root/scripts/install-deps.sh" --only python3 fonts-noto-color-emoji
font=$(dpkg-query -L fonts-noto-color-emoji | grep '/NotoColorEmoji\.ttf$')
[ -x "$root/gan_dist" ] || make -s -C "$root" -j"$(nproc)"

mkdir -p "$folder"
pictures=$(mktemp -d "$folder/emoji-pictures-XXXXXX")
trap 'rm -rf "$pictures"' EXIT
"$root/scripts/data/extract_cbdt.py" "$font" "$pictures" >/dev/null
"$root/gan_dist" convert "$pictures" --size 64 --channels 3 -o "$folder/emoji-64.h5"
