#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Binaries of plugins that were made with earlier kits and other compilers load, run and give what they gave; those that this
# kvhost cannot run are refused by name. A folder for every minor of the ABI, and one made with libc++; src/, make.sh and
# make_libcxx.sh are what they were made from.
# usage: museum.sh BUILD_DIR
set -euo pipefail
kvhost=$1/bin/kvhost
here=$(cd "$(dirname "$0")" && pwd)
[ "$(uname -sm)" = "Linux x86_64" ] || { echo "museum: binaries for Linux x86_64, and this is $(uname -sm): skipped"; exit 77; }
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export XDG_CACHE_HOME=$scratch/cache OMP_WAIT_POLICY=passive

fail() { printf 'museum: %s\n' "$*" >&2; exit 1; }
text='Once upon a time there was a child who lived by the sea and counted the waves, one by one, until the lamp was lit.'

run() { # name of the file of what is kept, then flags
  local kept=$scratch/$1.json
  shift
  "$kvhost" run --model tiny --plugin-path "$folder" -p "$text" --dtype float32 --threads 2 --min-entries 0 -n 6 --quiet \
    --dump-keep "$kept" "$@" >"$scratch/out" 2>"$scratch/err" || fail "$(basename "$folder"): $*: $(cat "$scratch/err")"
}
kept() { sed -n '/"kept"/,$p' "$scratch/$1.json"; }
like_knorm() { # composition
  run knorm --press knorm --keep-ratio 0.4
  run museum --press "$1" --keep-ratio 0.4
  [ -n "$(kept knorm)" ] || fail "no kept entries in what --dump-keep wrote"
  [ "$(kept museum)" = "$(kept knorm)" ] || fail "$(basename "$folder"): $1 keeps other entries than knorm"
}
refused() { # library, words
  grep -q "$2" <<<"$(grep -A4 "/lib$1.so" "$scratch/failed" | tr -s ' \n' ' ')" || fail "lib$1.so is not refused with '$2': $(cat "$scratch/failed")"
}

# One row for every binary, so that the table of who runs in whom is what was found.
row() { printf 'museum: %-19s ABI %-4s %-6s %s\n' "$(basename "$1")" "$2" "$3" "$4"; }

n=0
look_at() { # library of $folder
  local library=$1 minor compiler=gcc c m
  minor=$(basename "$folder")
  case $(basename "$library") in libclang*) compiler=clang ;; lib*libcxx*|libtoday*) compiler=libc++ minor=${minor%-libcxx} ;; esac
  case $(basename "$library") in
    lib*_c.so)
      c=museum_$(basename "$library" .so | sed 's/^lib//')
      like_knorm "$c"
      run decode --press none --decode-press "$c" --decode-every 2 --decode-budget 9
      run other --press "$c(sign=1)" --keep-ratio 0.4
      [ "$(kept other)" != "$(kept knorm)" ] || fail "$c: its parameter makes no difference"
      row "$library" "$minor" $compiler "C: runs, prefill and decode" ;;
    lib*_cpp.so)
      m=museum_$(basename "$library" _cpp.so | sed 's/^lib//')
      like_knorm "${m}_scorer"
      like_knorm "${m}_press:${m}_layers:${m}_heads:${m}_wrapper:${m}_scorer"
      like_knorm "${m}_layers"
      run decode --press none --decode-press "${m}_press:${m}_heads:${m}_wrapper" --decode-every 2 --decode-budget 9
      row "$library" "$minor" $compiler "C++, every kind: runs, prefill and decode" ;;
    lib*_newer.so)
      c=museum_$(basename "$library" .so | sed 's/^lib//')
      like_knorm "$c"
      run decode --press none --decode-press "$c" --decode-every 2 --decode-budget 9
      run own --press "$c" # its own budget, in a struct that has grown
      run quarter --press "$c" --keep-ratio 0.25
      [ "$(kept own)" != "$(kept quarter)" ] || fail "$c: its own budget makes no difference"
      row "$library" newer $compiler "C++, structs larger and smaller than the host's: runs" ;;
    libnewer.so)
      run newer --press museum_newer --keep-ratio 0.4
      row "$library" newer $compiler "optional bits, structs and needs of a later minor: runs" ;;
    librequired.so)
      refused required "needs tensor 77, which this kvhost does not know; expected a newer kvhost"
      row "$library" newer $compiler "cannot do without what is newer: refused with words" ;;
    libsmaller.so)
      refused smaller "struct_size of kvh_method is 176; expected at least 184, as ABI 1.0 has it"
      row "$library" older $compiler "smaller than 1.0: refused with words" ;;
    *) fail "$library: nothing is known of it" ;;
  esac
  n=$((n + 1))
}
look_at_folder() {
  folder=$1
  (cd "$folder" && sha256sum --quiet -c SHA256SUMS) || fail "$folder was changed"
  "$kvhost" list --failed --plugin-path "$folder" >"$scratch/failed"
  local library
  for library in "$folder"/*.so; do look_at "$library"; done
}

libcxx=yes # what is built with libc++ runs where its library is
grep -q 'not found' <<<"$(ldd "$here"/1.0-libcxx/*.so)" && libcxx=
for each in "$here"/[0-9]*; do
  case $each in *-libcxx) [ -n "$libcxx" ] || { echo "museum: no libc++ here: $(basename "$each") is not run"; continue; } ;; esac
  look_at_folder "$each"
done
# The same with today's headers, where clang and libc++ are.
made=0
"$here/make_libcxx.sh" "$scratch/today" today 2>"$scratch/err" || made=$?
[ $made = 0 ] || [ $made = 77 ] || fail "make_libcxx.sh: $(cat "$scratch/err")"
if [ $made = 0 ]; then look_at_folder "$scratch/today"; else echo "museum: no clang with libc++ here: nothing is built"; fi
[ $n -gt 0 ] || fail "no binaries in $here"
echo "museum: $n binaries run, or are refused by name"
