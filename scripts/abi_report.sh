#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What abidiff (Debian: abigail-tools) says of the plugin ABI: the headers as they are against tests/museum/1.0/abi.xml, which was
# made of those of 1.0. A report to read, in words of types and offsets; what must hold is tested by tests/sdk/abi.sh and the museum.
# Fields appended behind the last, new structs and new functions are what a minor may bring.
# usage: abi_report.sh [--write]          (--write makes the file of a new minor; never that of an old one again)
set -euo pipefail
cd "$(dirname "$0")/.."
minor=1.0
stored=tests/museum/$minor/abi.xml
command -v abidiff >/dev/null || { echo "abi_report: no abidiff; expected it: apt-get install abigail-tools" >&2; exit 3; }
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# A library with a function for every struct, so that a new one is a new function.
optional=$(sed -nE 's/#include "(\w+\.h)"/\1/p' sdk/include/kvhost/layout_parts.h | grep -v '^layout.h$')
{
  printf '#include <kvhost/%s>\n' plugin.h $optional
  echo 'const kvh_plugin kvhost_plugin_v1 = {0};'
  for header in plugin.h layer.h method.h params.h prompt.h tensor.h base.h $optional; do
    grep -oE '^\} kvh_\w+;' "sdk/include/kvhost/$header" | sed -E 's/\} (kvh_\w+);/KVH_EXPORT const \1* type_\1(void) { return 0; }/'
  done
} >"$scratch/all.c"
cc -std=c11 -g -O0 -shared -fPIC -fvisibility=hidden -Isdk/include "$scratch/all.c" -o "$scratch/now.so"
if [ "${1:-}" = --write ]; then
  abidw --no-corpus-path --no-comp-dir-path --no-show-locs --out-file "$stored" "$scratch/now.so"
  exit
fi
abidw --no-corpus-path --no-comp-dir-path --no-show-locs --out-file "$scratch/now.xml" "$scratch/now.so"
status=0
abidiff "$stored" "$scratch/now.xml" >"$scratch/report" || status=$?
cat "$scratch/report"
# abidiff's bits: 1 and 2 it could not run, 4 something changed, 8 incompatibly.
[ $((status & 3)) = 0 ] || { echo "abi_report: abidiff failed" >&2; exit 4; }
if [ $status = 0 ]; then
  echo "abi_report: no difference to ABI $minor"
elif grep -q '^Functions changes summary: 0 Removed, 0 Changed' "$scratch/report"; then
  echo "abi_report: more than ABI $minor, nothing of it changed"
else
  echo "abi_report: structs of ABI $minor are others; expected them as they were, or fields behind their last" >&2
  exit 1
fi
