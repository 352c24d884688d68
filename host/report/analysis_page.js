// SPDX-License-Identifier: Apache-2.0
// The theme; the address holds it.
const root = document.documentElement;
root.classList.add('scripted');
const asked = new URLSearchParams(location.hash.slice(1)).get('theme');
if (['light', 'dark'].includes(asked)) root.dataset.theme = asked;
const night = matchMedia('(prefers-color-scheme: dark)');
const switchTheme = () => {
  const isDark = root.dataset.theme ? root.dataset.theme === 'dark' : night.matches;
  root.dataset.theme = isDark ? 'light' : 'dark';
  history.replaceState(null, '', `#theme=${root.dataset.theme}`);
};
document.querySelector('#theme').addEventListener('click', switchTheme);
addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  if (event.key.toLowerCase() === 't') switchTheme();
});
root.dataset.ready = 'true';
