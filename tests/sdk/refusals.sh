#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What an author of a method gets wrong in a way that would be silent is a compile error, with words.
# usage: refusals.sh SOURCE_DIR CXX
set -euo pipefail
source_dir=$1 cxx=$2
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# Most of a compiler's time goes into the headers: once for all.
mkdir "$scratch/kvhost"
printf '#include <kvhost/%s.hpp>\n' calibrate passes sdk >"$scratch/kvhost/all.hpp"
"$cxx" -std=c++17 -x c++-header -I"$source_dir/sdk/include" "$scratch/kvhost/all.hpp" -o "$scratch/kvhost/all.hpp.gch"
compile() { "$cxx" -std=c++17 -fsyntax-only -I"$scratch" -I"$source_dir/sdk/include" "$scratch/method.cpp" 2>"$scratch/words"; }

method() { # what stands in the class, besides what must
  cat >"$scratch/method.cpp" <<END
#include <kvhost/all.hpp>
using namespace kvhost::sdk;
struct Mine {
  static Description describe() { return layer_allocator("mine").uses(KVH_T_HIDDEN); }
  explicit Mine(const Args&) {}
  void allocate(const LayerRequest&, LayerAnswer&) const {}
  $1
};
KVHOST_LAYER_ALLOCATOR(Mine)
END
  compile
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

# What borrows cannot be made of a temporary, which would be gone when it is read.
borrowed() { # expression
  cat >"$scratch/method.cpp" <<END
#include <kvhost/all.hpp>
using namespace kvhost::sdk;
template <class T> T made() noexcept;                                   // gone at the end of the line
template <class T> const T& lasting();
const kvh_method& method = lasting<kvh_method>();
auto view() { return $1; }
END
  compile
}
n=0
for what in 'Matrix(%<kvh_tensor>())' 'Cube(%<kvh_tensor>())' 'View(%<kvh_tensor>(), 2)' 'Head(%<kvh_head>())' 'Layer(%<kvh_layer>())' \
  'Prompt(%<kvh_prompt>())' 'LayerRequest(%<kvh_layer_request>())' 'Edit(%<kvh_edit>())' 'Args(method, %<kvh_create_args>())' \
  'SequenceInfo(%<kvh_sequence_info>())' 'Child(%<kvh_child>())' 'Columns(%<kvh_columns>())' 'Learned(%<kvh_learned>())'; do
  borrowed "${what//%/lasting}" || { echo "refusals: '${what//%/lasting}' does not compile:" >&2; head -n 5 "$scratch/words" >&2; exit 1; }
  borrowed "${what//%/made}" && { echo "refusals: '$what' of a temporary compiles" >&2; exit 1; }
  grep -q 'deleted' "$scratch/words" || { echo "refusals: '$what' is refused otherwise:" >&2; head -n 5 "$scratch/words" >&2; exit 1; }
  n=$((n + 1))
done
borrowed 'ScoreBuffer(std::vector<int64_t>{3}).scores()' && { echo "refusals: scores of a buffer that is gone compile" >&2; exit 1; }
echo "refusals: four mistakes and $((n + 1)) views of what is gone are compile errors"
