#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Writes the registry's methods between the two marks in README.md; --check only compares.
# usage: update_readme_table.sh [--check] [--kvhost PROGRAM]
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
program=$root/build/release/bin/kvhost check=0
while [ $# -gt 0 ]; do
  case $1 in
    --check) check=1 ;;
    --kvhost) program=$(realpath "$2"); shift ;;
    *) echo "update_readme_table: $1: unknown; expected --check or --kvhost PROGRAM" >&2; exit 2 ;;
  esac
  shift
done

readme=$root/README.md
begin='<!-- methods: written by scripts/update_readme_table.sh -->' end='<!-- methods end -->'
for mark in "$begin" "$end"; do
  grep -qxF -- "$mark" "$readme" || { echo "update_readme_table: README.md: no line '$mark'" >&2; exit 1; }
done

new=$(mktemp)
trap 'rm -f "$new"' EXIT
{
  awk -v mark="$begin" '{ print } $0 == mark { exit }' "$readme"
  echo
  "$program" list --format markdown
  echo
  awk -v mark="$end" '$0 == mark { found = 1 } found' "$readme"
} >"$new"

if cmp -s "$new" "$readme"; then exit 0; fi
if [ "$check" = 1 ]; then
  diff -u "$readme" "$new" >&2 || true
  echo "update_readme_table: README.md: the table of methods is out of date; cure: make readme-table" >&2
  exit 1
fi
cat "$new" >"$readme"
