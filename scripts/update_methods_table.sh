#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Writes the registry's methods between the two marks in docs/methods.md; --check only compares.
# usage: update_methods_table.sh [--check] [--kvhost PROGRAM]
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
program=$root/build/release/bin/kvhost check=0
while [ $# -gt 0 ]; do
  case $1 in
    --check) check=1 ;;
    --kvhost) program=$(realpath "$2"); shift ;;
    *) echo "update_methods_table: $1: unknown; expected --check or --kvhost PROGRAM" >&2; exit 2 ;;
  esac
  shift
done

page=$root/docs/methods.md
begin='<!-- methods: written by scripts/update_methods_table.sh -->' end='<!-- methods end -->'
for mark in "$begin" "$end"; do
  grep -qxF -- "$mark" "$page" || { echo "update_methods_table: docs/methods.md: no line '$mark'" >&2; exit 1; }
done

new=$(mktemp)
trap 'rm -f "$new"' EXIT
{
  awk -v mark="$begin" '{ print } $0 == mark { exit }' "$page"
  echo
  "$program" list --format markdown
  echo
  awk -v mark="$end" '$0 == mark { found = 1 } found' "$page"
} >"$new"

if cmp -s "$new" "$page"; then exit 0; fi
if [ "$check" = 1 ]; then
  diff -u "$page" "$new" >&2 || true
  echo "update_methods_table: docs/methods.md: the table of methods is out of date; cure: make methods-table" >&2
  exit 1
fi
cat "$new" >"$page"
