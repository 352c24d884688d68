#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every method that comes with kvhost reaches the highest level of `kvhost validate`, it runs in a model, but for those that want
# a file or a setting of the user's; none fails a check. Two at a time.
# usage: top_level.sh BUILD_DIR
set -euo pipefail
build=$1
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export XDG_CACHE_HOME=$scratch/cache OMP_WAIT_POLICY=passive OMP_NUM_THREADS=1 kvhost=$build/bin/kvhost scratch

validate() { "$kvhost" validate "$1" >"$scratch/$(basename "$1").txt" 2>&1 || true; }
export -f validate
ls "$build"/lib/kvhost/plugins/1/*.so | xargs -P 2 -I{} bash -c 'validate {}'

n=$(cat "$scratch"/*.txt | grep -c '^  level: ' || true)
[ "$n" -gt 60 ] || { echo "top_level: $n methods; expected all that come along" >&2; exit 1; }
fails=$(grep -h -A1 '^  FAIL' "$scratch"/*.txt || true)
# Below it are only those that a user must bring something for: a learned file, a setting, a question. Their words say what.
below=$(for file in "$scratch"/*.txt; do
  awk -v want='level: runs' '/^[a-z]/ {name = $1; reason = ""} /^  SKIP  model.run/ {reason = $0} /^  level:/ && $0 !~ want {print (reason ~ /expected/ ? "" : "!") name reason}' "$file"
done)
bad=$(grep "^!" <<<"$below" || true)
[ -z "$fails$bad" ] || { printf '%s\n' "$fails" "$bad" >&2; echo "top_level: see above; expected runs, and nothing that fails" >&2; exit 1; }
n_below=$(grep -c . <<<"$below" || true)
[ "$n_below" -le 12 ] || { echo "$below" >&2; echo "top_level: $n_below methods do not run by themselves; expected 12 at most" >&2; exit 1; }
sed 's/,.*SKIP  model.run: kvhost: error: /: /; s/^/top_level: brings its own: /' <<<"$below" | cut -c1-160
echo "top_level: $((n - n_below)) methods run, $n_below want what a user brings; $(cat "$scratch"/*.txt | grep -c '^  PASS') checks passed"
