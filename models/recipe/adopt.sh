#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Makes a training run's weights the bundled model, and all that hangs on them anew: rank profile, golden logits, figures,
# tables and picture. Twenty minutes on two cores; the parts that were finished stay in results/ when it is stopped.
# usage: adopt.sh RUN DATA      RUN: folder of train.py (.cache/recipe/settle); DATA: the texts (see corpus.py)
set -euo pipefail
[ $# = 2 ] || { echo "usage: adopt.sh RUN DATA" >&2; exit 2; }
run=$1 data=$2
cd "$(dirname "$0")/../.."
here=models/recipe results=models/recipe/results
py=$(scripts/oracle_env.sh | tail -1)
books=("$data"/pg19/{10146,22424,26239,28988,30754,3129,33426,35246,37328,38106}.txt) # of the training texts, none held out

say() { echo "$(date +%H:%M:%S) $*"; }
say "weights, rank profile, golden logits"
"$py" $here/export.py --run "$run" --shape demo --tokenizer models/demo/tokenizer.json --out models/demo
"$py" scripts/rank_profile.py --model models/demo --tokens 1024 --skip 20000 --out models/demo/rank_profile.json \
  "${books[@]}"
"$py" tests/oracle/logits_golden.py demo
say "bundled prompts"
"$py" $here/demo_table.py
say "full cache"
kernel=sdpa
grep -q avx512_bf16 /proc/cpuinfo && kernel=kernel
"$py" $here/evaluate.py --model models/demo --data "$data" --attention $kernel --out $results/demo.json
say "compression"
"$py" $here/separate.py --data "$data" --count 12 --out $results/separate.json
say "picture, report"
"$py" $here/picture.py --model models/demo --data "$data" --out $results/attention.svg
"$py" $here/report.py
