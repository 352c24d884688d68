#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What an author of a method gets wrong in a way that would be silent is a compile error, with words.
# usage: refusals.sh SOURCE_DIR CXX
set -euo pipefail
source_dir=$1 cxx=$2
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

method() { # what stands in the class, besides what must
  cat >"$scratch/method.cpp" <<END
#include <kvhost/sdk.hpp>
using namespace kvhost::sdk;
struct Mine {
  static Description describe() { return layer_allocator("mine").uses(KVH_T_HIDDEN); }
  explicit Mine(const Args&) {}
  void allocate(const LayerRequest&, LayerAnswer&) const {}
  $1
};
KVHOST_LAYER_ALLOCATOR(Mine)
END
  "$cxx" -std=c++17 -Wall -Wextra -fsyntax-only -I"$source_dir/sdk/include" "$scratch/method.cpp" 2>"$scratch/words"
}
refused() { # class part, words
  method "$1" && { echo "refusals: '$1' compiles" >&2; exit 1; }
  grep -q "$2" "$scratch/words" || { echo "refusals: '$1' is refused without '$2':" >&2; head -n 5 "$scratch/words" >&2; exit 1; }
}
taken() { method "$1" || { echo "refusals: '$1' does not compile:" >&2; head -n 5 "$scratch/words" >&2; exit 1; }; }

taken 'void needs(Needs& needs) const { needs.add(KVH_T_HIDDEN, 3).in_phase(KVH_PHASE_PREFILL).every(2); }'
taken 'uint32_t when() const { return KVH_WHEN_MONOTONE; }'
refused 'void needs(Needs& needs) { needs.add(KVH_T_HIDDEN); }' 'needs() must be const'
refused 'uint32_t when() { return KVH_WHEN_MONOTONE; }' 'when() must be const'
refused 'void observe(const Layer&) {}' 'const Mine'
refused 'int64_t own_budget(int64_t) { return 3; }' 'const Mine'
echo "refusals: four mistakes are compile errors"
