#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# An installed tree must work after it was moved and with nothing set in the environment.
# usage: check_install.sh [BUILD]      (default build/release; it must be built)
set -euo pipefail
cd "$(dirname "$0")/.."
build=${1:-build/release}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

fail() { printf 'check_install: %s\n' "$*" >&2; exit 1; }

cmake --install "$build" --prefix "$scratch/first" >"$scratch/log" || { tail -n 20 "$scratch/log" >&2; fail "cmake --install failed"; }
mv "$scratch/first" "$scratch/moved"
tree=$scratch/moved

# Of what kvhost built, no run path may name a folder of the machine it was built on.
while IFS= read -r -d '' file; do
  grep -q ELF <<<"$(head -c 4 "$file" | tr -d '\0')" || continue
  paths=$(readelf -d "$file" | sed -n 's/.*(R\(UN\)\?PATH).*\[\(.*\)\]/\2/p' | tr ':' '\n')
  bad=$(grep -v -e '^\$ORIGIN' -e '^\${ORIGIN}' <<<"$paths" | grep . || true)
  [ -z "$bad" ] || fail "${file#"$tree"/}: run path $bad; expected \$ORIGIN only"
done < <(find "$tree" -type f \( -path '*/bin/*' -o -name '*.so*' \) -print0)

scripts/check_hardening.sh "$tree" || fail "see above"

# Every library resolves: from the tree or from the system, nothing from the build machine's folders.
loaded=$(env -i ldd "$tree/bin/kvhost")
grep -q 'not found' <<<"$loaded" && fail "unresolved: $(grep 'not found' <<<"$loaded" | tr -s '\t\n' ' ')"
strange=$(sed -n 's/.*=> \(\/[^ ]*\) .*/\1/p' <<<"$loaded" | grep -v -e "^$tree/" -e '^/lib' -e '^/usr/lib' || true)
[ -z "$strange" ] || fail "loads $strange; expected libraries of the tree or the system"

# Libraries whose versions differ between distributions come from the tree.
for name in boost_filesystem icuuc icudata pcre2-8 crypto edit sqlite3; do
  where=$(sed -n "s/.*lib$name\.so[^ ]* => \([^ ]*\) .*/\1/p" <<<"$loaded")
  [[ $where == "$tree"/* ]] || fail "lib$name is loaded from '${where:-nowhere}'; expected the tree's own"
done

# Of models/ the models are installed and the list of those that can be fetched, not how they were made.
strange=$(cd "$tree/share/kvhost/models" && for entry in *; do
  [ -e "$entry/config.json" ] || [ "$entry" = fetch.json ] || echo "$entry"
done)
[ -z "$strange" ] || fail "share/kvhost/models/$strange is no model; expected models only"

# What is read: a page for every command, what authors begin with.
for page in man/man1/kvhost.1 man/man1/kvhost-run.1 man/man1/kvhost-validate.1 doc/kvhost/authors/README.md doc/kvhost/contract.md \
  kvhost/examples/plugins/c_knorm/knorm.c; do
  [ -s "$tree/share/$page" ] || fail "no share/$page"
done

# The headers of libkvhost stand alone: without libtorch's, without JSON's.
for header in "$tree"/include/kvhost/engine.hpp "$tree"/include/kvhost/host/*/*.hpp; do
  deps=$(c++ -std=c++20 -M -I"$tree/include" -I"$tree/include/kvhost/host" "$header") || fail "${header#"$tree"/} does not compile"
  bad=$(grep -o -e '[^ ]*nlohmann[^ ]*' -e '[^ ]*ATen[^ ]*' -e '[^ ]*/c10/[^ ]*' <<<"$deps" | head -n 1 || true)
  [ -z "$bad" ] || fail "${header#"$tree"/} includes $bad"
done

# A program built against the tree, with the shared library, and one with the static one.
cmake -S examples/engine -B "$scratch/example" -DCMAKE_PREFIX_PATH="$tree" -DCMAKE_BUILD_TYPE=Release >"$scratch/log" 2>&1 &&
  cmake --build "$scratch/example" >>"$scratch/log" 2>&1 || { tail -n 20 "$scratch/log" >&2; fail "examples/engine does not build"; }
printf 'One, two, three, four, five, six, seven.' >"$scratch/text"
env -i "$scratch/example/ask_twice" "$tree/share/kvhost/models/demo" "$scratch/text" ' Eight' >"$scratch/answer" ||
  fail "examples/engine's program failed"
grep -q '^ Eight' "$scratch/answer" || fail "examples/engine's program answered nothing"
symbols=$(nm -C "$tree/lib/libkvhost.a" 2>/dev/null | grep -c ' T kvhost::Engine::Engine' || true)
[ "$symbols" -gt 0 ] || fail "libkvhost.a holds no engine"

cd "$scratch" # not the source tree
run() { env -i "$tree/bin/kvhost" "$@" || fail "kvhost $* exited with $?"; }
run list >"$scratch/list"
[ -s "$scratch/list" ] || fail "kvhost list printed nothing"
run run -n 8 --json "$scratch/run.json" >"$scratch/out"
grep -q '"n_new_tokens": *[1-8]' "$scratch/run.json" || fail "kvhost run -n 8: the report names no new tokens"
echo "check_install: a moved tree of $(du -sh "$tree" | cut -f1) lists $(wc -l <"$scratch/list") lines of methods and runs"
