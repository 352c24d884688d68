#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# scripts/setup.sh on a pretended machine: dpkg-query, id, sudo and apt-get are small scripts of this test.
set -euo pipefail
setup=$(cd "$(dirname "$0")/../.." && pwd)/scripts/setup.sh
machine=$(mktemp -d)
trap 'rm -rf "$machine"' EXIT
mkdir -p "$machine/bin" "$machine/torch/lib"
touch "$machine/torch/lib/libtorch_cpu.so"

fail() { printf 'test_setup: %s\n--- what setup.sh said:\n' "$*" >&2; cat "$machine/said" >&2; exit 1; }
command_is() { printf '#!/bin/sh\n%s\n' "$2" >"$machine/bin/$1"; chmod +x "$machine/bin/$1"; }
# Ends with the exit code in $code; what was said lies in $machine/said.
run_setup() {
  code=0
  env -u CMAKE_PREFIX_PATH -u Torch_DIR PATH="$machine/bin:$PATH" "${@}" "$setup" >"$machine/said" 2>&1 || code=$?
}
says() { grep -q -- "$1" "$machine/said" || fail "expected it to say: $1"; }

torch=KVHOST_TORCH_ROOT=$machine/torch
command_is cmake 'echo cmake version 3.22.0'
for tool in ninja ccache pkg-config; do command_is "$tool" true; done
# The arguments are -W -f FORMAT PACKAGE...; libpcre2-dev counts as installed once apt-get has run.
command_is dpkg-query "shift 3
for p in \"\$@\"; do [ \$p = libpcre2-dev ] && [ ! -f '$machine/installed' ] || echo \"\$p installed\"; done"
command_is sudo 'exit 1'
command_is apt-get "echo \"\$@\" >>'$machine/apt'; case \$1 in install) touch '$machine/installed';; esac"

command_is id 'echo 1000'
run_setup "$torch"
[ "$code" = 3 ] || fail "no rights, one package missing: exit $code; expected 3"
says 'libpcre2-dev (tokenizer patterns)'
says 'sudo apt-get update && sudo apt-get install -y --no-install-recommends libpcre2-dev$'
[ ! -e "$machine/apt" ] || fail 'apt-get was called without rights'

command_is id 'echo 0'
run_setup "$torch"
[ "$code" = 0 ] || fail "root, one package missing: exit $code; expected 0"
[ "$(tail -n 1 "$machine/apt")" = 'install -y -q --no-install-recommends libpcre2-dev' ] || fail "apt-get got: $(cat "$machine/apt")"

rm "$machine/apt"
run_setup "$torch"
[ "$code" = 0 ] && [ ! -s "$machine/said" ] && [ ! -e "$machine/apt" ] || fail 'nothing is missing; expected exit 0 and silence'

rm "$machine/installed"
command_is apt-get true # succeeds and brings nothing
run_setup "$torch"
[ "$code" = 3 ] || fail "apt-get brought nothing: exit $code; expected 3"
says 'still missing after apt-get: libpcre2-dev'

touch "$machine/installed"
command_is cmake 'echo cmake version 3.18.4'
run_setup "$torch"
[ "$code" = 3 ] || fail "cmake 3.18: exit $code; expected 3"
says 'cmake (configures the build'

command_is cmake 'echo cmake version 3.25.1'
run_setup "KVHOST_TORCH_ROOT=$machine/nowhere"
[ "$code" = 3 ] || fail "KVHOST_TORCH_ROOT without libtorch: exit $code; expected 3"
says 'libtorch_cpu.so is not there'
echo 'test_setup: all as expected'
