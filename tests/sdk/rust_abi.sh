#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What Rust projects declare of the ABI is what the C headers declare: all structs, fields and offsets of layout.h and
# layout_parts.h as assertions, all constants with their values. rustc holds the declarations to the assertions.
# usage: rust_abi.sh SOURCE_DIR CC
set -euo pipefail
include=$1/sdk/include rust=$1/sdk/templates/rust/abi.rs cc=$2
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
fail() { printf 'rust_abi: %s; run tests/oracle/abi_rust.py\n' "$*" >&2; exit 1; }

cat "$include"/kvhost/layout.h "$include"/kvhost/layout_parts.h | sed -nE \
  -e 's/^KVH_AT\((\w+), (\w+), ([0-9]+)\);/\1 \2 \3/p' -e 's/^#define (KVH_\w+)_SIZE_1_0 ([0-9]+)u/\L\1 \2/p' \
  -e 's/^KVH_STATIC_ASSERT\(sizeof\((\w+)\) == ([0-9]+),.*/\1 \2/p' | sort >"$scratch/c"
sed -nE -e 's/^at!\((\w+), (r#)?(\w+), ([0-9]+)\);/\1 \3 \4/p' -e 's/^size(_of_1_0)?!\((\w+), ([0-9]+)\);/\2 \3/p' "$rust" | sort >"$scratch/rust"
diff "$scratch/c" "$scratch/rust" >&2 || fail "$rust has another layout than layout.h"
lines=$(wc -l <"$scratch/c")
[ "$lines" -gt 300 ] || fail "$lines lines of layout.h; expected all of ABI 1.0"

# Every enumerator of C as a case of a C program that compares it with Rust's number.
headers=$(sed -nE 's/#include "(\w+\.h)"/\1/p' "$include/kvhost/layout_parts.h" | grep -v layout.h)
{
  printf '#include <kvhost/%s>\n' plugin.h spread.h $headers
  sed -nE 's/^pub const (KVH_\w+): \w+ = (.*);/_Static_assert((uint32_t)(\1) == (uint32_t)(\2), "\1");/p' "$rust"
} >"$scratch/constants.c"
"$cc" -std=c11 -fsyntax-only -I"$include" "$scratch/constants.c" || fail "$rust has other numbers than the headers"
constants=$(grep -c _Static_assert "$scratch/constants.c")
grep -hoE '^ *KVH_[A-Z_0-9]+ = |[{,] KVH_[A-Z_0-9]+ = ' "$include"/kvhost/*.h | grep -oE 'KVH_[A-Z_0-9]+' | sort -u >"$scratch/named"
while read -r name; do grep -q "const $name:" "$rust" || fail "$rust lacks $name"; done <"$scratch/named"
echo "rust_abi: $lines sizes and offsets, $constants constants"
