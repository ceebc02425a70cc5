/* Live updates: events of the page's topics fetch it again and morph its live parts, but nothing moves under a pointer
   or above what is being read. */
import { lose, pulse, regain } from './connection.js';
import { $, $$, here, limit, parse, root, setToken, tokenOf } from './dom.js';
import { inUse, morph } from './morph.js';
import { synchronize } from './countdowns.js';

let stream, timer = 0, due = 0, frameTimer = 0, running = false, again = false, first = true, heard = Date.now(), moved = 0;
export let pressed = false;
const resting = () => Date.now() - moved < 1500 && $('[data-live] .rows > :hover, [data-live] .pg:hover');
const reading = feed => feed.hasAttribute('data-feed') && feed.getBoundingClientRect().top < 0;
const hold = (feed, other) => {
  const more = $(`[data-more="${feed.id}"]`), fresh = $$('li:not(.day)', other).filter(li => !document.getElementById(li.id)).length;
  more.hidden = !fresh;
  $('span', more).textContent = fresh === 1 ? '1 new entry' : `${fresh} new entries`;
};
/* The badge of the installed app: the pages that wait, as in the title. */
const badge = () => navigator.setAppBadge?.(+/^\((\d+)\)/.exec(document.title)?.[1] || 0).catch(() => {});
badge();
export const apply = fresh => {
  const focused = document.activeElement;
  let held = false;
  $$('[data-live]').forEach(el => {
    const other = fresh.getElementById(el.id);
    if (!other) return;
    if (reading(el)) { hold(el, other); held = true; }
    else if ('held' in el.dataset) held = true;
    else morph(el, other);
  });
  tag = !held && !$$('[data-live] form').some(inUse) && fresh.tag || '';
  document.title = fresh.title; badge();
  morph($('link[rel=icon]'), $('link[rel=icon]', fresh));
  if (focused !== document.activeElement && focused.isConnected) focused.focus({ preventScroll: true });
  if (fresh.documentElement.dataset.topics !== root.dataset.topics) subscribe(fresh.documentElement.dataset.topics);
  synchronize(fresh.now);
  document.dispatchEvent(new Event('morphed'));
};
/* No one, or someone else, is signed in. */
const typing = () => 'posted' in root.dataset || $$('#main form, dialog form').some(inUse);
export let isOut = false;
const sayOut = is => { isOut = is; $$('#signed-out').forEach(strip => { strip.hidden = !is; }); pulse(); };
export const leave = () => { if (typing()) sayOut(true); else location.reload(); };
/* A shared rendering has person, token and time in headers. */
let tag = '';
export const load = async address => {
  const headers = { 'X-Live': '1', ...tag && address === here() && { 'If-None-Match': tag } };
  const answer = await fetch(address, { headers, signal: limit(20000) }), isSame = answer.status === 304;
  if (answer.status > 499) soon(5000 + Math.random() * 2000);
  if (!answer.ok && !isSame) return null;
  const fresh = parse(await answer.text()), value = name => answer.headers.get(name), { me, now } = fresh.documentElement.dataset;
  if ((value('Firebell-Person') || me || !answer.redirected && root.dataset.me) !== root.dataset.me) { leave(); return null; }
  sayOut(false);
  for (const page of [fresh, document]) setToken(value('X-CSRF') || tokenOf(fresh), page);
  if (isSame) return null;
  fresh.tag = value('ETag');
  fresh.now = +(value('Firebell-Now') || now);
  return fresh;
};
/* A stored copy is old as a whole. */
const replaceCopy = fresh => {
  if (!$('[data-held]') && !typing()) morph($('#main'), $('#main', fresh));
  delete root.dataset.kept; apply(fresh); pulse();
};
const refresh = async () => {
  if (running || pressed || resting()) { again = true; if (!running) soon(500); return; }
  running = true; again = false; clearTimeout(frameTimer); frameTimer = 0;
  try {
    const address = here(), fresh = await load(address);
    // another row was selected meanwhile
    if (fresh && (pressed || here() !== address)) again = true;
    else if (fresh && root.dataset.kept) replaceCopy(fresh);
    else if (fresh) apply(fresh);
  } catch (error) {
    // the next event tries again what failed at once
    again ||= error.name === 'TimeoutError';
  }
  running = false;
  if (again && !pressed) soon();
};
export const soon = (wait = 60) => {
  if (timer && due <= Date.now() + wait) return;
  clearTimeout(timer); due = Date.now() + wait;
  timer = setTimeout(() => { timer = 0; refresh(); }, wait);
};
const atLeisure = () => { frameTimer ||= setTimeout(() => { frameTimer = 0; soon(0); }, 1000 + Math.random() * 2000); };
addEventListener('online', () => soon());
addEventListener('pointermove', () => { moved = Date.now(); }, { passive: true });
addEventListener('pointerdown', () => { pressed = true; });
for (const end of ['pointerup', 'pointercancel', 'blur']) {
  addEventListener(end, () => setTimeout(() => { pressed = false; if (again) soon(); }, 250));
}
$$('[data-more]').forEach(more => more.addEventListener('click', () => {
  more.hidden = true;
  scrollTo({ top: document.getElementById(more.dataset.more).getBoundingClientRect().top + scrollY - 160 });
  soon(0);
}));
/* The server sends a beat every 5 s. */
const SILENCE = 8500;
let opened = 0;
const reconnect = () => { stream?.close(); connect(); };
const connect = () => {
  opened = Date.now();
  const { topics, frame = '' } = root.dataset;
  // a page learns what changed between its rendering and the first stream
  stream = new EventSource('/events?topics=' + encodeURIComponent([topics, frame].filter(Boolean).join()) + (first ? '&since=' + root.dataset.now : ''));
  const alive = () => { heard = Date.now(); regain(); };
  stream.addEventListener('error', ({ target }) => {
    lose();
    if (target.readyState === 2) fetch('/api/v1/me').then(({ status }) => { if (status === 401) leave(); }, lose);
  });
  stream.addEventListener('hello', () => { alive(); if (!first || root.dataset.kept) soon(); first = false; document.dispatchEvent(new Event('reached')); });
  stream.addEventListener('beat', alive);
  // readers of one topic spread their requests
  topics.split(',').filter(Boolean).forEach(t => stream.addEventListener(t, e => { alive(); soon(60 + Math.random() * (JSON.parse(e.data).spread || 0)); }));
  frame.split(',').filter(Boolean).forEach(t => stream.addEventListener(t, () => { alive(); atLeisure(); }));
};
let resubscribing;
const subscribe = topics => {
  root.dataset.topics = topics; clearTimeout(resubscribing);
  resubscribing = setTimeout(() => { if (stream) reconnect(); }, 500);
};
if (root.dataset.me) {
  connect();
  document.addEventListener('visibilitychange', () => {
    if (document.hidden) setTimeout(() => { if (document.hidden && stream) { stream.close(); stream = null; } }, 20000);
    else if (!stream || Date.now() - heard > SILENCE) reconnect();
  });
  setInterval(() => {
    if (!stream) return;
    if (Date.now() - heard > SILENCE) pulse(false);
    if (Date.now() - Math.max(heard, opened) > (stream.readyState === 2 ? 5000 : 2 * SILENCE)) reconnect();
  }, 500);
}
