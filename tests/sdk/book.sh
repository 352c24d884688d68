#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The commands of docs/authors, word for word and in their order, against an installed SDK.
# usage: book.sh SOURCE_DIR BUILD_DIR
set -euo pipefail
source_dir=$1 build=$2
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

cmake --install "$build" --component sdk --prefix "$scratch/prefix" >/dev/null
export PREFIX=$scratch/prefix PATH=$build/bin:$PATH
n=0
pages="README.md scorer.md allocators.md press.md index.md"
if command -v cargo >/dev/null; then pages="$pages rust.md"; else echo "book: no cargo: rust.md is left out: apt-get install cargo"; fi
export KVHOST=$build/bin/kvhost XDG_CACHE_HOME=$scratch/cache
for page in $pages; do
  mkdir -p "$scratch/$page"
  cd "$scratch/$page"
  while IFS= read -r command; do
    eval "$command" >"$scratch/log" 2>&1 </dev/null || {
      tail -n 20 "$scratch/log" >&2
      echo "book: docs/authors/$page: failed: $command" >&2
      exit 1
    }
    n=$((n + 1))
  done < <(grep -E '^    (kvhost|cmake|ctest|cargo) ' "$source_dir/docs/authors/$page" | sed 's/^    //')
done
[ $n -ge 21 ] || { echo "book: $n commands; expected those of five pages" >&2; exit 1; }
# Every file of the tree that a page names is there.
grep -ohE '`(scorers|allocators|plugins|examples|sdk)/[A-Za-z0-9_./]+`' "$source_dir"/docs/authors/*.md | tr -d '`' | sort -u |
  while read -r file; do [ -e "$source_dir/$file" ] || { echo "book: no $file" >&2; exit 1; }; done
echo "book: $n commands run"
