#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The page of what was kept (--kept-html) in headless Chromium: 8,000 tokens x 28 layers x 8 heads must be painted within
# LIMIT milliseconds of opening, and what the page's script counts must be what C++ wrote.
# usage: check_kept_html.sh [KEPT_SAMPLE] [LIMIT]      default limit 2000; exit code 77: no Chromium here
set -euo pipefail
root="$(cd "$(dirname "$0")/.." && pwd)"
sample=$(realpath "${1:-$root/build/release/tests/host/report/kept_sample}")
limit=${2:-2000}
probe_name=check_kept_html
. "$root/scripts/page_probe.sh"
start_probing

# What a reader does, written down for the page itself to do; the answer becomes the page's title.
cat >"$scratch/before.html" <<'PROBE'
<script>
const faults = [];
addEventListener('error', (event) => faults.push(event.message));
const spans = (press) => [...document.querySelectorAll(`#pane-${press} .text span`)];
const written = spans(0).map((span) => span.className);
</script>
PROBE
cat >"$scratch/after.html" <<'PROBE'
<script>
const press = (key) => dispatchEvent(new KeyboardEvent('keydown', {key, cancelable: true}));
const expect = (what, found, wanted) => {
  if (found !== wanted) faults.push(`${what}: found ${found}, expected ${wanted}`);
};
const kept = (pane) => spans(pane).filter((span) => span.classList.contains('k'));
const titled = (pane, layer, head) => Number(document.querySelector(
    `[data-press="${pane}"] tr[data-l="${layer}"] [data-h="${head}"]`).title.match(/kept ([\d,]+)/)[1].replaceAll(',', ''));
const two = document.querySelectorAll('.pane').length === 2;
const shades = () => spans(0).map((span) => span.className).join();
const probe = () => {
  const painted = Math.round(performance.now());
  expect('shades by the script', shades(), written.join());
  for (const key of ['ArrowDown', 'ArrowDown', 'ArrowRight']) press(key);
  expect('tokens of layer 1, head 0', kept(0).length, titled(0, 1, 0));
  if (two) {
    press('3');
    const of = (pane) => spans(pane).map((span) => span.classList.contains('k'));
    const [a, b] = [of(0), of(1)];
    expect('tokens of B in layer 1, head 0', b.filter(Boolean).length, titled(1, 1, 0));
    press('4');
    expect('tokens that either kept', spans(0).filter((span) => span.classList.contains('d')).length,
           a.filter((held, i) => held || b[i]).length);
    press('1');
  }
  press('.');
  expect('the tip', document.querySelector('#tip .where').textContent.startsWith('position 0 of'), true);
  press('Escape');
  expect('shades after Escape', shades(), written.join());
  expect('the tip after Escape', document.querySelector('#tip').hidden, true);
  for (const theme of ['dark', 'light']) {
    document.documentElement.dataset.theme === theme || press('t');
  }
  document.title = faults.length ? 'FAULT ' + faults.join('; ').slice(0, 300) : `painted ${painted}`;
};
// Chromium writes the page down once it is loaded, which an open document inside it holds up.
const hold = document.body.appendChild(document.createElement('iframe'));
hold.contentDocument.open();
requestAnimationFrame(() => setTimeout(() => { probe(); hold.contentDocument.close(); }, 0));
</script>
PROBE

# Prints the milliseconds from the start of loading to the first frame after the page's script.
open_page() {
  local title
  title=$(probed_title 1400)
  [[ "$title" =~ painted\ ([0-9]+) ]] || fail "$title"
  echo "${BASH_REMATCH[1]}"
}

for presses in 1 2; do
  "$sample" "$scratch/page.html" 8000 28 8 "$presses"
  add_probes "$scratch/page.html" '^<script type="application/json"'
  best=
  for _ in 1 2 3; do # other work on the machine only ever adds
    ms=$(open_page)
    if [ -z "$best" ] || [ "$ms" -lt "$best" ]; then best=$ms; fi
    [ "$best" -gt "$limit" ] || break
  done
  size=$(($(stat -c %s "$scratch/page.html") / 1000))
  echo "check_kept_html: 8,000 tokens x 28 layers x 8 heads, presses: $presses, $size kB: painted after $best ms"
  [ "$best" -le "$limit" ] || fail "painted after $best ms; expected at most $limit"
done
