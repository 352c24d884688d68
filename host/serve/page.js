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

// Documents read: the compressed one, and, where it was asked for, a second one and the full cache
// beside it. The first one's answers are what the talk goes on from.
const state = {documents: [], full: null, messages: [], shown: null, running: null, models: []};

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
const range = ({type, min, max, choices}) => choices?.length ? choices.join(', ') :
  min === null && max === null ? type : `${type}, ${min ?? 'any'} to ${max ?? 'any'}`;
const describe = () => {
  const names = find('#press').value.replace(/\([^)]*\)/g, '').split(/[:+]/).map((part) => part.trim());
  const used = names.map((name) => methods.get(name)).filter(Boolean);
  find('#press-doc').textContent = used.map((method) => method.summary).join('; ');
  const rows = used.flatMap((method) => method.params.map((param) => [
    make('dt', '', `${method.name}(${param.name}=${param.default})`), make('dd', '', `${param.doc} (${range(param)})`)]));
  find('#params').replaceChildren(...rows.flat());
  find('#params-box').hidden = !rows.length;
};
const model = () => state.models[Math.max(0, find('#models').selectedIndex)];
const showModel = () => {
  const {family, dtype, context, chat_template: template} = model().kvhost;
  find('#model').textContent = (state.models.length > 1 ? '' : `${model().id}: `) +
    `${family}, ${dtype}, context ${context.toLocaleString('en')}${template ? '' : ', no chat template'}`;
};
const start = async () => {
  try {
    state.models = (await json('/v1/models')).data;
    find('#models').replaceChildren(...state.models.map(({id}) => new Option(id, id)));
    find('#models-label').hidden = state.models.length < 2;
    showModel();
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

const keeping = (press, ratio) => press === 'none' ? {press} : {press, keep_ratio: ratio / 100, min_entries: 0};
const settings = (which = '') =>
  keeping(find(`#press${which}`).value.trim() || 'none', Number(find(`#ratio${which}`).value));
const isFull = (document) => document.kvhost.press === 'none';
const nameOf = (document) => isFull(document) ? 'full cache' :
  `${document.kvhost.press}, ${percent(document.kvhost.n_kept, document.kvhost.n_entries_full)}`;

const showFigures = () => {
  const facts = state.documents.map((one) => one.kvhost);
  const rows = [['composition', (one) => one.press === 'none' ? 'full cache' : one.press.replace(/[:_(]/g, '$&\u200b')],
    ['tokens', (one) => one.n_prompt_tokens.toLocaleString('en')],
    ['entries kept', (one) => percent(one.n_kept, one.n_entries_full)],
    ['cache', (one) => `${bytes(one.cache_bytes_kept)} of ${bytes(one.cache_bytes_full)}`],
    ['read in', (one) => ms(one.prefill_ms)]];
  find('#figures').replaceChildren(...rows.map(([name, value]) => {
    const row = make('tr'), head = make('th', '', name);
    head.scope = 'row';
    row.append(head, ...facts.map((one) => make('td', '', value(one))));
    return row;
  }));
  find('#bars').replaceChildren(...facts.filter((one) => one.press !== 'none').map((one) => {
    const bar = make('div', 'bar'), kept = make('i');
    kept.style.width = percent(one.cache_bytes_kept, one.cache_bytes_full).replace(' ', '');
    bar.append(kept);
    return bar;
  }));
  find('#figures').hidden = find('#bars').hidden = false;
};
const forget = async () => {
  for (const one of state.documents)
    await json(`/v1/documents/${one.id}`, null, {method: 'DELETE'}).catch(() => {});
  state.documents = [];
  state.full = null;
  for (const id of ['#forget', '#figures', '#bars', '#kept']) find(id).hidden = true;
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
    const wanted = [settings()];
    if (find('#beside').checked) wanted.push(settings('2'), {press: 'none'});
    const full = wanted.findIndex(({press}) => press === 'none');
    for (const press of wanted.filter((one, i) => one.press !== 'none' || i === full))
      state.documents.push(await json('/v1/documents', {model: model().id, text, ...press}));
    state.full = state.documents.length > 1 ? state.documents.find(isFull) : null;
    showFigures();
    find('#forget').hidden = false;
    say('Read. Every question starts from what was kept.');
    await chooseShown();
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
const chooseShown = async () => {
  find('#whose').replaceChildren(...state.documents.map((one) => new Option(nameOf(one), one.id)));
  find('#whose-label').hidden = state.documents.length < 2;
  await showChosen();
};
const showChosen = async () => showKept(await json(`/v1/documents/${find('#whose').value}?kept=positions`));
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
const answerInto = async (box, messages, extra, signal) => {
  const said = box.querySelector('.said');
  let text = '', facts = null;
  said.classList.add('waiting');
  try {
    await stream('/v1/chat/completions',
      {messages, temperature: Number(find('#temperature').value),
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
const agreement = (pair) => `KL ${pair.kl.toPrecision(3)} nats a token, the same likeliest token at ` +
  `${percent(pair.top1_agreement, 1)}`;
// What each cache thinks of the full one's answer, beside what the full one thinks of it.
const compare = async (turn, boxes, messages, answer) => {
  const order = [state.full, ...state.documents.filter((one) => one !== state.full)];
  const told = await json('/v1/compare', {documents: order.map(({id}) => id), messages, answer});
  for (const pair of told.pairs) {
    const beside = order[pair.beside];
    if (pair.of === 0)
      boxes.get(beside).append(make('small', 'agrees', `against the full cache: ${agreement(pair)}`));
    else
      turn.append(make('small', 'agrees between', `${nameOf(order[pair.of])} and ${nameOf(beside)}: ${agreement(pair)}`));
  }
};
const answerAll = async (turn, messages, signal) => {
  if (!state.documents.length) {
    turn.append(box(''));
    return [await answerInto(turn.lastChild, messages, {model: model().id, ...settings()}, signal)];
  }
  const several = state.documents.length > 1, boxes = new Map();
  for (const one of state.documents) boxes.set(one, turn.appendChild(box(several ? nameOf(one) : '')));
  const said = await Promise.all(state.documents.map((one) =>
    answerInto(boxes.get(one), messages, {document: one.id}, signal)));
  const answer = state.full && said[state.documents.indexOf(state.full)];
  if (answer && !signal.aborted)
    await compare(turn, boxes, messages, answer).catch((error) => turn.append(make('span', 'wrong', error.message)));
  return said;
};
const ask = async (event) => {
  event.preventDefault();
  const question = find('#question').value;
  if (!question.trim() || state.running) return;
  find('#question').value = '';
  find('#talk').append(make('div', 'turn user', question));
  const messages = [...state.messages, {role: 'user', content: question}];
  state.running = new AbortController();
  find('#stop').disabled = false;
  const turn = make('div', `turn n${state.documents.length}`);
  find('#talk').append(turn);
  const [text] = await answerAll(turn, messages, state.running.signal);
  state.messages = [...messages, {role: 'assistant', content: text}];
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
for (const which of ['', '2'])
  find(`#ratio${which}`).addEventListener('input', () => {
    find(`#ratio${which}-out`).textContent = `${find(`#ratio${which}`).value} %`;
  });
const showSecond = () => { find('#second').hidden = !find('#beside').checked; };
showSecond();  // a browser may remember what was checked
find('#beside').addEventListener('change', showSecond);
find('#models').addEventListener('change', async () => { showModel(); await forget(); newTalk(); say(''); });
find('#whose').addEventListener('change', showChosen);
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
