// SPDX-License-Identifier: Apache-2.0
// The server's page: a document compressed as one wishes, asked, and shown with what was kept.
'use strict';

const find = (selector) => document.querySelector(selector);
const make = (name, className, text) => {
  const element = document.createElement(name);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
};
const bytes = (n) => n < 1e6 ? `${(n / 1e3).toFixed(1)} kB` : n < 1e9 ? `${(n / 1e6).toFixed(1)} MB` :
  `${(n / 1e9).toFixed(2)} GB`;
const ms = (n) => n < 1000 ? `${n.toFixed(n < 10 ? 1 : 0)} ms` : `${(n / 1000).toFixed(1)} s`;
const percent = (part, whole) => `${(100 * part / (whole || 1)).toFixed(1)} %`;

// Documents read: the compressed one and, where it was asked for, the full one beside it.
const state = {document: null, full: null, messages: [], shown: null, running: null};

// ---- the server ----

const call = async (path, body, options = {}) => {
  const headers = {'Content-Type': 'application/json'};
  const key = sessionStorage.getItem('key');
  if (key) headers.Authorization = `Bearer ${key}`;
  const response = await fetch(path, {method: body ? 'POST' : 'GET', headers,
    body: body && JSON.stringify(body), ...options});
  if (response.status === 401) find('#key-form').hidden = false;
  if (!response.ok) {
    const told = await response.json().catch(() => null);
    throw new Error(told ? told.error.message : `the server answered ${response.status}`);
  }
  return response;
};
const json = async (path, body, options) => (await call(path, body, options)).json();

// Calls `on` with the data of every event of a stream.
const stream = async (path, body, signal, on) => {
  const response = await call(path, {...body, stream: true}, {signal});
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (;;) {
    const {value, done} = await reader.read();
    if (done) return;
    rest += value;
    const events = rest.split('\n\n');
    rest = events.pop();
    for (const event of events) {
      const data = event.split('\n').find((line) => line.startsWith('data: '))?.slice(6);
      if (!data || data === '[DONE]') continue;
      const told = JSON.parse(data);
      if (told.error) throw new Error(told.error.message);
      on(told);
    }
  }
};

const say = (text, wrong = false) => {
  find('#status').textContent = text;
  find('#status').classList.toggle('wrong', wrong);
};

// ---- the start ----

const methods = new Map();
const describe = () => {
  const names = find('#press').value.split(/[:+]/).map((part) => part.trim().replace(/\(.*$/, ''));
  find('#press-doc').textContent = names.map((name) => methods.get(name)?.summary).filter(Boolean).join('; ');
};
const start = async () => {
  try {
    const model = (await json('/v1/models')).data[0];
    find('#model').textContent =
      `${model.id}: ${model.kvhost.family}, ${model.kvhost.dtype}, context ${model.kvhost.context.toLocaleString('en')}` +
      (model.kvhost.chat_template ? '' : ', no chat template');
    const list = (await json('/v1/presses')).data;
    for (const method of list) methods.set(method.name, method);
    const scorers = list.filter((method) => method.kind === 'scorer').map((method) => method.name);
    const options = ['none', ...scorers, ...scorers.map((name) => `adakv:${name}`)];
    find('#presses').replaceChildren(...options.map((value) => Object.assign(make('option'), {value})));
    find('#key-form').hidden = true;
    describe();
    say('');
  } catch (error) {
    say(error.message, true);
  }
};

// ---- the document ----

const settings = () => {
  const press = find('#press').value.trim() || 'none';
  return press === 'none' ? {press} : {press, keep_ratio: Number(find('#ratio').value) / 100, min_entries: 0};
};
const showFigures = (facts) => {
  const rows = [['composition', facts.press], ['tokens', facts.n_prompt_tokens.toLocaleString('en')],
    ['entries kept', percent(facts.n_kept, facts.n_entries_full)],
    ['cache', `${bytes(facts.cache_bytes_full)} → ${bytes(facts.cache_bytes_kept)}`],
    ['read in', ms(facts.prefill_ms)]];
  find('#figures').replaceChildren(...rows.flatMap(([name, value]) => [make('dt', '', name), make('dd', '', value)]));
  find('#figures').hidden = find('#bars').hidden = false;
  find('#bar-full').style.width = '100%';
  find('#bar-kept').style.width = percent(facts.cache_bytes_kept, facts.cache_bytes_full).replace(' ', '');
};
const forget = async () => {
  for (const one of [state.document, state.full])
    if (one) await json(`/v1/documents/${one.id}`, null, {method: 'DELETE'}).catch(() => {});
  state.document = state.full = null;
  find('#forget').hidden = find('#figures').hidden = find('#bars').hidden = find('#kept').hidden = true;
};
const readDocument = async (event) => {
  event.preventDefault();
  const text = find('#text').value;
  if (!text.trim()) return say('There is no document: paste or drop one, or just ask.');
  find('#read').disabled = true;
  try {
    await forget();
    newTalk();
    say('Reading …');
    state.document = await json('/v1/documents', {text, ...settings()});
    if (find('#beside').checked) state.full = await json('/v1/documents', {text, press: 'none'});
    showFigures(state.document.kvhost);
    find('#forget').hidden = false;
    say('Read. Every question starts from what was kept.');
    showKept(await json(`/v1/documents/${state.document.id}?kept=positions`));
    find('#question').focus();
  } catch (error) {
    say(error.message, true);
  } finally {
    find('#read').disabled = false;
  }
};

// ---- what was kept ----

const choices = (select, all, n) => {
  const options = [new Option(all, ''), ...Array.from({length: n}, (_, i) => new Option(String(i), i))];
  select.replaceChildren(...options);
};
const showKept = (document) => {
  find('#kept').hidden = document.renumbered;
  if (document.renumbered) return;
  state.shown = document;
  choices(find('#layer'), 'all', document.kept_positions.length);
  choices(find('#head'), 'all', document.kept_positions[0].length);
  find('#shown').replaceChildren(...document.tokens.map((token) => make('span', '', token)));
  paintKept();
};
const paintKept = () => {
  const {tokens, kept_positions: layers} = state.shown;
  const layer = find('#layer').value, head = find('#head').value;
  const counts = new Uint32Array(tokens.length);
  let heads = 0, total = 0;
  layers.forEach((all, l) => all.forEach((positions, h) => {
    if ((layer !== '' && Number(layer) !== l) || (head !== '' && Number(head) !== h)) return;
    ++heads;
    for (const position of positions) ++counts[position], ++total;
  }));
  const spans = find('#shown').children;
  for (let i = 0; i < tokens.length; ++i) {
    spans[i].className = `s${Math.ceil(10 * counts[i] / heads)}`;
    spans[i].title = `kept by ${counts[i]} of ${heads}`;
  }
  find('#kept-says').textContent = `${percent(total, heads * tokens.length)} of ${heads} head${heads === 1 ? '' : 's'}`;
};

// ---- the talk ----

const newTalk = () => {
  state.messages = [];
  find('#talk').replaceChildren();
};
const follow = () => { find('#talk').scrollTop = find('#talk').scrollHeight; };
const answerInto = async (box, extra, signal) => {
  const said = box.querySelector('.said');
  let text = '', facts = null;
  said.classList.add('waiting');
  try {
    await stream('/v1/chat/completions',
      {messages: state.messages, temperature: Number(find('#temperature').value),
        max_tokens: Number(find('#tokens').value), ...extra}, signal, (chunk) => {
        if (chunk.kvhost?.answers) facts = chunk.kvhost;
        const more = chunk.choices[0]?.delta?.content;
        if (!more) return;
        said.textContent = text += more;
        follow();
      });
  } catch (error) {
    if (error.name !== 'AbortError') said.append(make('span', 'wrong', ` ${error.message}`));
  }
  said.classList.remove('waiting');
  if (facts)
    box.append(make('small', '', `first token after ${ms(facts.answers[0].ttft_ms)}, then ` +
      `${ms(facts.answers[0].tpot_ms)} a token; cache ${bytes(facts.cache_bytes_kept)} of ${bytes(facts.cache_bytes_full)}`));
  return text;
};
const box = (who) => {
  const one = make('div');
  if (who) one.append(make('div', 'who', who));
  one.append(make('div', 'said'));
  return one;
};
const ask = async (event) => {
  event.preventDefault();
  const question = find('#question').value;
  if (!question.trim() || state.running) return;
  find('#question').value = '';
  find('#talk').append(make('div', 'turn user', question));
  state.messages.push({role: 'user', content: question});
  state.running = new AbortController();
  find('#stop').disabled = false;
  const turn = make('div', 'turn' + (state.full ? ' pair' : ''));
  find('#talk').append(turn);
  const compressed = box(state.full ? state.document.kvhost.press : '');
  turn.append(compressed);
  const own = state.document ? {document: state.document.id} : settings();
  const answers = [answerInto(compressed, own, state.running.signal)];
  if (state.full) {
    turn.append(box('full cache'));
    answers.push(answerInto(turn.lastChild, {document: state.full.id}, state.running.signal));
  }
  const [text] = await Promise.all(answers);
  state.messages.push({role: 'assistant', content: text});
  state.running = null;
  find('#stop').disabled = true;
  follow();
};

// ---- hands ----

find('#settings').addEventListener('submit', readDocument);
find('#ask').addEventListener('submit', ask);
find('#question').addEventListener('keydown', (event) => {
  if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) ask(event);
});
find('#stop').addEventListener('click', () => state.running?.abort());
find('#fresh').addEventListener('click', newTalk);
find('#forget').addEventListener('click', async () => { await forget(); newTalk(); say(''); });
find('#press').addEventListener('input', describe);
find('#ratio').addEventListener('input', () => { find('#ratio-out').textContent = `${find('#ratio').value} %`; });
for (const id of ['#layer', '#head']) find(id).addEventListener('change', paintKept);
find('#key-form').addEventListener('submit', (event) => {
  event.preventDefault();
  sessionStorage.setItem('key', find('#key').value);
  start();
});
const text = find('#text');
for (const name of ['dragover', 'dragleave', 'drop'])
  text.addEventListener(name, async (event) => {
    event.preventDefault();
    text.classList.toggle('drop', name === 'dragover');
    if (name === 'drop' && event.dataTransfer.files[0]) text.value = await event.dataTransfer.files[0].text();
  });
start();
