#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# `make oracle`: every comparison with transformers and kvpress, then one table. A part that is missing has failed.
#   KVHOST_BIN=FILE   the program under test (default build/release/bin/kvhost)
set -uo pipefail
root="$(cd "$(dirname "$0")/.." && pwd)"
export KVHOST_BIN="${KVHOST_BIN:-$root/build/release/bin/kvhost}"
export TRANSFORMERS_VERBOSITY=error HF_HUB_OFFLINE=1
python="$("$root/scripts/oracle_env.sh" | tail -1)" || exit 3

# What the parts drive, beside the program itself.
build="$(cd "$(dirname "$KVHOST_BIN")/.." && pwd)"
cmake --build "$build" --target logits_tool tokenize_lines render_chat >/dev/null || exit 3
declare -A arguments=(
  [logits_compare]="--tool $build/tests/host/model/logits_tool"
  [chat_template_compare]="--renderer $build/tests/host/tokenizer/render_chat --packages $build/chat_templates"
  [tokenizer_compare]="--lines $build/tests/host/tokenizer/tokenize_lines --kvhost $KVHOST_BIN"
  [real_kept_compare]="--once"
)

parts=(selftest logits_compare checkpoint_compare tokenizer_compare chat_template_compare kept_compare phase_compare answers_compare score_compare perplexity_compare gguf_compare real_kept_compare rankkv_reference)
table="" failed=0
for part in "${parts[@]}"; do
  printf '\n== %s\n' "$part"
  start=$SECONDS
  # shellcheck disable=SC2086 # words on purpose
  "$python" "$root/tests/oracle/$part.py" ${arguments[$part]:-}
  code=$?
  verdict=ok
  if ((code != 0)); then
    verdict="FAILED ($code)"
    failed=1
  fi
  table+="$(printf '%-20s %-12s %5d s' "$part" "$verdict" $((SECONDS - start)))"$'\n'
done
printf '\n%-20s %-12s %7s\n%s' part verdict time "$table"
exit "$failed"
