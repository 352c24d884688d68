#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every fuzz target, or those named, for SECONDS each (MINUTES=N: that long each), one after another, under ASan and
# UBSan. New inputs that reach something stay in build/fuzz/corpus; what falls is minimised into build/fuzz/found and
# belongs, once mended, into tests/fuzz/corpus, where a plain test keeps it. RUNS=N: that many executions each instead.
set -euo pipefail
cd "$(dirname "$0")/.."
build=build/fuzz
compiler=${CXX_FUZZ:-$(command -v clang++ || command -v clang++-19 || command -v clang++-16 || command -v clang++-14 || true)}
if [ -z "$compiler" ]; then
  echo "fuzz: found no clang++; expected one; apt-get install clang, or set CXX_FUZZ" >&2
  exit 2
fi
[ -f $build/build.ninja ] || cmake -S tests/fuzz -B $build -G Ninja -DCMAKE_CXX_COMPILER="$compiler" >/dev/null
nice ninja -C $build ${JOBS:+-j $JOBS} >/dev/null

seconds=${SECONDS_EACH:-$((${MINUTES:-5} * 60))}
limit=(-max_total_time="$seconds")
[ -z "${RUNS:-}" ] || limit=(-runs="$RUNS")
targets=("$@")
[ ${#targets[@]} -gt 0 ] || mapfile -t targets < <(ls tests/fuzz/corpus)
failed=0
for target in "${targets[@]}"; do
  mkdir -p "$build/corpus/$target" "$build/found/$target"
  dictionary=tests/fuzz/dictionaries/$target.txt
  [ -f "$dictionary" ] || dictionary=tests/fuzz/dictionaries/json.txt
  log=$build/$target.log
  # -timeout: seconds of one input; the real bounds are much lower, but sanitizers are slow
  if KVHOST_FUZZ_TARGET=$target ASAN_OPTIONS=detect_leaks=1:allocator_may_return_null=1 \
    nice -n 19 "$build/kvhost-fuzz" "$build/corpus/$target" "tests/fuzz/corpus/$target" -dict="$dictionary" \
    -timeout=20 -rss_limit_mb=2048 -max_len=${MAX_LEN:-4096} -entropic=0 -print_final_stats=1 -artifact_prefix="$build/found/$target/" \
    "${limit[@]}" >"$log" 2>&1; then
    state=clean
  else
    state=FELL
    failed=1
    for found in "$build/found/$target"/crash-*; do
      [ -f "$found" ] || continue
      KVHOST_FUZZ_TARGET=$target "$build/kvhost-fuzz" -minimize_crash=1 -runs=2000 -exact_artifact_path="$found.small" \
        "$found" >/dev/null 2>&1 || true
    done
  fi
  runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log" | tail -1)
  covered=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -1)
  printf '%-20s %-6s %12s executions %8s edges\n' "$target" "$state" "${runs:-?}" "${covered:-?}"
  [ "$state" = clean ] || grep -m1 -E '^fault:|ERROR: |runtime error' "$log" || true
done
exit $failed
