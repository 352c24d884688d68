#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The C headers of the SDK declare all that ABI 1.0 declared, in its order, with its types, offsets and values: golden/sdk has
# it, one field, function or constant a line, and later headers may only add lines. Each line of it is a promise to binaries.
# usage: abi.sh SOURCE_DIR CC [--write]      (--write makes the golden file of a new minor; never that of an old one again)
set -euo pipefail
source_dir=$1 cc=$2
golden=$source_dir/tests/golden/sdk/abi-1.0.txt
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

preprocessed() { # include folder, flags
  local include=$1
  shift
  printf '#include <kvhost/%s>\n' plugin.h appendix.h bias.h calibrate.h draft.h own_budget.h passes.h sequence.h spread.h surrogate.h |
    "$cc" -std=c11 -I"$include" -DKVHOST_LAYOUT_H_ "$@" -x c -
}

# Without comments, a declaration a line; KVH_T_COUNT grows with every tensor. Then the layout, and the constants.
declared() { # include folder
  preprocessed "$1" -E | awk '/^# /{ours = $3 ~ /\/kvhost\//; next} ours' | tr -s '[:space:]' ' ' |
    sed 's/[;{},] */&\n/g; s/ *}/\n}/g' | sed 's/^ *//; s/ *$//; s/ *\([;,]\)$/\1/; s/,$//; /^$/d; /KVH_T_COUNT/d'
  grep -hE '^(KVH_AT|KVH_STATIC_ASSERT|#define KVH_[A-Z_]+_SIZE_1_0)' "$1"/kvhost/layout.h "$1"/kvhost/layout_parts.h
  preprocessed "$1" -E -dM | grep '^#define KVH_' | grep -v -e KVH_ABI_MINOR -e KVH_NOEXCEPT -e '_H_' | LC_ALL=C sort
}
lost() { diff "$1" "$2" | grep '^<' || true; } # files: golden, now

declared "$source_dir/sdk/include" >"$scratch/now"
if [ "${3:-}" = --write ]; then cp "$scratch/now" "$golden"; fi
lines=$(wc -l <"$golden")
[ "$lines" -gt 700 ] || { echo "abi: $golden has $lines lines; expected the whole of ABI 1.0" >&2; exit 1; }
lost "$golden" "$scratch/now" >"$scratch/lost"
if [ -s "$scratch/lost" ]; then
  head -n 20 "$scratch/lost" >&2
  echo "abi: ABI 1.0 declared this and the headers do not; expected it as it was, and new things behind it" >&2
  exit 1
fi
echo "abi: the headers declare ABI 1.0, $lines lines, and $(diff "$golden" "$scratch/now" | grep -c '^>' || true) more"

# That this test can fail and pass: what breaks a plugin is found, what does not is let be.
changed() { # sed command, file: what is declared then
  rm -rf "$scratch/include"
  cp -r "$source_dir/sdk/include" "$scratch/include"
  sed -i "$1" "$scratch/include/kvhost/$2"
  cmp -s "$source_dir/sdk/include/kvhost/$2" "$scratch/include/kvhost/$2" && { echo "abi: '$1' changes nothing in $2" >&2; exit 1; }
  declared "$scratch/include" >"$scratch/changed"
}
spoilt() { changed "$@"; [ -n "$(lost "$golden" "$scratch/changed")" ] || { echo "abi: '$1' passes" >&2; exit 1; }; }
grown() { changed "$@"; [ -z "$(lost "$golden" "$scratch/changed")" ] || { echo "abi: '$1' is refused" >&2; exit 1; }; }
spoilt 's/int64_t n_prompt;/uint64_t n_prompt;/' layer.h              # another type
spoilt 's/double\* shares;/float* shares;/' method.h
spoilt '/^  int64_t q_len;/d' layer.h                                  # a field is gone
spoilt 's/KVH_E_OOM = -7/KVH_E_OOM = -17/' base.h                      # another value
spoilt 's/KVH_AT(kvh_layer, phase, 4)/KVH_AT(kvh_layer, phase, 8)/' layout.h
grown 's/  void\* impl; .* the host.s.*/&\n  const float* bias;/' layer.h # a field more
grown 's/KVH_E_RESOURCE = -9 /KVH_E_RESOURCE = -9, KVH_E_NEW = -10 /' base.h
