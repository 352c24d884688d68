#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The installed SDK serves projects outside the tree, after it was moved, and their plugins are right.
# usage: out_of_tree.sh SOURCE_DIR BUILD_DIR TORCH_ROOT
set -euo pipefail
source_dir=$1 build=$2 torch=$3
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

fail() { printf 'out_of_tree: %s\n' "$*" >&2; exit 1; }
quietly() { "$@" >"$scratch/log" 2>&1 || { tail -n 30 "$scratch/log" >&2; fail "failed: $*"; }; }

quietly cmake --install "$build" --component sdk --prefix "$scratch/first"
mv "$scratch/first" "$scratch/moved"
named=$(grep -rlF -e "$source_dir" -e "$build" -e "$scratch/first" "$scratch/moved/lib/cmake" "$scratch/moved/include" || true)
[ -z "$named" ] || fail "names a folder of the build: $named"

build_example() { # folder
  quietly cmake -S "$source_dir/examples/plugins/$1" -B "$scratch/$1" -G Ninja -DCMAKE_BUILD_TYPE=Release \
    -DCMAKE_PREFIX_PATH="$scratch/moved" -DKVHOST_TORCH_ROOT="$torch"
  quietly cmake --build "$scratch/$1"
}

check() { # folder method tier
  local folder=$scratch/$1/lib/kvhost/plugins/1
  local library=$folder/lib$2.so manifest=$folder/lib$2.kvh.json
  [ -s "$manifest" ] || fail "$1: no manifest $manifest"
  grep -q "\"name\": \"$2\"" "$manifest" || fail "$1: the manifest names no method $2"
  grep -q "\"tier\": \"$3\"" "$manifest" || fail "$1: tier $(grep tier "$manifest"); expected $3"
  grep -q "$(sha256sum "$library" | cut -d' ' -f1)" "$manifest" || fail "$1: the manifest is of another library"
  local symbols
  symbols=$(nm -D --defined-only "$library" | awk '{print $3}')
  [ "$symbols" = kvhost_plugin_v1 ] || fail "$1: exports $symbols; expected kvhost_plugin_v1 alone"
  grep -q -e RPATH -e RUNPATH <<<"$(readelf -d "$library")" && fail "$1: carries a run path"
  grep -q ' UNIQUE ' <<<"$(readelf -s --wide "$library")" && fail "$1: has STB_GNU_UNIQUE symbols"

  # Installing changes no byte, or the manifest would be stale.
  quietly cmake --install "$scratch/$1" --prefix "$scratch/installed"
  cmp "$library" "$scratch/installed/lib/kvhost/plugins/1/lib$2.so" || fail "$1: installing changed the library"
  [ -s "$scratch/installed/lib/kvhost/plugins/1/lib$2.kvh.json" ] || fail "$1: the manifest is not installed"
}

# Without CMake: what pkg-config says, a compiler, and the describing tool.
if command -v pkg-config >/dev/null; then
  export PKG_CONFIG_PATH=$scratch/moved/lib/pkgconfig
  quietly cc -O2 -shared -fPIC -fvisibility=hidden $(pkg-config --cflags kvhost-sdk) "$source_dir/examples/plugins/c_knorm/knorm.c" \
    -o "$scratch/libby_hand.so" -lm
  quietly "$(pkg-config --variable=describe kvhost-sdk)" "$scratch/libby_hand.so" --out "$scratch/libby_hand.kvh.json"
  grep -q '"name": "c_knorm"' "$scratch/libby_hand.kvh.json" || fail "by hand: the manifest names no c_knorm"
fi

build_example c_knorm
check c_knorm c_knorm portable
build_example cpp_scorer
check cpp_scorer mine portable
grep -q '"name": "recency"' "$scratch/cpp_scorer/lib/kvhost/plugins/1/libmine.kvh.json" || fail "mine has no recency"
build_example torch_scorer
check torch_scorer torch_residual torch
echo "out_of_tree: three projects built against a moved SDK"
