#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# All tests under AddressSanitizer, LeakSanitizer and UndefinedBehaviorSanitizer, in build/sanitize.
# usage: sanitize.sh [ctest options]     e.g. sanitize.sh -R cache
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/setup.sh
cmake --preset sanitize >/dev/null
cmake --build --preset sanitize ${JOBS:+-j "$JOBS"} --target all tests/all

# libtorch itself is not instrumented, and need not be:
#   detect_odr_violation=0     every plugin carries its own copy of the sdk's inline data, hidden from the others by its
#                              export map; the sanitizer counts such copies as one object defined twice
#   alloc_dealloc_mismatch=0   memory that instrumented code takes and libtorch's uninstrumented code gives back
# Leaks stay detected; what libtorch keeps for good is reachable from its globals and is not reported.
export ASAN_OPTIONS=detect_odr_violation=0:alloc_dealloc_mismatch=0:strict_string_checks=1${ASAN_OPTIONS:+:$ASAN_OPTIONS}
export UBSAN_OPTIONS=print_stacktrace=1${UBSAN_OPTIONS:+:$UBSAN_OPTIONS}
ctest --test-dir build/sanitize --output-on-failure -j "${JOBS:-2}" "$@"
