#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Makes a bare Debian or Ubuntu able to build kvhost: system packages through apt, libtorch through a private .venv.
# Looks first and installs only what is missing; a second run does nothing and takes a moment.
#
#   KVHOST_TORCH_ROOT, Torch_DIR or CMAKE_PREFIX_PATH   a libtorch that is already there; then no .venv is made
#   KVHOST_PIP_ARGS   more words for pip, instead of those that find the wheel for processors alone
#   CI                never ask for a password
# Exit: 0 ready; 3 something is missing that this script may not install (it prints the command that does).
set -euo pipefail
cd "$(dirname "$0")/.."

torch_version=2.13.0
cmake_floor=3.22

# package|what must be there instead of the package to count as present (a shell test, may be empty)|why
packages() {
  cat <<'LIST'
build-essential|command -v c++ && command -v make|C++20 compiler
cmake|cmake_is_new_enough|configures the build
ninja-build|command -v ninja|runs the build
ccache|command -v ccache|keeps rebuilds short
pkg-config|command -v pkg-config|finds PCRE2
python3-venv|python3 -c 'import venv, ensurepip'|private environment for the libtorch wheel
libboost-dev||plugin loading (Boost.DLL headers)
libboost-filesystem-dev||plugin loading
libboost-system-dev||plugin loading
nlohmann-json3-dev||JSON
libspdlog-dev||log
libfmt-dev||text formatting under spdlog
libcli11-dev||command line
libpcre2-dev||tokenizer patterns
libicu-dev||Unicode normalisation in tokenizers
libssl-dev||SHA-256 of plugins
libedit-dev||line editing in kvhost chat
libsqlite3-dev||results of evaluations
libcpp-httplib-dev||HTTPS of kvhost fetch
libzip-dev||packages that kvhost fetch unpacks
catch2||tests
LIST
}

say() { printf 'setup: %s\n' "$*" >&2; }

cmake_is_new_enough() {
  local found
  found=$(cmake --version 2>/dev/null | sed -n '1s/[^0-9]*\([0-9.]*\).*/\1/p') || return 1
  [ -n "$found" ] && [ "$(printf '%s\n' "$cmake_floor" "$found" | sort -V | head -n 1)" = "$cmake_floor" ]
}

# Prints "package|why" for every package that is absent.
missing_packages() {
  local installed package instead why
  installed=$(packages | cut -d'|' -f1 |
    xargs dpkg-query -W -f '${Package} ${db:Status-Status}\n' 2>/dev/null | sed -n 's/ installed$//p') || true
  while IFS='|' read -r package instead why; do
    grep -qx "$package" <<<"$installed" && [ "$package" != cmake ] && [ "$package" != python3-venv ] && continue
    [ -n "$instead" ] && eval "$instead" >/dev/null 2>&1 </dev/null && continue
    printf '%s|%s\n' "$package" "$why"
  done < <(packages)
}

# The command prefix that makes apt-get work without a question; fails where there is none.
as_root() {
  if [ "$(id -u)" = 0 ]; then echo env
  elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then echo sudo -n env
  else return 1; fi
}

install_packages() {
  local missing names root
  missing=$(missing_packages)
  [ -z "$missing" ] && return 0
  say "missing system packages:"
  sed 's/^\([^|]*\)|\(.*\)/setup:   \1 (\2)/' <<<"$missing" >&2
  names=$(cut -d'|' -f1 <<<"$missing" | paste -sd' ')
  if ! root=$(as_root); then
    say "not root and no password-free sudo; run this once, then again what you ran:"
    say "  sudo apt-get update && sudo apt-get install -y --no-install-recommends $names"
    exit 3
  fi
  # shellcheck disable=SC2086  # words on purpose
  $root DEBIAN_FRONTEND=noninteractive apt-get update -q >&2
  # shellcheck disable=SC2086
  $root DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $names >&2
  missing=$(missing_packages)
  if [ -n "$missing" ]; then
    say "still missing after apt-get: $(tr '\n' ' ' <<<"$missing"); this release may be too old (floor: Debian 12)"
    exit 3
  fi
}

# True when the environment names a libtorch; a name without one is refused rather than replaced in silence.
torch_is_given() {
  local folder named=0 IFS=':;'
  for folder in ${KVHOST_TORCH_ROOT:-} ${CMAKE_PREFIX_PATH:-} ${Torch_DIR:+$Torch_DIR/../../..}; do
    named=1
    [ -f "$folder/lib/libtorch_cpu.so" ] && return 0
  done
  if [ -n "${KVHOST_TORCH_ROOT:-}${Torch_DIR:-}" ] && [ "$named" = 1 ]; then
    say "KVHOST_TORCH_ROOT or Torch_DIR is set, but lib/libtorch_cpu.so is not there; correct or unset it"
    exit 3
  fi
  return 1
}

# PyPI's wheel for Linux brings 4 GB of CUDA along, of which nothing is used. PyTorch's own index has one without; where
# it is out of reach PyPI's does as well.
cpu_index=https://download.pytorch.org/whl/cpu
where_torch_is() {
  if [ -n "${KVHOST_PIP_ARGS:-}" ]; then echo "$KVHOST_PIP_ARGS"
  elif python3 -c "import urllib.request; urllib.request.urlopen('$cpu_index/torch/', timeout=10)" 2>/dev/null; then
    echo "--extra-index-url $cpu_index"
  fi
}

# The stamp is written last, so that a broken-off installation is taken up again.
install_torch() {
  local stamp=.venv/.kvhost-torch
  torch_is_given && return 0
  [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$torch_version" ] && return 0
  say "libtorch: torch==$torch_version into .venv (once; some minutes)"
  .venv/bin/python -m pip --version >/dev/null 2>&1 || python3 -m venv --clear .venv
  # shellcheck disable=SC2086  # words on purpose
  .venv/bin/python -m pip install --disable-pip-version-check -q $(where_torch_is) "torch==$torch_version" >&2 || {
    say "pip could not install torch==$torch_version; see README.md, \"libtorch\", for other sources"
    exit 3
  }
  echo "$torch_version" >"$stamp"
}

if command -v dpkg-query >/dev/null; then
  install_packages
else
  say "no dpkg here: the packages listed in scripts/setup.sh must be installed by hand"
fi
install_torch
