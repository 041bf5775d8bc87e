#!/usr/bin/env bash
# Presets as C text: scripts/embed-presets.sh configs/*.ini > presets.c
# A preset's name is its file's name; its help is its first line, a comment.
set -euo pipefail

if [ $# -eq 0 ]; then
  echo "usage: $0 PRESET.ini ... > presets.c" >&2
  exit 2
fi

# A line as the inside of a C string; '?' is escaped because of trigraphs.
quote='
function quote(text) {
  gsub(/\r/, "", text)
  gsub(/\\/, "&&", text)
  gsub(/"/, "\\\"", text)
  gsub(/\?/, "\\?", text)
  gsub(/\t/, "\\t", text)
  return "\"" text "\""
}'

echo '/* Written by scripts/embed-presets.sh from configs/: the presets. */'
echo '#include "config/config.h"'
echo
echo 'const gan_preset gan_presets[] = {'
for file in "$@"; do
  # awk takes a name with "=" in it for an assignment, and one without a slash is a file here: so it reads stdin.
  awk -v name="$(basename "$file" .ini)" -v file="$file" "$quote"'
    NR == 1 {
      if (!/^[ \t]*[#;]/) {
        print file ": the first line has to be a comment that says what the preset is" > "/dev/stderr"
        failed = 1
        exit
      }
      help = $0
      sub(/^[ \t]*[#;]+[ \t]*/, "", help)
      print "    {" quote(name) ", " quote(help) ","
    }
    { line = quote($0); sub(/"$/, "\\n\"", line); print "     " line }
    END {
      if (failed || NR == 0) exit 1
      print "    },"
    }' < "$file"
done
echo '};'
echo 'const int gan_preset_count = (int)(sizeof gan_presets / sizeof *gan_presets);'
