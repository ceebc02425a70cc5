/* Firebell: what is done with a page is kept in this browser until the server has answered, also over a reload and a
   restart, and sent in order. The server carries out each key once, and asks back when an action is old or the page
   has changed since. */
import { pulse } from './connection.js';
import { $, $$, parse, root } from './dom.js';
import { load, soon } from './live.js';
import { serverTime } from './timers.js';

const PREFIX = /^(ack|action) /, WITHOUT_ASKING = 30 * 60000;
const DONE = { ack: 'acknowledged', join: 'joined', resolve: 'resolved', escalate: 'escalated', snooze: 'snoozed' };
const unsaved = new Map(), trouble = new Map(), answers = [];
const pathOf = form => new URL(form.getAttribute('action') || location.href, location).pathname;
const match = form => /^\/(?:pages\/(PG-\d+)\/(ack|resolve|escalate|snooze)|ack\/[^/]+)$/.exec(pathOf(form));
const byLink = action => action.path.startsWith('/ack/');
const kindOf = action => byLink(action) ? 'ack' : action.path.split('/').pop();
const verbOf = action => action.join ? 'join' : kindOf(action);
const undone = action => `${action.ref} isn’t ${DONE[verbOf(action)]} yet`;

const stored = () => {
  const actions = [...unsaved.values()];
  try {
    // an earlier version kept acknowledgements under their path alone
    for (const name of Object.keys(localStorage)) if (PREFIX.test(name)) actions.push({ ...JSON.parse(localStorage[name]), name });
  } catch { /* what cannot be read is not sent */ }
  return actions.sort((a, b) => a.at - b.at);
};
const mine = action => byLink(action) || action.me === root.dataset.me;
const kept = () => stored().filter(mine);
const keep = action => {
  action.name ||= 'action ' + action.key;
  try { localStorage.setItem(action.name, JSON.stringify(action)); } catch { unsaved.set(action.name, action); }
};
const forget = action => {
  unsaved.delete(action.name); trouble.delete(action.name);
  try { localStorage.removeItem(action.name); } catch { /* it was in unsaved */ }
};
const isKept = action => kept().some(other => other.name === action.name && other.at === action.at);

/* Buttons, the box of the page's state, and the strip say what is not done yet. */
const labels = new WeakMap();
const buttonOf = form => $('summary', form.closest('details.menu') || form) || $('button', form);
const markButtons = actions => $$('form[method=post]').filter(match).forEach(form => {
  const button = buttonOf(form), waits = actions.some(action => action.path === pathOf(form));
  if (waits === labels.has(button) && (!waits || 'sending' in button.dataset)) return;
  if (waits) {
    labels.set(button, [button.className, ...button.childNodes]); button.dataset.sending = '';
    button.setAttribute('aria-disabled', 'true'); button.classList.remove('primary'); button.replaceChildren('Sending…');
  } else {
    if ('sending' in button.dataset) { const [name, ...label] = labels.get(button); button.className = name; button.replaceChildren(...label); }
    labels.delete(button); delete button.dataset.sending; button.removeAttribute('aria-disabled');
  }
});
const markStates = actions => $$('[data-unsent]').forEach(box => {
  const action = actions.find(each => each.ref === box.dataset.unsent && trouble.has(each.name));
  box.hidden = !action;
  if (action) $('[data-verb]', box).textContent = DONE[verbOf(action)];
});
const strip = $('#sending');
const show = (text, { login = false, again = '', close = 'Cancel' }) => {
  if ($('span', strip).textContent !== text) $('span', strip).textContent = text;
  $('a', strip).hidden = !login;
  $('[data-try]', strip).hidden = !again; $('[data-try]', strip).textContent = again;
  $('[data-cancel]', strip).hidden = !close; $('[data-cancel]', strip).textContent = close;
};
function mark() {
  const actions = kept(), troubled = actions.filter(action => trouble.has(action.name));
  markButtons(actions); markStates(actions);
  if (!strip) return;
  const away = root.dataset.me ? [] : stored().filter(action => !byLink(action));
  strip.hidden = !troubled.length && !answers.length && !away.length; pulse();
  if (answers.length) show(answers[0], { close: 'Close' });
  else if (troubled.length) {
    const { text, login, ask } = trouble.get(troubled[0].name), more = troubled.length - 1;
    const rest = more ? `, and ${more === 1 ? '1 more action waits' : `${more} more actions wait`}` : '';
    show(`${undone(troubled[0])}${rest}. ${text}`, { login, again: login ? '' : ask ? 'Send anyway' : 'Try now' });
  } else if (away.length) show(`${undone(away[0])}. ${$('[data-unreachable]') ? 'It is sent as soon as there is a connection.' : 'Sign in to send it.'}`, { close: '' });
}

const RETRIED = { text: 'Firebell can’t be reached. Trying again until it answers.' };
const SIGN_IN = { text: 'Sign in again to send it.', login: true, final: true };
const timeout = () => AbortSignal.timeout?.(10000);
const tokenOf = page => $('[name=csrf]', page)?.value || '';
const renewToken = async () => {
  const fresh = await load(location.href), token = fresh && tokenOf(fresh);
  if (!token || fresh.documentElement.dataset.me !== root.dataset.me || token === tokenOf(document)) return false;
  $$('[name=csrf]').forEach(field => { field.value = token; });
  return true;
};
const isTemporary = status => status >= 500 || [408, 425, 429].includes(status);
const postLink = async action => {
  const answer = await fetch(action.path, { method: 'POST', body: new URLSearchParams(), keepalive: true, signal: timeout() });
  const fresh = parse(await answer.text());
  if (isTemporary(answer.status) || !fresh.documentElement.dataset.now) return RETRIED;
  return answer.ok ? { fresh } : { text: `Firebell refused it: ${$('#main h1', fresh)?.textContent.trim() || answer.status}`, final: true };
};
const postAction = async (action, renewed = false) => {
  const body = { action: kindOf(action), key: action.key || 'unnamed-' + action.at, pressed_at: new Date(serverTime(action.at)).toISOString(), position: action.position || '' };
  if (action.minutes) body.minutes = +action.minutes;
  const answer = await fetch('/api/v1' + action.path.replace(/[^/]*$/, 'actions'), {
    method: 'POST', body: JSON.stringify(body), keepalive: true, signal: timeout(),
    headers: { 'Content-Type': 'application/json', 'X-CSRF': tokenOf(document) },
  });
  if (isTemporary(answer.status) || !answer.headers.has('X-Firebell-Api')) return RETRIED;
  const said = await answer.json();
  if (answer.ok) return { done: said };
  if (answer.status === 401) return SIGN_IN;
  if (answer.status === 403 && !renewed && await renewToken()) return postAction(action, true);
  return { text: said.detail, final: true, ask: said.type === 'urn:firebell:problem:stale' };
};
/* What this person does next was decided after this: it may assume the page as this has left it. */
const finish = (action, { done, fresh }) => {
  forget(action);
  if (fresh && location.pathname === action.path) $('#main').replaceWith(document.adoptNode($('#main', fresh)));
  if (!done) return;
  kept().filter(next => next.ref === action.ref && next.position === action.position)
    .forEach(next => keep({ ...next, position: done.next_position || next.position }));
  if (done.already?.startsWith('already resolved')) answers.push(`${action.ref}: ${done.already}.`);
};
const send = async action => {
  const slow = setTimeout(() => { if (isKept(action)) { trouble.set(action.name, RETRIED); mark(); } }, 2000);
  let outcome;
  try { outcome = await (byLink(action) ? postLink(action) : postAction(action)); } catch { outcome = RETRIED; }
  clearTimeout(slow);
  if (outcome.done || outcome.fresh) finish(action, outcome);
  else if (isKept(action)) trouble.set(action.name, outcome);
  mark();
  if (outcome !== RETRIED) soon(0);
  return outcome;
};

/* One tab sends at a time; an action that waits holds back those of the same page, and nothing else. */
let waiting, tries = 0, running = false, rerun = false;
const drain = async () => {
  const held = new Set(kept().filter(action => trouble.get(action.name)?.final).map(action => action.ref));
  for (let action; (action = kept().find(each => !held.has(each.ref)));) {
    if (byLink(action) && Date.now() - action.at >= WITHOUT_ASKING) {
      trouble.set(action.name, { text: 'You acknowledged it more than 30 minutes ago.', final: true, ask: true });
      held.add(action.ref);
      continue;
    }
    const outcome = await send(action);
    // a browser that cannot delete what it keeps must not send it for ever
    if ((outcome.done || outcome.fresh) && !isKept(action)) continue;
    if (outcome === RETRIED) { clearTimeout(waiting); waiting = setTimeout(() => run(), Math.min(8000, 1000 * 2 ** tries++)); }
    held.add(action.ref);
  }
};
const alone = work => navigator.locks
  ? navigator.locks.request('firebell-pending', { signal: AbortSignal.timeout(12000) }, work).catch(work) : work();
const run = async () => {
  if (running) { rerun = true; return; }
  running = true;
  try { await alone(drain); } finally { running = false; }
  mark();
  if (rerun) { rerun = false; run(); }
};
const restart = () => { tries = 0; mark(); if (kept().length) run(); };

const press = (form, submitter) => {
  const matched = match(form), path = pathOf(form), data = new FormData(form, submitter);
  const earlier = kept().find(action => action.path === path);
  form.closest('details.menu')?.removeAttribute('open'); form.closest('dialog')?.close();
  if (earlier && !trouble.get(earlier.name)?.final) { restart(); return; }
  if (earlier) forget(earlier);
  keep({
    path, ref: matched[1] || $('#main .id')?.textContent || 'This page', me: root.dataset.me, at: Date.now(),
    key: Array.from(crypto.getRandomValues(new Uint8Array(12)), n => n.toString(16).padStart(2, '0')).join(''),
    position: data.get('position') || '', minutes: data.get('minutes'), join: data.has('join'),
  });
  restart();
};
document.addEventListener('submit', e => {
  if (e.target.method !== 'post') return;
  if (match(e.target)) { e.preventDefault(); e.stopPropagation(); press(e.target, e.submitter); return; }
  const actions = kept();
  if (pathOf(e.target) !== '/logout') return;
  if (actions.length && !confirm(`${undone(actions[0])}. It is sent when you sign in here again. Sign out?`)) { e.preventDefault(); e.stopPropagation(); return; }
  window.caches?.delete('pages');
}, true);
document.addEventListener('click', e => {
  if (e.target.closest('#sending [data-try]')) {
    kept().forEach(action => {
      if (trouble.get(action.name)?.ask) keep({ ...action, at: Date.now(), position: '' });
      trouble.delete(action.name);
    });
    restart();
  }
  if (!e.target.closest('#sending [data-cancel]')) return;
  if (answers.length) answers.shift();
  else kept().filter(action => trouble.has(action.name)).forEach(forget);
  mark(); soon(0);
});
document.addEventListener('unsent', () => { answers.push('Firebell can’t be reached. Nothing was sent, and what you typed is still here.'); mark(); });
document.addEventListener('morphed', mark);
document.addEventListener('reached', restart);
addEventListener('storage', mark);
addEventListener('online', restart);
restart();

/* Without a copy of this page, those that there are lead on. */
const saved = $('#saved');
if (saved && window.caches) {
  (async () => {
    const copies = await (await caches.open('pages')).keys();
    const paths = copies.map(copy => new URL(copy.url).pathname).filter(path => /^\/(pages|incidents|runbooks)\/[^/]+$/.test(path)).reverse();
    saved.hidden = !paths.length;
    $('.rows', saved).replaceChildren(...paths.map(path => Object.assign(document.createElement('a'), { href: path, textContent: path.split('/').pop() })));
  })();
}
