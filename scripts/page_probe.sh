# SPDX-License-Identifier: Apache-2.0
# Pages in headless Chromium, for the scripts that check them: sourced, not run. $probe_name stands before messages.

fail() { printf '%s: %s\n' "$probe_name" "$*" >&2; exit 1; }

# Sets chromium and scratch; exit code 77 where there is no Chromium.
start_probing() {
  chromium=$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)
  [ -n "$chromium" ] || { echo "$probe_name: no Chromium here; apt-get install chromium"; exit 77; }
  scratch=$(mktemp -d)
  trap 'rm -rf "$scratch"' EXIT
}

# FILE with $scratch/before.html before the first line that matches PATTERN, and $scratch/after.html at the end, as
# $scratch/probed.html.
add_probes() { # FILE PATTERN
  awk -v before="$scratch/before.html" -v after="$scratch/after.html" -v pattern="$2" '
    function put(file,   line) { while ((getline line < file) > 0) print line }
    !done && $0 ~ pattern { put(before); done = 1 }
    /^<\/body>/ { put(after) }
    { print }' "$1" >"$scratch/probed.html"
}

# Prints the title of $scratch/probed.html, which its probe has set by then.
probed_title() { # WIDTH
  "$chromium" --headless --no-sandbox --disable-gpu --user-data-dir="$scratch/profile" --window-size="$1",900 \
    --timeout=20000 --dump-dom "file://$scratch/probed.html" 2>"$scratch/log" >"$scratch/dom" ||
    { tail -n 3 "$scratch/log" >&2; fail "$chromium failed"; }
  grep -o '<title>[^<]*' "$scratch/dom" | head -n 1 | cut -c 8-
}
