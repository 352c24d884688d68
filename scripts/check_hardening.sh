#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every program and library that kvhost built is hardened as cmake/Hardening.cmake says.
# usage: check_hardening.sh PREFIX      (an installed tree)
set -euo pipefail
tree=${1:?usage: check_hardening.sh PREFIX}
bad=0

fault() {
  printf 'check_hardening: %s: %s\n' "${file#"$tree"/}" "$*" >&2
  bad=1
}

# What is bundled from elsewhere (libtorch, the distribution's libraries) is built as its makers chose.
built_here() {
  find "$tree/bin" "$tree/lib/kvhost/plugins" "$tree"/lib/libkvhost.so* -type f -print0
}

check() {
  local segments dynamic symbols
  segments=$(readelf -lW "$file")
  dynamic=$(readelf -dW "$file")
  symbols=$(readelf -W --dyn-syms "$file")
  grep -q 'Type:.*DYN\|DYN (' <<<"$segments" || fault "is loaded at a fixed address; expected PIE or a shared library"
  grep -q GNU_RELRO <<<"$segments" || fault "has no read-only relocations; expected -z relro"
  grep -q 'BIND_NOW\|Flags:.*NOW' <<<"$dynamic" || fault "binds lazily; expected -z now"
  grep -q 'GNU_STACK.* RW ' <<<"$segments" || fault "has an executable stack; expected -z noexecstack"
  grep -q 'TEXTREL' <<<"$dynamic" && fault "has relocations in its code; expected none"
  [ "$(uname -m)" != x86_64 ] || [ "$(objdump -d --no-show-raw-insn "$file" | grep -c endbr64)" -gt 0 ] ||
    fault "marks no targets of jumps; expected -fcf-protection"
  case $file in
    */bin/kvhost)
      grep -q __stack_chk_fail <<<"$symbols" || fault "has no stack canaries; expected -fstack-protector-strong"
      grep -q '_chk@' <<<"$(grep -v __stack_chk <<<"$symbols")" || fault "calls no checked function; expected _FORTIFY_SOURCE=2"
      ;;
  esac
}

n=0
while IFS= read -r -d '' file; do
  [ "$(head -c 4 "$file" | tail -c 3)" = ELF ] || continue
  check
  n=$((n + 1))
done < <(built_here)
[ "$n" -gt 3 ] || { echo "check_hardening: found $n programs and libraries in $tree; expected kvhost and its plugins" >&2; exit 1; }
exit "$bad"
