// SPDX-License-Identifier: Apache-2.0
// The page of what was kept: its data, and who kept what. The page stands without any script; these
// files, one after the other, add the views, the strip, what is said of a token, and the keys.
const root = document.documentElement;
const find = (what) => document.querySelector(what);
const all = (what, from = document) => [...from.querySelectorAll(what)];
root.classList.add('scripted');

// One bit a position, base64: see kept_bits.hpp.
const unpack = (text) => {
  const bytes = atob(text), bits = new Uint8Array(bytes.length);
  for (let i = 0; i < bits.length; i++) bits[i] = bytes.charCodeAt(i);
  return bits;
};
const presses = JSON.parse(find('#kept-data').textContent).presses.map((press, index) => ({
  ...press,
  bits: press.kept.map((layer) => layer.map(unpack)),
  pane: find(`#pane-${index}`),
  spans: all('.text span', find(`#pane-${index}`)),
}));
for (const press of presses) {
  press.shown = press.spans.map((span) => span.className);
  press.extra = press.shown.map((name) => name.replace(/^\S+/, ''));
}
const layers = presses[0].bits.map((layer) => layer.length);  // KV heads of each
const isTwo = presses.length === 2;
const canDiffer = isTwo && !presses.some((press) => press.renumbered);
const n = presses[0].spans.length;
const state = {layer: null, head: null, view: 'a', token: null};

const holds = (bits, i) => (bits[i >> 3] >> (i & 7)) & 1;
const chosen = () => {
  const heads = [];
  layers.forEach((width, l) => {
    if (state.layer !== null && state.layer !== l) return;
    for (let h = 0; h < width; h++) if (state.head === null || state.head === h) heads.push([l, h]);
  });
  return heads;
};
const addBits = (counts, bits) => {
  for (let byte = 0; byte < bits.length; byte++) {
    for (let b = bits[byte], i = byte << 3; b; b >>= 1, i++) counts[i] += b & 1;
  }
};
const count = (press, heads) => {
  const counts = new Uint16Array(n);
  for (const [l, h] of heads) addBits(counts, press.bits[l][h]);
  return counts;
};
const countBoth = (heads) => {
  const counts = new Uint16Array(n);
  for (const [l, h] of heads) {
    const [a, b] = presses.map((press) => press.bits[l][h]);
    addBits(counts, a.map((byte, i) => byte & b[i]));
  }
  return counts;
};
const sum = (counts) => counts.reduce((total, value) => total + value, 0);
