#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Engines, models and policies shared by sequences on several threads, and a server under load, under ThreadSanitizer, in
# build/tsan.
# usage: tsan.sh [TEST]      a Catch2 test name or pattern of test_sequences, alone; default: what runs on threads, what is
#                            shared, and LOAD_MINUTES=2 of requests of all kinds by 8 clients at once
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/setup.sh
cmake --preset tsan >/dev/null
# Of the plugins those that the tests with threads and the load name; the others' code is their own.
plugins=(knorm snapkv streaming_llm adakv rankkv pyramidkv uniform think key_rerotation)
cmake --build --preset tsan ${JOBS:+-j "$JOBS"} --target test_sequences kvhost kvhost-describe "${plugins[@]}"

# libgomp, libtorch and cpp-httplib are not instrumented, and what OpenMP's barriers order cannot be seen: every sequence gets one
# thread of its own, and races inside those libraries are left to their makers.
export OMP_NUM_THREADS=1
suppressions=$(mktemp)
trap 'rm -f "$suppressions"' EXIT
printf 'called_from_lib:libtorch_cpu.so\ncalled_from_lib:libc10.so\ncalled_from_lib:libgomp\ncalled_from_lib:libcpp-httplib\n' >"$suppressions"
export TSAN_OPTIONS="suppressions=$suppressions halt_on_error=1 second_deadlock_stack=1${TSAN_OPTIONS:+ $TSAN_OPTIONS}"
build/tsan/tests/host/engine/test_sequences "${1:-*thread*}"
[ $# -eq 0 ] || exit 0

# halt_on_error ends the server at its first race: every later request fails, and the command with them.
python3 bench/serve_load.py build/tsan/bin/kvhost --model tiny --clients 16 --requests 200 --tokens 8 --characters 1200
python3 bench/serve_load.py build/tsan/bin/kvhost --model tiny --clients 8 --minutes "${LOAD_MINUTES:-2}" --tokens 8 \
  --characters 1200 --max-cache 4MB --no-growth-check
