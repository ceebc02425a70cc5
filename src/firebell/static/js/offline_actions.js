/* Stores actions on pages in this browser until the server answers, also across restarts, and sends them in order. The
   server executes each key once, and asks back if an action is old or the page has changed. */
import { pulse } from './connection.js';
import { $, $$, here, limit, parse, root, tokenOf } from './dom.js';
import { load, soon } from './live.js';
import { serverTime } from './countdowns.js';

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
    // 'ack': an earlier version's
    for (const name of Object.keys(localStorage)) if (PREFIX.test(name)) actions.push({ ...JSON.parse(localStorage[name]), name });
  } catch { /* unreadable */ }
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
  try { localStorage.removeItem(action.name); } catch { /* unavailable */ }
};
const isKept = action => kept().some(other => other.name === action.name && other.at === action.at);

/* Buttons, the state of the page and the strip show what is not done yet. */
const labels = new WeakMap();
const buttonOf = form => $('summary', form.closest('details.menu') || form) || $('button', form);
const markButtons = actions => $$('form[method=post]').filter(match).forEach(form => {
  const button = buttonOf(form), waits = actions.some(action => action.path === pathOf(form));
  if (waits === 'sending' in button.dataset) return;
  if (waits) {
    labels.set(button, [button.className, ...button.childNodes]); button.dataset.sending = '';
    button.setAttribute('aria-disabled', 'true'); button.classList.remove('primary'); button.replaceChildren('Sending…');
  } else {
    const [name, ...nodes] = labels.get(button); button.className = name; button.replaceChildren(...nodes);
    delete button.dataset.sending; button.removeAttribute('aria-disabled');
  }
});
const markStates = actions => $$('[data-unsent]').forEach(box => {
  const action = actions.find(each => each.ref === box.dataset.unsent && trouble.has(each.name));
  box.hidden = !action;
  if (action) { $('[data-verb]', box).textContent = DONE[verbOf(action)]; $('[data-later]', box).hidden = trouble.get(action.name).final; }
});
const strip = $('#sending');
const label = (name, text) => { const button = $(name, strip); button.hidden = !text; button.textContent = text; };
const show = (text, { login, again = '', close = 'Cancel' }) => {
  if ($('span', strip).textContent !== text) $('span', strip).textContent = text;
  $('a', strip).hidden = !login;
  label('[data-try]', again); label('[data-cancel]', close);
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
const isTemporary = status => status >= 500 || [408, 425, 429].includes(status);
const postLink = async action => {
  const answer = await fetch(action.path, { method: 'POST', body: new URLSearchParams(), keepalive: true, signal: limit(10000) });
  const fresh = parse(await answer.text());
  if (isTemporary(answer.status) || !fresh.documentElement.dataset.now) return RETRIED;
  return answer.ok ? { fresh } : { text: `Firebell refused it: ${$('#main h1', fresh)?.textContent.trim() || answer.status}`, final: true };
};
const postAction = async (action, renewed = false) => {
  const body = { action: kindOf(action), key: action.key || 'unnamed-' + action.at, pressed_at: new Date(serverTime(action.at)).toISOString(), position: action.position || '' };
  if (action.minutes) body.minutes = +action.minutes;
  if (action.until) body.until = action.until;
  const answer = await fetch('/api/v1' + action.path.replace(/[^/]*$/, 'actions'), {
    method: 'POST', body: JSON.stringify(body), keepalive: true, signal: limit(10000),
    headers: { 'Content-Type': 'application/json', 'X-CSRF': tokenOf(document) },
  });
  if (isTemporary(answer.status) || !answer.headers.has('X-Firebell-Api')) return RETRIED;
  const result = await answer.json();
  if (answer.ok) return { done: result };
  if (answer.status === 401) return SIGN_IN;
  if (answer.status === 403 && !renewed) { await load(here()); return postAction(action, true); }
  return { text: result.detail, final: true, ask: result.type === 'urn:firebell:problem:stale' };
};
/* Later actions of this person expect the page as this one leaves it. */
const finish = (action, { done, fresh }) => {
  forget(action);
  if (fresh && location.pathname === action.path) $('#main').replaceWith(document.adoptNode($('#main', fresh)));
  if (!done) return;
  kept().filter(next => next.ref === action.ref && next.position === action.position)
    .forEach(next => keep({ ...next, position: done.next_position || next.position }));
  if (done.already?.startsWith('already resolved')) answers.push(`${action.ref}: ${done.already}.`);
  else if (kindOf(action) === 'ack' && done.acks_missing) answers.push(`You acknowledged ${action.ref}, which still escalates: ${done.acks_missing} more needed.`);
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

/* One tab sends at a time; a waiting action holds back those of its page alone. */
let waiting, tries = 0, running = false, rerun = false;
const drain = async () => {
  let again = false;
  const held = new Set(kept().filter(action => trouble.get(action.name)?.final).map(action => action.ref));
  for (let action; (action = kept().find(each => !held.has(each.ref)));) {
    if (byLink(action) && Date.now() - action.at >= WITHOUT_ASKING) {
      trouble.set(action.name, { text: 'You acknowledged it more than 30 minutes ago.', final: true, ask: true });
      held.add(action.ref); continue;
    }
    const outcome = await send(action);
    // not again if it could not be deleted
    if ((outcome.done || outcome.fresh) && !isKept(action)) continue;
    again ||= outcome === RETRIED; held.add(action.ref);
  }
  return again;
};
const alone = work => navigator.locks
  ? navigator.locks.request('firebell-pending', { signal: limit(12000) }, work).catch(work) : work();
const run = async () => {
  if (running) { rerun = true; return; }
  let again = running = true; clearTimeout(waiting);
  try { again = await alone(drain); } finally {
    running = false; mark();
    if (rerun) { rerun = false; run(); }
    else if (again) waiting = setTimeout(run, Math.min(8000, 1000 * 2 ** tries++));
  }
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
    position: data.get('position') || '', minutes: data.get('minutes'), until: data.get('until'), join: data.has('join'),
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

/* The offline page lists the copies that there are. */
const saved = $('#saved');
if (saved && window.caches) {
  (async () => {
    const copies = await (await caches.open('pages')).keys();
    const paths = copies.map(copy => new URL(copy.url).pathname).filter(path => /^\/(pages|incidents|runbooks|oncall(?!\/me))\/[^/]+$/.test(path)).reverse();
    saved.hidden = !paths.length;
    $('.rows', saved).replaceChildren(...paths.map(path => Object.assign(document.createElement('a'), { href: path, textContent: path.split('/').pop() })));
  })();
}
