# Made-up input for every reader of files and texts (tests/fuzz): whatever it is, it is read or refused, in time, without
# harm. The same inputs every time; for others: build/tests/fuzz/NAME_fuzz EXECUTIONS SEED. (run: slow)
. "$(dirname "$0")/support.sh"

reads_or_refuses() { run 0 "$tools/../fuzz/$1_fuzz" && says out "^ok $1_fuzz \([1-9][0-9]+ executions\)$"; }

test_ini_files_of_any_content_are_read_or_refused() { reads_or_refuses ini; }
test_lists_of_layers_of_any_content_are_read_or_refused() { reads_or_refuses layers; }
test_idx_files_of_any_content_are_read_or_refused() { reads_or_refuses idx; }
test_png_files_of_any_content_are_read_or_refused() { reads_or_refuses png; }
test_hdf5_files_of_any_content_are_read_or_refused() { reads_or_refuses hdf5; }
test_safetensors_of_any_content_are_read_or_refused() { reads_or_refuses safetensors; }
test_checkpoints_of_any_content_are_read_or_refused() { reads_or_refuses checkpoint; }

run_tests
