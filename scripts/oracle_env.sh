#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Makes .venv-oracle: the peers kvhost is compared with. Prints the interpreter's path as its last line.
#   KVHOST_ORACLE_VENV=DIR   another folder
#   --pin                    writes tests/oracle/requirements.txt from what is installed
set -euo pipefail
root="$(cd "$(dirname "$0")/.." && pwd)"
venv="${KVHOST_ORACLE_VENV:-$root/.venv-oracle}"
python="$venv/bin/python"
pins="$root/tests/oracle/requirements.txt"

if [[ ! -x "$python" ]] || ! "$python" -m pip show --quiet kvpress 2>/dev/null; then
  python3 -m venv "$venv" >&2
  # torch first: kvpress alone would choose its own, newer or with CUDA.
  "$python" -m pip install --disable-pip-version-check torch==2.13.0 -c "$pins" >&2
  "$python" -m pip install --disable-pip-version-check kvpress==0.5.5 -c "$pins" >&2
fi

if [[ "${1:-}" == --pin ]]; then  # after a deliberate change of versions
  "$python" -m pip freeze --disable-pip-version-check | sed 's/+cpu$//' | LC_ALL=C sort -f > "$pins"
fi

# What decides results must be what the golden files were made with.
"$python" - "$pins" >&2 <<'PY'
import sys
from importlib.metadata import PackageNotFoundError, version

pins = dict(line.strip().split("==") for line in open(sys.argv[1]) if "==" in line)
for name in ("torch", "transformers", "kvpress", "tokenizers", "safetensors", "numpy"):
    try:
        found = version(name).split("+")[0]
    except PackageNotFoundError:
        found = "nothing"
    if found != pins[name]:
        sys.exit(f"oracle_env: {name}: found {found}; expected {pins[name]} (tests/oracle/requirements.txt); "
                 f"remove {sys.prefix} and run scripts/oracle_env.sh again")
PY
echo "$python"
