#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# ctest runs cases side by side: a fixed name in the folder for temporary files is a file that they share. One header
# makes such folders; a fuzz target has one for each of its processes.
cd "$(dirname "$0")/../.." || exit 1
found=$(grep -rnE 'temp_directory_path|"/tmp/|tmpnam|(>|mkdir|cd|touch) *"?/tmp/' tests --include='*.cpp' --include='*.hpp' \
  --include='*.sh' --include='*.cmake' --include='*.txt' | grep -vE '^tests/(support/temp_folder.hpp|fuzz/oracle.cpp|scripts/test_temporary_names.sh):')
[ -z "$found" ] && exit 0
printf 'test_temporary_names: found a name of its own in the folder for temporary files; expected TempFolder of
tests/support/temp_folder.hpp, or mktemp -d:\n%s\n' "$found" >&2
exit 1
