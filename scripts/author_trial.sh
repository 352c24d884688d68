#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What a method of one's own takes, from an installed kvhost in an empty folder: a scorer begun by `kvhost new`, its formula and
# its test replaced (small keys stay, as KnormPress has it), built, tested, validated, run and compared with knorm. For C, C++ and
# Rust, one line each: commands, seconds, rounds until all was green, lines that the author wrote. A script types faster than a
# person, and knows the formula; what it cannot shorten is what the tools take.
# usage: author_trial.sh PREFIX [LANG ...]          (cmake --install build/release --prefix PREFIX)
set -euo pipefail
prefix=$(cd "$1" && pwd)
shift
languages=${*:-c cpp rust}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export PATH=$prefix/bin:$PATH XDG_CACHE_HOME=$scratch/cache KVHOST=$prefix/bin/kvhost

say() { printf '%s\n' "$*" >>"$scratch/log"; }
n_commands=0
typed() { # a command of the author's; its words when it fails
  n_commands=$((n_commands + 1))
  say "\$ $*"
  "$@" >>"$scratch/log" 2>&1
}

write_formula() { # language name: what the author replaces, in the method and in its test
  case $1 in
    c) sed -i 's/&head->values, i/\&head->keys, i/; s/(float)sum;/-(float)sqrt(sum);/; s/shape->value_dim/shape->key_dim/; s/values of an unknown/keys of an unknown/
               s/largest values/smallest keys/; s/{.i = 8}/{.i = 0}/; s/#include <stdlib.h>/#include <math.h>\n&/' "$2/$2.c"
       sed -i 's/layer.values(h).at/layer.keys(h).at/g; s/return sum;/return -std::sqrt(sum);/' "$2/test_$2.cpp" ;;
    cpp) sed -i 's/Matrix values = head.values();/Matrix keys = head.keys();/; s/values\.rows()/keys.rows()/; s/values\.row(/keys.row(/
                 s/values\.cols()/keys.cols()/; s/static_cast<float>(squared_norm(\(.*\)));/-static_cast<float>(std::sqrt(squared_norm(\1)));/
                 s/largest values/smallest keys/; s/"n_recent", 8/"n_recent", 0/' "$2/$2.cpp"
         sed -i 's/layer.values(h).at/layer.keys(h).at/g; s/return sum;/return -std::sqrt(sum);/' "$2/test_$2.cpp" ;;
    rust) sed -i 's/let values = head.values()?;/let keys = head.keys()?;/; s/values\.row(i, &mut scratch)\(.*\)\.sum::<f64>() as f32;/-keys.row(i, \&mut scratch)\1.sum::<f64>().sqrt() as f32;/
                  s/largest values/smallest keys/; s/"n_recent", 8/"n_recent", 0/' "$2/src/lib.rs"
          sed -i 's/head.values\[/head.keys[/; s/let want: f64 = \(.*\)\.sum();/let want: f64 = -\1.sum::<f64>().sqrt();/; s/want.max(1.0)/want.abs().max(1.0)/' "$2/src/tests.rs" ;;
  esac
}

build_and_test() { # language name: builds, tests; sets `library`
  if [ "$1" = rust ]; then
    library=$2/target/release/lib$2.so
    typed cargo build --release --offline --manifest-path "$2/Cargo.toml" &&
      typed cargo test --release --offline --manifest-path "$2/Cargo.toml"
  else
    library=$2/build/lib/kvhost/plugins/1/lib$2.so
    typed cmake -S "$2" -B "$2/build" -DCMAKE_PREFIX_PATH="$prefix" && typed cmake --build "$2/build" &&
      typed ctest --test-dir "$2/build" --output-on-failure
  fi
}

one_round() { # language name
  build_and_test "$1" "$2" && typed kvhost validate "$library" --fuzz 200 &&
    typed kvhost run --plugin-path "$(dirname "$library")" --press "$2" --keep-ratio 0.5 --min-entries 0 -p 'Once upon a time' -n 8 -q &&
    typed kvhost compare "$library" --press knorm --dtype float32 --keep-ratio 0.5 -p 'Once upon a time there was a child' --json "$scratch/$2.json"
}

mkdir "$scratch/empty" && cd "$scratch/empty"
printf '%-8s %9s %8s %7s %10s\n' language commands seconds rounds own_lines
for language in $languages; do
  name=small_keys_$language n_commands=0 rounds=1
  if [ "$language" = rust ] && ! command -v cargo >/dev/null; then echo "rust: no cargo: apt-get install cargo"; continue; fi
  : >"$scratch/log"
  begin=$(date +%s%N)
  typed kvhost new scorer "$name" --lang "$language" --vendor 'My Lab' --license MIT || { cat "$scratch/log" >&2; exit 1; }
  cp -r "$name" "$scratch/as_made"
  write_formula "$language" "$name"
  one_round "$language" "$name" || { rounds=failed; tail -n 30 "$scratch/log" >&2; }
  took=$((($(date +%s%N) - begin) / 1000000))
  lines=$(diff -r "$scratch/as_made" "$name" -x build -x target -x Cargo.lock | grep -c '^>' || true)
  rm -rf "$scratch/as_made"
  printf '%-8s %9d %6d.%01d %7s %10d\n' "$language" "$n_commands" $((took / 1000)) $((took % 1000 / 100)) "$rounds" "$lines"
  [ "$rounds" != failed ] || exit 1
done
