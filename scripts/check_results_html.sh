#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The page of results in headless Chromium, without a network: it sorts, filters, switches between light and dark, and
# nothing on it is wider than the window.
# usage: check_results_html.sh [RESULTS_SAMPLE]      exit code 77: no Chromium here
set -euo pipefail
root="$(cd "$(dirname "$0")/.." && pwd)"
sample=$(realpath "${1:-$root/build/release/tests/host/report/results_sample}")
probe_name=check_results_html
. "$root/scripts/page_probe.sh"
start_probing

cat >"$scratch/before.html" <<'PROBE'
<script>
const faults = [];
addEventListener('error', (event) => faults.push(event.message));
</script>
PROBE
# What a reader does, written down for the page itself to do; the answer becomes the page's title.
cat >"$scratch/after.html" <<'PROBE'
<script>
const expect = (what, found, wanted) => {
  if (found !== wanted) faults.push(`${what}: found ${found}, expected ${wanted}`);
};
const all = [...document.querySelectorAll('#board tbody tr')];
const shown = () => [...document.querySelectorAll('#board tbody tr')].filter((row) => !row.hidden);
const column = (i) => shown().map((row) => row.cells[i]);
const press = (key) => dispatchEvent(Object.assign(new KeyboardEvent('keydown', {key, cancelable: true, bubbles: true})));
const probe = () => {
  const head = (i) => document.querySelectorAll('#board th button')[i];
  const means = () => column(6).map((cell) => Number(cell.dataset.v));
  const rising = (list) => list.every((v, i) => i === 0 || list[i - 1] <= v);
  head(6).click();
  expect('sorted by mean', rising(means()), true);
  expect('sorted rows', shown().length, all.length);
  head(6).click();
  expect('sorted down', rising(means().reverse()), true);
  expect('aria-sort', head(6).parentElement.getAttribute('aria-sort'), 'descending');
  head(6).click();
  expect('as it was', shown().every((row, i) => row === all[i]), true);
  const metric = document.querySelector('select[data-column="1"]');
  metric.value = 'nll [nats]';
  metric.dispatchEvent(new Event('change', {bubbles: true}));
  expect('only nll', column(1).every((cell) => cell.textContent === 'nll [nats]') && shown().length > 3, true);
  const search = document.querySelector('#search');
  search.value = 'adakv 25%';
  search.dispatchEvent(new Event('input', {bubbles: true}));
  expect('AdaKV at 25 %', shown().length, 1);
  expect('the count', document.querySelector('#count').textContent, `1 of ${all.length} lines`);
  document.querySelector('.filters').reset();
  for (const theme of ['dark', 'light'])
    if (document.documentElement.dataset.theme !== theme) {
      document.body.dispatchEvent(new KeyboardEvent('keydown', {key: 't', bubbles: true}));
      expect('theme', ['dark', 'light'].includes(document.documentElement.dataset.theme), true);
    }
  const wide = [...document.querySelectorAll('body *')].filter((e) => !e.closest('.scroll, .place') &&
      e.getBoundingClientRect().right > innerWidth + 1).map((e) => e.tagName + '.' + e.className);
  expect('wider than the window', wide.join(), '');
  document.title = faults.length ? 'FAULT ' + faults.join('; ').slice(0, 400) : `fine ${all.length}`;
};
const hold = document.body.appendChild(document.createElement('iframe'));
hold.contentDocument.open();
hold.style.display = 'none';
setTimeout(() => { probe(); hold.contentDocument.close(); }, 0);
</script>
PROBE

"$sample" "$scratch/page.html"
add_probes "$scratch/page.html" '^<header class="page">'
for width in 1400 420; do
  title=$(probed_title $width)
  [[ "$title" =~ fine\ ([0-9]+) ]] || fail "$width pixels wide: $title"
  echo "check_results_html: $width pixels wide: ${BASH_REMATCH[1]} lines sort and filter"
done
