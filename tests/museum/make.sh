#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Makes the museum's binaries of this minor, with gcc and clang; once, when a minor is frozen. Earlier ones are never made
# again: they are what users have.
# usage: make.sh FOLDER         (tests/museum/1.0 for ABI 1.0)
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
out=$1
include=$here/../../sdk/include
map=$here/../../sdk/cmake/kvhost_plugin.map
clang=$(compgen -c clang- | grep -E '^clang-[0-9]+$' | sort -Vr | head -n 1)
[ -n "$clang" ] || { echo "make.sh: no clang here; expected gcc and clang" >&2; exit 1; }
common="-O2 -shared -fPIC -fvisibility=hidden -I$include -Wl,--version-script=$map -Wl,-z,defs -Wl,-z,now -s"
mkdir -p "$out"

for compiler in gcc "$clang"; do
  name=${compiler%%-*}
  "$compiler" -std=c11 $common -DNAME="\"museum_${name}_c\"" "$here/src/c_scorer.c" -o "$out/lib${name}_c.so" -lm
done
g++ -std=c++17 $common -fno-gnu-unique -fvisibility-inlines-hidden -DCOMPILER='"gcc"' "$here/src/cpp_all.cpp" -o "$out/libgcc_cpp.so" -lm
"${clang/clang/clang++}" -std=c++17 $common -fvisibility-inlines-hidden -DCOMPILER='"clang"' "$here/src/cpp_all.cpp" \
  -o "$out/libclang_cpp.so" -lm
for variant in NEWER REQUIRED SMALLER; do
  gcc -std=c11 $common -D$variant "$here/src/newer.c" -o "$out/lib$(echo $variant | tr A-Z a-z).so"
done
sha256sum "$out"/*.so | sed "s|$out/||" >"$out/SHA256SUMS"
{ gcc --version | head -n 1; "$clang" --version | head -n 1; uname -sm; } >"$out/MADE_WITH"
ls -l "$out"
