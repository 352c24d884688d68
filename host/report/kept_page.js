// SPDX-License-Identifier: Apache-2.0
// The page of what was kept: what is shown, what is said of a token, and how one moves about.

// ---- all of it, for the present state ----

const percent = (part, whole) => (whole ? (100 * part / whole).toFixed(1) : '0.0') + '%';
const name = () => state.layer === null ? 'all layers and KV heads' :
  state.head === null ? `layer ${state.layer}` : `layer ${state.layer}, head ${state.head}`;

const paintView = (heads) => {
  const letters = isTwo ? ['A ', 'B '] : [''];
  const counts = presses.map((press) => count(press, heads));
  if (state.view === 'diff') {
    const both = countBoth(heads);
    paintDifference(...counts, both, heads.length);
    const only = counts.map((c) => c.map((value, i) => value - both[i]));
    const colours = [theme.both, theme.a, theme.b].map(css);
    drawStrip(strips[0], [both, ...only], heads.length, () => colours);
    const total = sum(counts[0]) + sum(counts[1]) - sum(both);
    return `of what either kept: A only ${percent(sum(only[0]), total)}, ` +
           `B only ${percent(sum(only[1]), total)}, both ${percent(sum(both), total)}`;
  }
  return presses.map((press, index) => {
    if (state.view === (index ? 'a' : 'b')) return '';
    paintShares(press, counts[index], heads.length);
    const step = (share) => heads.length === 1 ? 8 : Math.min(10, Math.ceil(share * 10 + 1e-9));
    drawStrip(strips[index], [counts[index]], heads.length,
              ([share]) => [css(theme.ramp[step(share)])]);
    if (press.renumbered) return `${letters[index]}renumbered`;
    const total = press.n_seen * heads.length, kept = sum(counts[index]);
    return `${letters[index]}${kept.toLocaleString('en')} of ${total.toLocaleString('en')} kept ` +
           `(${percent(kept, total)})`;
  }).filter(Boolean).join(', ');
};
const paintControls = () => {
  const press = (button, on) => button.setAttribute('aria-pressed', on);
  press(find('#all'), state.layer === null);
  for (const button of all('[data-view]', find('.bar')))
    press(button, button.dataset.view === state.view);
  const say = (id, word, value) => {
    find(id).textContent = value === null ? word : `${word} ${value}`;
    find(id).classList.toggle('set', value !== null);
  };
  say('#layer', 'layer', state.layer);
  say('#head', 'head', state.head);
  find('#layer-less').disabled = find('#head-less').disabled = state.layer === null;
  find('#legend-diff').hidden = state.view !== 'diff';
  find('#legend-diff-note').hidden = state.head !== null;
  find('#legend-one').hidden = state.view === 'diff' || state.head === null;
  find('#legend-share').hidden = state.view === 'diff' || state.head !== null;
  find('#legend-what').textContent = state.layer === null ?
    'share of all layers and KV heads that kept the token' :
    `share of the ${layers[state.layer]} KV heads of layer ${state.layer} that kept the token`;
};
// Scrolls the side, never the page.
const reveal = (row) => {
  const side = find('.side'), box = row.getBoundingClientRect();
  const {top, bottom} = side.getBoundingClientRect();
  const end = Math.min(bottom, innerHeight);
  if (box.top < top) side.scrollTop += box.top - top - 20;
  if (box.bottom > end) side.scrollTop += box.bottom - end + 20;
};
const paintMatrix = () => {
  for (const old of all('.matrix .on')) {
    old.classList.remove('on');
    old.removeAttribute('aria-selected');
  }
  for (const table of all('.matrix')) {
    const row = table.tBodies[0].rows[state.layer ?? 0];
    const here = row?.querySelector(`[data-h="${state.head ?? 0}"]`);
    for (const cell of all('[tabindex]', table)) cell.removeAttribute('tabindex');
    here?.setAttribute('tabindex', 0);
    const on = state.layer === null ? null : state.head === null ? row : here;
    on?.classList.add('on');
    on?.setAttribute('aria-selected', true);
    if (on && table.closest('.side').scrollHeight > innerHeight) reveal(row);
  }
};
const writeAddress = () => {
  const says = ([key, value]) => value !== null && (isTwo || key !== 'view');
  const parts = Object.entries(state).filter(says);
  if (root.dataset.theme) parts.push(['theme', root.dataset.theme]);
  history.replaceState(null, '', '#' + parts.map((part) => part.join('=')).join('&'));
};
const paint = () => {
  root.dataset.view = state.view;
  paintControls();
  const [where, what] = find('#readout').children;
  where.textContent = `${name()}: `;
  what.textContent = paintView(chosen());
  paintMatrix();
  markSeen();
  writeAddress();
};

// ---- what is said of a token ----

const tip = find('#tip');
const drawHeads = (token) => {
  const canvas = find('#tip canvas');
  const rows = Math.max(...layers), scale = devicePixelRatio || 1;
  const cell = Math.max(3, Math.min(11, Math.floor(420 / layers.length)));
  canvas.style.width = `${layers.length * cell}px`;
  canvas.width = layers.length * cell * scale;
  canvas.height = rows * cell * scale;
  const pen = canvas.getContext('2d');
  pen.scale(scale, scale);
  layers.forEach((width, l) => {
    for (let h = 0; h < width; h++) {
      const [a, b] = presses.map((press) => !press.renumbered && holds(press.bits[l][h], token));
      const kept = canDiffer ? (a && b ? theme.both : a ? theme.a : b ? theme.b : theme.line) :
        (a || b ? theme.ramp[8] : theme.line);
      pen.fillStyle = css(kept);
      pen.fillRect(l * cell, h * cell, cell - 1, cell - 1);
    }
  });
};
const tokenText = (span) => {
  if (span.classList.contains('j')) return '(rest of the character before)';
  const text = span.textContent.replaceAll('\n', '↵').replaceAll('\t', '⇥');
  return text === '' ? '(no text)' : `“${text}”`;
};
const tokenWhere = (token) => {
  const heads = layers.flatMap((width, l) => Array.from({length: width}, (_, h) => [l, h]));
  const lines = presses.map((press, index) => {
    const letter = isTwo ? 'AB'[index] + ': ' : '';
    if (press.renumbered) return `${letter}not known, entries were renumbered`;
    if (token >= press.n_seen) return `${letter}came after the cut`;
    const by = heads.filter(([l, h]) => holds(press.bits[l][h], token));
    const where = layers.flatMap((width, l) => {
      const hs = by.filter((head) => head[0] === l).map((head) => head[1]);
      return hs.length ? [`layer ${l}: ${hs.length === width ? 'all heads' : hs.join(' ')}`] : [];
    });
    const list = where.length && where.length <= 3 ? ` (${where.join('; ')})` : '';
    return `${letter}kept by ${by.length} of ${heads.length} heads, ` +
           `${percent(by.length, heads.length)}${list}`;
  });
  const where = `position ${token.toLocaleString('en')} of ${n.toLocaleString('en')}`;
  return [where, ...lines].join('\n');
};
const say = (press, token) => {
  const span = press.spans[token];
  find('#tip .token').textContent = tokenText(span);
  find('#tip .where').textContent = tokenWhere(token);
  tip.hidden = false;
  drawHeads(token);
  place(span);
};
const place = (span) => {
  const box = span.getClientRects()[0] ?? span.getBoundingClientRect();
  const {offsetWidth: width, offsetHeight: height} = tip;
  const below = box.bottom + 8 + height < innerHeight;
  tip.style.left = `${Math.max(8, Math.min(box.left, innerWidth - width - 8))}px`;
  tip.style.top = `${below ? box.bottom + 8 : Math.max(8, box.top - 8 - height)}px`;
};
const shownPress = () => presses[state.view === 'b' ? 1 : 0];
const pin = (token, press = shownPress()) => {
  for (const old of all('.at')) old.classList.remove('at');
  state.token = token;
  if (token === null) tip.hidden = true;
  else {
    for (const each of presses) each.spans[token].classList.add('at');
    const box = press.spans[token].getBoundingClientRect();
    if (box.top < find('.top').getBoundingClientRect().bottom || box.bottom > innerHeight)
      press.spans[token].scrollIntoView({block: 'center'});
    say(press, token);
  }
  writeAddress();
};
for (const press of presses) {
  const index = new Map(press.spans.map((span, i) => [span, i]));
  const at = (event) => index.get(event.target.closest('.text span'));
  press.pane.addEventListener('pointerover', (event) => {
    if (at(event) !== undefined) say(press, at(event));
  });
  press.pane.addEventListener('pointerleave', () => { tip.hidden = true; });
  press.pane.addEventListener('click', (event) => {
    if (at(event) !== undefined && getSelection().isCollapsed) pin(at(event), press);
  });
}

// ---- moving about ----

const choose = (layer, head) => { Object.assign(state, {layer, head}); paint(); };
const moveLayer = (by) => {
  const to = (state.layer ?? -1) + by;
  if (to < 0) choose(null, null);
  else if (to < layers.length)
    choose(to, state.head === null ? null : Math.min(state.head, layers[to] - 1));
};
const moveHead = (by) => {
  const layer = state.layer ?? 0;
  const to = (state.head ?? -1) + by;
  if (to < layers[layer]) choose(layer, to < 0 ? null : to);
};
const show = (view) => {
  if (!isTwo || (view === 'diff' && !canDiffer)) return;
  state.view = view;
  paint();
  if (state.token !== null) pin(state.token);
};
const moveToken = (by) => pin(Math.max(0, Math.min(n - 1, state.token === null ?
  tokenAt(shownPress().spans, find('.top').getBoundingClientRect().bottom) : state.token + by)));
const setTheme = (theme) => {
  if (theme) root.dataset.theme = theme;
  readTheme();
  paint();
};
const night = matchMedia('(prefers-color-scheme: dark)');
const isDark = () => root.dataset.theme ? root.dataset.theme === 'dark' : night.matches;
const actions = {
  ArrowUp: () => moveLayer(-1), ArrowDown: () => moveLayer(1),
  ArrowLeft: () => moveHead(-1), ArrowRight: () => moveHead(1),
  Escape: () => { pin(null); choose(null, null); },
  ',': () => moveToken(-1), '.': () => moveToken(1),
  '<': () => moveToken(-10), '>': () => moveToken(10),
  1: () => show('a'), 2: () => show('b'), 3: () => show('both'), 4: () => show('diff'),
  t: () => setTheme(isDark() ? 'light' : 'dark'),
  m: () => { root.classList.toggle('typed'); markSeen(); },
  '?': () => find('#keys').showModal(),
};
addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || find('#keys').open) return;
  const action = actions[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (!action) return;
  event.preventDefault();
  action();
});
const clicks = {
  '#all': 'Escape', '#layer-less': 'ArrowUp', '#layer-more': 'ArrowDown', '#head-less': 'ArrowLeft',
  '#head-more': 'ArrowRight', '#theme': 't', '#face': 'm', '#help': '?',
};
for (const [id, key] of Object.entries(clicks)) find(id).addEventListener('click', actions[key]);
for (const button of all('[data-view]', find('.bar'))) {
  button.disabled = button.dataset.view === 'diff' && !canDiffer;
  button.addEventListener('click', () => show(button.dataset.view));
}
for (const table of all('.matrix')) {
  table.addEventListener('click', (event) => {
    const row = event.target.closest('tr[data-l]');
    const cell = event.target.closest('[data-h]');
    if (row) choose(Number(row.dataset.l), cell ? Number(cell.dataset.h) : null);
  });
}
// A pinned token keeps its tip while it is in sight.
const followTip = () => {
  if (tip.hidden || state.token === null) tip.hidden = true;
  else place(shownPress().spans[state.token]);
};
let waiting = false;
addEventListener('scroll', () => {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => { waiting = false; markSeen(); followTip(); });
}, {passive: true});
addEventListener('resize', () => paint());
night.addEventListener('change', () => setTheme());

// What the address asks for, as far as it makes sense here.
const readAddress = () => {
  const asked = Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
  const whole = (text, end) => /^\d+$/.test(text ?? '') && Number(text) < end ? Number(text) : null;
  state.layer = whole(asked.layer, layers.length);
  state.head = state.layer === null ? null : whole(asked.head, layers[state.layer]);
  const views = isTwo ? ['a', 'b', 'both', ...(canDiffer ? ['diff'] : [])] : ['a'];
  const usual = isTwo && innerWidth > 960 ? 'both' : 'a';
  state.view = views.includes(asked.view) ? asked.view : usual;
  if (['light', 'dark'].includes(asked.theme)) root.dataset.theme = asked.theme;
  return whole(asked.token, n);
};
if (innerWidth <= 960) find('.side').open = false;
const token = readAddress();
setTheme();
if (token !== null) pin(token);
addEventListener('hashchange', () => { const at = readAddress(); setTheme(); pin(at); });
root.dataset.ready = Math.round(performance.now());
