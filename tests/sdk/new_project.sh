#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What `kvhost new` writes builds against the installed SDK and passes its tests as it comes out, every kind.
# usage: new_project.sh BUILD_DIR TORCH_ROOT
set -euo pipefail
build=$1 torch=$2
scratch=$(mktemp -d)
dev=
trap '[ -z "$dev" ] || kill -KILL $dev; rm -rf "$scratch"' EXIT

fail() { printf 'new_project: %s\n' "$*" >&2; exit 1; }
quietly() { "$@" >"$scratch/log" 2>&1 || { tail -n 30 "$scratch/log" >&2; fail "failed: $*"; }; }

quietly cmake --install "$build" --component sdk --prefix "$scratch/prefix"
kvhost=$build/bin/kvhost
export XDG_CACHE_HOME=$scratch/cache
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

# While one works on it: built, checked and timed again when the source changes, and only then.
rounds() { grep -c -e 'all well' -e 'not yet' -e 'FAIL  build' "$scratch/dev" || true; }
wait_for() { for _ in $(seq 300); do [ "$(rounds)" -ge "$1" ] && return; sleep 0.2; done; cat "$scratch/dev" >&2; fail "dev: no round $1"; }
"$kvhost" dev my_scorer/build/lib/kvhost/plugins/1/libmy_scorer.so --without-model --only numbers >"$scratch/dev" 2>&1 &
dev=$!
wait_for 1
sed -i 's/static_cast<float>(-squared_norm/static_cast<float>(0.0 * squared_norm/' my_scorer/my_scorer.cpp
wait_for 2
grep -q 'all well' "$scratch/dev" || fail "dev: $(cat "$scratch/dev")"
sed -i 's/static_cast<float>(0.0 \*/std::nanf("") * static_cast<float>(/' my_scorer/my_scorer.cpp
wait_for 3
grep -q 'FAIL  numbers.f32' "$scratch/dev" || fail "dev: a NaN is not told: $(cat "$scratch/dev")"
sed -i 's/std::nanf/std::nano/' my_scorer/my_scorer.cpp
wait_for 4
grep -q 'FAIL  build' "$scratch/dev" || fail "dev: a file that does not compile is not told: $(cat "$scratch/dev")"
kill -TERM $dev # a shell starts what runs beside it deaf to Ctrl-C
wait $dev && fail "dev: ends with 0 after it was interrupted"
dev=

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

# Rust: every kind by cargo, without a crate; a panic is words. The headers and what Rust declares agree.
rust() { # kind
  local name=r_$1
  quietly "$kvhost" new "$1" "$name" --lang rust --vendor 'My Lab' --license MIT
  cd "$name"
  quietly cargo build --release --offline
  quietly env KVHOST="$kvhost" KVHOST_GOLDEN=write cargo test --release --offline
  [ -s golden/kept.json ] || fail "$name: no golden/kept.json"
  symbols=$(nm -D --defined-only "target/release/lib$name.so" | awk '{print $3}')
  [ "$symbols" = kvhost_plugin_v1 ] || fail "$name: exports $symbols; expected kvhost_plugin_v1 alone"
  quietly "$kvhost" validate "target/release/lib$name.so"
  quietly "$scratch/prefix/bin/kvhost-describe" "target/release/lib$name.so" --out manifest.json
  grep -q 'vendor": "My Lab' manifest.json && grep -q 'license": "MIT"' manifest.json || fail "$name: $(cat manifest.json)"
  cd ..
}
n_rust=0
if command -v cargo >/dev/null; then
  unset CARGO_TARGET_DIR # each its own
  for kind in scorer wrapper head_allocator layer_allocator press; do rust $kind; n_rust=$((n_rust + 1)); done
  quietly "$kvhost" dev r_scorer/target/release/libr_scorer.so --without-model --only numbers --once
  sed -i 's/\*score = values.row(i, &mut scratch)/if i == 3 { panic!("no third entry") }\n                &/' r_scorer/src/lib.rs
  "$kvhost" dev r_scorer/target/release/libr_scorer.so --without-model --only numbers.f32 --once >"$scratch/log" 2>&1 &&
    fail "rust: a panic passes"
  grep -q 'FAIL  numbers.f32: panicked at .*src/lib.rs' "$scratch/log" && grep -q 'no third entry' "$scratch/log" ||
    fail "rust: a panic is not told: $(cat "$scratch/log")"
  (cd r_scorer && KVHOST="$kvhost" cargo test --release --offline >"$scratch/log" 2>&1) && fail "rust: a changed formula passes"
  sed -i 's/at!(kvh_layer, phase, 4);/at!(kvh_layer, phase, 8);/' r_press/src/kvhost/abi.rs
  (cd r_press && cargo build --release --offline >"$scratch/log" 2>&1) && fail "rust: a field in another place compiles"
  grep -q 'assertion failed' "$scratch/log" || fail "rust: another layout is refused otherwise: $(cat "$scratch/log")"
else
  echo "new_project: no cargo; the projects in Rust are not built: apt-get install cargo"
fi

"$kvhost" new scorer my_scorer >"$scratch/log" 2>&1 && fail "a folder that holds a project is written over"
grep -q "my_scorer: is there already; expected" "$scratch/log" || fail "said: $(cat "$scratch/log")"
"$kvhost" new scorer match >"$scratch/log" 2>&1 && fail "a project that cargo refuses is made"
echo "new_project: eleven projects built and tested against an installed SDK, and $n_rust by cargo"
