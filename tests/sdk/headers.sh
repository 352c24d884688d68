#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every header of the SDK compiles alone and without a warning, as C11 to C23 and as C++17 to C++23, with the compiler of the
# build and with clang where there is one.
# usage: headers.sh SOURCE_DIR CC CXX
set -euo pipefail
include=$1/sdk/include
flags="-Wall -Wextra -pedantic -Werror -fsyntax-only -I$include"
clang=$(compgen -c clang- | grep -E '^clang-[0-9]+$' | sort -Vr | head -n 1 || true)
command -v clang >/dev/null && clang=clang
failed=0

compile() { # compiler language standard header
  echo "#include <$4>" | $1 -x "$2" -std="$3" $flags - || { echo "headers: $1 -std=$3 refuses $4" >&2; failed=1; }
}
cd "$include"
for compiler in "$2" $clang; do
  for header in kvhost/*.h; do
    for standard in c11 c17 c2x; do compile "$compiler" c $standard "$header"; done
  done
done
for compiler in "$3" ${clang/clang/clang++}; do
  for header in kvhost/*.h kvhost/*.hpp kvhost/testing/*.hpp; do
    [ "$header" = kvhost/torch.hpp ] || compile "$compiler" c++ c++17 "$header" # that one is libtorch's to compile
  done
  for standard in c++20 c++2b; do
    all=$(printf '#include <%s>\n' kvhost/*.h $(ls kvhost/*.hpp kvhost/testing/*.hpp | grep -v torch.hpp))
    echo "$all" | $compiler -x c++ -std=$standard $flags - || { echo "headers: $compiler -std=$standard refuses them" >&2; failed=1; }
  done
done
[ $failed = 0 ] && echo "headers: $(ls kvhost/*.h kvhost/*.hpp kvhost/testing/*.hpp | wc -l) compile alone; clang: ${clang:-not here}"
exit $failed
