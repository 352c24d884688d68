#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Makes plugins with clang and libc++, which the host does not use: those of cpp_all.cpp, and one of a newer kit. What lies in
# tests/museum/1.0-libcxx was made so with the headers of 1.0 and is not made again; museum.sh makes the same of today's.
# Exit code 77 where there is no clang with libc++.
# usage: make_libcxx.sh FOLDER [NAME]       (NAME stands in the methods' names; libcxx by default)
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
out=$1 name=${2:-libcxx}
include=$here/../../sdk/include
clang=$(command -v clang++ || compgen -c clang++- | grep -E '^clang\+\+-[0-9]+$' | sort -Vr | head -n 1 || true)
[ -n "$clang" ] || exit 77
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
printf '#include <string>\nstd::string greet() { return std::string(99, 0); }\n' >"$scratch/probe.cpp"
# Debian has what is needed at run time without what -stdlib=libc++ links with.
links=
for with in "" "-nostdlib++ -l:libc++.so.1 -l:libc++abi.so.1 -L$("$clang" -print-file-name=libc++.so.1 | xargs dirname)"; do
  "$clang" -stdlib=libc++ -shared -fPIC "$scratch/probe.cpp" $with -o "$scratch/probe.so" 2>/dev/null && { links=yes; break; }
done
[ -n "$links" ] || exit 77
flags="-std=c++17 -stdlib=libc++ -O2 -shared -fPIC -fvisibility=hidden -fvisibility-inlines-hidden -I$include -s"
flags="$flags -Wl,--version-script=$here/../../sdk/cmake/kvhost_plugin.map -Wl,-z,defs -Wl,-z,now"
mkdir -p "$out"
"$clang" $flags -DCOMPILER="\"$name\"" "$here/src/cpp_all.cpp" $with -o "$out/lib${name}_cpp.so"
"$clang" $flags -DNAME="\"museum_${name}_newer\"" "$here/src/newer_cpp.cpp" $with -o "$out/lib${name}_newer.so"
(cd "$out" && sha256sum ./*.so | sed 's|\./||' >SHA256SUMS)
{ "$clang" --version | head -n 1; echo "libc++"; uname -sm; } >"$out/MADE_WITH"
