// SPDX-License-Identifier: Apache-2.0
// The leaderboard: sorting, filtering, and the theme. The address holds what is shown.
const root = document.documentElement;
root.classList.add('scripted');
const find = (selector) => document.querySelector(selector);
const board = find('#board'), body = board.tBodies[0];
const rows = [...body.rows];
const heads = [...board.tHead.rows[0].cells];
const selects = [...document.querySelectorAll('.filters select')];
const search = find('#search');

// ---- filters ----

const textOf = (row, column) => row.cells[column].textContent;
for (const select of selects) {
  const column = Number(select.dataset.column);
  const values = [...new Set(rows.map((row) => textOf(row, column)))];
  const number = new Map(rows.map((row) => [textOf(row, column), Number(row.cells[column].dataset.v)]));
  values.sort((a, b) => number.get(a) - number.get(b) || a.localeCompare(b));
  select.append(new Option('all', ''), ...values.map((value) => new Option(value, value)));
  select.closest('label').hidden = values.length < 2;
}
const words = rows.map((row) =>
  [...row.cells].map((cell) => `${cell.textContent} ${cell.title}`).join(' ').toLowerCase());
const filter = () => {
  const wanted = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  const chosen = selects.filter((select) => select.value !== '');
  let shown = 0;
  rows.forEach((row, i) => {
    const fits = chosen.every((select) => textOf(row, Number(select.dataset.column)) === select.value) &&
                 wanted.every((word) => words[i].includes(word));
    row.hidden = !fits;
    shown += fits;
  });
  find('#count').textContent = shown === rows.length ? `${shown} lines` : `${shown} of ${rows.length} lines`;
  writeAddress();
};

// ---- sorting ----

const state = {column: null, down: false};
const keyOf = (row) => {
  const cell = row.cells[state.column];
  const isNumber = heads[state.column].dataset.number === 'true';
  return isNumber ? (cell.dataset.v === undefined ? NaN : Number(cell.dataset.v)) : cell.textContent;
};
heads.forEach((head, column) => {
  head.dataset.number = rows.some((row) => row.cells[column].dataset.v !== undefined);
});
const compare = (a, b) => {
  const [x, y] = [keyOf(a), keyOf(b)];
  if (typeof x === 'string') return (state.down ? -1 : 1) * x.localeCompare(y, 'en', {numeric: true});
  if (Number.isNaN(x) || Number.isNaN(y)) return Number.isNaN(x) - Number.isNaN(y);  // last
  return state.down ? y - x : x - y;
};
const sort = () => {
  heads.forEach((head, column) => {
    if (column === state.column)
      head.setAttribute('aria-sort', state.down ? 'descending' : 'ascending');
    else head.removeAttribute('aria-sort');
  });
  const sorted = state.column === null ? rows : [...rows].sort(compare);
  body.append(...sorted);
  writeAddress();
};
heads.forEach((head, column) => head.firstElementChild.addEventListener('click', () => {
  const again = state.column === column;
  if (again && state.down) Object.assign(state, {column: null, down: false});
  else Object.assign(state, {column, down: again});
  sort();
}));

// ---- theme, keys, address ----

const writeAddress = () => {
  const parts = new URLSearchParams();
  if (search.value) parts.set('search', search.value);
  for (const select of selects)
    if (select.value !== '') parts.set(`c${select.dataset.column}`, select.value);
  if (state.column !== null) parts.set('sort', `${state.down ? '-' : ''}${state.column}`);
  if (root.dataset.theme) parts.set('theme', root.dataset.theme);
  history.replaceState(null, '', `#${parts}`);
};
const readAddress = () => {
  const asked = new URLSearchParams(location.hash.slice(1));
  search.value = asked.get('search') ?? '';
  for (const select of selects) select.value = asked.get(`c${select.dataset.column}`) ?? '';
  for (const select of selects) if (select.selectedIndex < 0) select.value = '';
  const by = asked.get('sort');
  const isKnown = /^-?\d+$/.test(by ?? '') && Math.abs(Number(by)) < heads.length;
  Object.assign(state, {column: isKnown ? Math.abs(Number(by)) : null,
                        down: isKnown && by.startsWith('-')});
  if (['light', 'dark'].includes(asked.get('theme'))) root.dataset.theme = asked.get('theme');
};
const night = matchMedia('(prefers-color-scheme: dark)');
const isDark = () => root.dataset.theme ? root.dataset.theme === 'dark' : night.matches;
const switchTheme = () => {
  root.dataset.theme = isDark() ? 'light' : 'dark';
  writeAddress();
};
find('#theme').addEventListener('click', switchTheme);
find('.filters').addEventListener('submit', (event) => event.preventDefault());
find('.filters').addEventListener('reset', () => setTimeout(filter));
search.addEventListener('input', filter);
for (const select of selects) select.addEventListener('change', filter);
addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  if (event.target.matches('input, select')) return;
  if (event.key === '/') {
    event.preventDefault();
    search.focus();
  }
  if (event.key.toLowerCase() === 't') switchTheme();
});
const show = () => {
  readAddress();
  sort();
  filter();
};
addEventListener('hashchange', show);
show();
root.dataset.ready = 'true';
