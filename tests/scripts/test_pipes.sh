#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# grep -q ends at the first match. Under pipefail whoever writes to it is then killed by SIGPIPE, now and then, and what was
# found counts as not found: a check that says nothing. A here-string has no such writer.
cd "$(dirname "$0")/../.." || exit 1
found=$(grep -rnE '[|] *grep (-[a-zA-Z]+ )*-[a-zA-Z]*q' scripts tests bench .ci Makefile --include='*.sh' --include=Makefile --include=run |
  grep -v '^tests/scripts/test_pipes.sh:' || true)
[ -z "$found" ] && exit 0
printf 'test_pipes: found grep -q behind a pipe; expected grep -q ... <<<"$(...)":\n%s\n' "$found" >&2
exit 1
