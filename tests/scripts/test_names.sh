#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# ctest finds a case by its name: CMake cuts one at a semicolon, and Catch takes one that begins with a minus for a flag.
# Such a case is listed and never run.
cd "$(dirname "$0")/../.." || exit 1
found=$(grep -rnE 'TEST_CASE\("([^"]*;|-)' tests --include='*.cpp')
[ -z "$found" ] && exit 0
printf 'test_names: found a semicolon, or a minus at the beginning; expected a name that ctest can run:\n%s\n' "$found" >&2
exit 1
