#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# All tests under AddressSanitizer, LeakSanitizer and UndefinedBehaviorSanitizer, in build/sanitize.
# usage: sanitize.sh [ctest options]     e.g. sanitize.sh -R cache
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/setup.sh
cmake --preset sanitize >/dev/null
cmake --build --preset sanitize ${JOBS:+-j "$JOBS"} --target all tests/all

# No check is switched off. libtorch is not instrumented, which hides its own mistakes and reports none that are not
# there: what it keeps for good is reachable from its globals (no leak), and plugins hide all but one symbol, so that their
# copies of the sdk's inline data do not count as one object defined twice.
export ASAN_OPTIONS=strict_string_checks=1:detect_stack_use_after_return=1${ASAN_OPTIONS:+:$ASAN_OPTIONS}
export GOMP_SPINCOUNT=${GOMP_SPINCOUNT:-700} # as kvhost sets it for itself (host/cli/short_spins.cpp)
export UBSAN_OPTIONS=print_stacktrace=1${UBSAN_OPTIONS:+:$UBSAN_OPTIONS}
ctest --test-dir build/sanitize --output-on-failure -j "${JOBS:-2}" "$@"
