#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What `kvhost new` writes builds against the installed SDK and passes its tests as it comes out, every kind.
# usage: new_project.sh BUILD_DIR TORCH_ROOT
set -euo pipefail
build=$1 torch=$2
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

fail() { printf 'new_project: %s\n' "$*" >&2; exit 1; }
quietly() { "$@" >"$scratch/log" 2>&1 || { tail -n 30 "$scratch/log" >&2; fail "failed: $*"; }; }

quietly cmake --install "$build" --component sdk --prefix "$scratch/prefix"
kvhost=$build/bin/kvhost
cd "$scratch"

try() { # kind name language: what it builds
  local name=$2
  quietly "$kvhost" new "$1" "$name" --lang "$3" --vendor 'My Lab' --license MIT
  quietly cmake -S "$name" -B "$name/build" -G Ninja -DCMAKE_PREFIX_PATH="$scratch/prefix" \
    -DKVHOST="$kvhost" -DKVHOST_TORCH_ROOT="$torch"
  quietly cmake --build "$name/build"
  quietly ctest --test-dir "$name/build" --output-on-failure
  grep -q 'vendor": "My Lab' "$name/build/lib/kvhost/plugins/1/lib$name.kvh.json" || fail "$name: not My Lab's"
  grep -q 'license": "MIT"' "$name/build/lib/kvhost/plugins/1/lib$name.kvh.json" || fail "$name: not under MIT"
}

try scorer my_scorer cpp
# The golden case: written, compared, and different once the method is.
quietly cmake --build my_scorer/build --target golden
quietly cmake -S my_scorer -B my_scorer/build
quietly ctest --test-dir my_scorer/build -R golden --output-on-failure
sed -i 's/static_cast<float>(squared_norm/static_cast<float>(-squared_norm/' my_scorer/my_scorer.cpp
quietly cmake --build my_scorer/build
ctest --test-dir my_scorer/build -R 'formula|golden' >"$scratch/log" 2>&1 && fail "a changed formula passes"
grep -q '2 tests failed' "$scratch/log" || fail "a changed formula fails in one test only: $(grep passed "$scratch/log")"

try scorer c_scorer c
try scorer torch_scorer torch
try wrapper my_wrapper cpp
try head_allocator my_heads cpp
try layer_allocator my_layers cpp
try press my_press cpp
try wrapper c_wrapper c
try head_allocator c_heads c
try layer_allocator c_layers c
try press c_press c

"$kvhost" new scorer my_scorer >"$scratch/log" 2>&1 && fail "a folder that holds a project is written over"
grep -q "my_scorer: is there already; expected" "$scratch/log" || fail "said: $(cat "$scratch/log")"
echo "new_project: eleven projects built and tested against an installed SDK"
