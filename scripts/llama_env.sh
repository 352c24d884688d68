#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Makes .venv-llama: llama.cpp, by way of llama-cpp-python, which kvhost is compared with on GGUF files. Prints the
# interpreter's path as its last line. llama.cpp is compiled for the processor of this machine (10 minutes of one core).
#   KVHOST_LLAMA_VENV=DIR   another folder
#   JOBS=N                  compilers at once (default 2)
set -euo pipefail
root="$(cd "$(dirname "$0")/.." && pwd)"
venv="${KVHOST_LLAMA_VENV:-$root/.venv-llama}"
python="$venv/bin/python"
pins="$root/tests/oracle/requirements_llama.txt"
wanted="$(sed -n 's/^llama-cpp-python==//p' "$pins")"

found="$("$python" -c 'from importlib.metadata import version; print(version("llama-cpp-python"))' 2>/dev/null || true)"
if [[ "$found" != "$wanted" ]]; then
  python3 -m venv "$venv" >&2
  # What builds it comes first, as wheels: an isolated build may choose to compile cmake itself.
  pip=("$python" -m pip install --disable-pip-version-check)
  "${pip[@]}" -c "$pins" scikit-build-core cmake ninja gguf numpy >&2
  PATH="$venv/bin:$PATH" CMAKE_BUILD_PARALLEL_LEVEL="${JOBS:-2}" \
    CMAKE_ARGS="-DGGML_NATIVE=ON -DLLAMA_CURL=OFF -DLLAVA_BUILD=OFF -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF \
-DLLAMA_BUILD_TOOLS=OFF -DLLAMA_BUILD_SERVER=OFF" \
    "${pip[@]}" -c "$pins" --no-build-isolation --no-binary llama-cpp-python llama-cpp-python >&2
  found="$("$python" -c 'from importlib.metadata import version; print(version("llama-cpp-python"))')"
fi
if [[ "$found" != "$wanted" ]]; then
  echo "llama_env: llama-cpp-python: found $found; expected $wanted (tests/oracle/requirements_llama.txt)" >&2
  exit 1
fi
echo "$python"
