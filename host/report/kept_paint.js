// SPDX-License-Identifier: Apache-2.0
// The page of what was kept: colours of the text and the strip over the prompt.

// ---- the text ----

const paintShares = (press, counts, total) => {
  for (let i = 0; i < n; i++) {
    let name = 'u';
    if (press.renumbered) name = 'r';
    else if (i < press.n_seen && total === 1) name = counts[i] ? 'k' : 's0';
    else if (i < press.n_seen) name = 's' + Math.ceil(10 * counts[i] / total);
    name += press.extra[i];
    const span = press.spans[i];
    if (press.shown[i] !== name) span.className = press.shown[i] = name;
    if (press.blended) span.removeAttribute('style');
  }
  press.blended = false;
};

// Colours of the present theme as [r, g, b]. They are read back from a pixel, for the value of a
// variable may be written in any way.
const pixel = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
const probe = document.createElement('span');
const colour = (name) => {
  probe.style.color = `var(--${name})`;
  pixel.fillStyle = getComputedStyle(probe).color;
  pixel.fillRect(0, 0, 1, 1);
  return [...pixel.getImageData(0, 0, 1, 1).data].slice(0, 3);
};
let theme = {};
const readTheme = () => {
  root.append(probe);
  const names = ['paper', 'panel', 'ink', 'quiet', 'line', 'a', 'b', 'both'];
  theme = Object.fromEntries(names.map((name) => [name, colour(name)]));
  theme.ramp = [theme.panel];
  for (let step = 1; step <= 10; step++) theme.ramp.push(colour('s' + step));
  probe.remove();
};
const css = (rgb) => `rgb(${rgb.map(Math.round).join(' ')})`;
const luminance = (rgb) => rgb.reduce((y, value, i) => {
  const x = value / 255;
  return y + [.2126, .7152, .0722][i] * (x <= .04045 ? x / 12.92 : ((x + .055) / 1.055) ** 2.4);
}, 0);
// The hue says who kept it, the strength how many did.
const blend = (a, b, both, total) => {
  const any = a + b + both;
  const strength = (any / total) ** .6;
  return theme.paper.map((paper, i) => {
    const mixed = (a * theme.a[i] + b * theme.b[i] + both * theme.both[i]) / any;
    return paper + (mixed - paper) * strength;
  });
};
const paintDifference = (a, b, both, total) => {
  const press = presses[0];
  const styles = new Map();
  const seen = Math.min(presses[0].n_seen, presses[1].n_seen);
  for (let i = 0; i < n; i++) {
    const span = press.spans[i];
    const name = (i >= seen ? 'u' : a[i] + b[i] === 0 ? 's0' : 'd') + press.extra[i];
    if (press.shown[i] !== name) span.className = press.shown[i] = name;
    if (name[0] !== 'd') {
      if (press.blended) span.removeAttribute('style');
      continue;
    }
    const key = (a[i] * 4096 + b[i]) * 4096 + both[i];
    if (!styles.has(key)) {
      const back = blend(a[i] - both[i], b[i] - both[i], both[i], total);
      styles.set(key, [css(back), luminance(back) > .18 ? '#06080b' : '#fff']);
    }
    [span.style.background, span.style.color] = styles.get(key);
  }
  press.blended = true;
};

// ---- the strip over the prompt ----

const strips = presses.map((press, index) => {
  const strip = document.createElement('div');
  strip.className = `strip p${index}`;
  strip.innerHTML = '<canvas></canvas><div class=seen></div>';
  find('.strips').append(strip);
  const [canvas, seen] = strip.children;
  const go = (event) => {
    const box = canvas.getBoundingClientRect();
    const at = Math.floor((event.clientX - box.left) / box.width * n);
    const {spans} = press.pane.offsetParent ? press : presses[0];
    spans[Math.max(0, Math.min(n - 1, at))].scrollIntoView({block: 'center'});
  };
  canvas.addEventListener('pointerdown', (event) => {
    canvas.setPointerCapture(event.pointerId);
    go(event);
  });
  canvas.addEventListener('pointermove', (event) => { if (event.buttons) go(event); });
  return {canvas, seen};
});
// `parts`: counts that stand on each other; `colours(shares)`: a colour for each part of a bar.
const drawStrip = (strip, parts, total, colours) => {
  const {canvas} = strip;
  const width = canvas.clientWidth, height = canvas.clientHeight, scale = devicePixelRatio || 1;
  if (!width) return;
  canvas.width = width * scale;
  canvas.height = height * scale;
  const pen = canvas.getContext('2d');
  pen.scale(scale, scale);
  const base = height - 14, bars = Math.min(n, Math.floor(width / 2));
  pen.fillStyle = css(theme.panel);
  pen.fillRect(0, 0, width, base);
  for (let bar = 0; bar < bars; bar++) {
    const begin = Math.floor(bar * n / bars), end = Math.floor((bar + 1) * n / bars);
    const shares = parts.map((part) => sum(part.subarray(begin, end)) / (end - begin) / total);
    const left = Math.round(bar * width / bars), right = Math.round((bar + 1) * width / bars);
    const fill = colours(shares);
    let top = base;
    shares.forEach((share, k) => {
      const tall = share * base;
      pen.fillStyle = fill[k];
      pen.fillRect(left, top -= tall, right - left, tall);
    });
  }
  drawAxis(pen, width, height);
};
const drawAxis = (pen, width, height) => {
  const steps = [1, 10, 100, 1e3, 1e4, 1e5].flatMap((power) => [power, 2 * power, 5 * power]);
  const step = steps.find((s) => n / s <= width / 70) || n;
  pen.fillStyle = css(theme.quiet);
  pen.font = '10px ' + getComputedStyle(document.body).fontFamily;
  for (let at = 0; at < n; at += step) {
    const x = at / n * width;
    pen.fillRect(x, height - 14, 1, 4);
    if (x < width - 30) pen.fillText(at.toLocaleString('en'), x + 3, height - 3);
  }
};
// Tokens follow each other down the page, so the first one that ends below `y` is found by halving.
const tokenAt = (spans, y) => {
  let low = 0, high = spans.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (spans[middle].getBoundingClientRect().bottom < y) low = middle + 1;
    else high = middle;
  }
  return low;
};
const markSeen = () => {
  const top = find('.top').getBoundingClientRect().bottom;
  strips.forEach((strip, index) => {
    if (!strip.canvas.clientWidth) return;
    const {spans} = presses[index];
    const first = tokenAt(spans, top), last = tokenAt(spans, innerHeight);
    strip.seen.style.left = `${first / n * 100}%`;
    strip.seen.style.width = `${(last - first + 1) / n * 100}%`;
  });
};
