#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every method that comes with kvhost reaches the highest level of `kvhost validate`: it runs in a model. Two at a time.
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
below=$(grep -H '^  level: ' "$scratch"/*.txt | grep -v 'level: runs$' || true)
fails=$(grep -h -A1 '^  FAIL' "$scratch"/*.txt || true)
[ -z "$below$fails" ] || { printf '%s\n' "$below" "$fails" >&2; echo "top_level: see above; expected runs, and nothing that fails" >&2; exit 1; }
skipped=$(cat "$scratch"/*.txt | grep -c '^  SKIP' || true)
echo "top_level: $n methods run; $(cat "$scratch"/*.txt | grep -c '^  PASS') checks passed, $skipped do not apply to their method"
