/* Counts up from data-since and down to data-until, in epoch seconds of the server's clock, as kit/countdown.py does. */
import { $$, root } from './dom.js';

const heard = new Map(), MARKS = [[300, 'in 5 minutes'], [60, 'in 1 minute'], [0, '']];
let skew = +root.dataset.now - Date.now() / 1000;
const two = n => String(n).padStart(2, '0');
const stopwatch = length => {
  const s = Math.trunc(Math.abs(length)), h = s / 3600 | 0, m = (s % 3600) / 60 | 0;
  return h >= 48 ? `${h / 24 | 0} d ${h % 24} h` : `${h ? `${h}:${two(m)}` : m}:${two(s % 60)}`;
};
export const countdown = (left, promise) => left >= 1 ? `in ${stopwatch(left)}` : promise && left <= -1 ? `overdue ${stopwatch(left)}` : 'now';
export const serverTime = at => at + skew * 1000;
const put = (el, text) => { if (el.textContent !== text) el.textContent = text; };
/* Screen readers hear five minutes, one minute and the end. */
const announce = (el, left) => {
  const { label, until } = el.dataset, before = heard.get(label + until), out = document.getElementById('announce');
  heard.set(label + until, left);
  const mark = label && before !== undefined && MARKS.find(([at]) => before >= at && left < at);
  if (mark && out) out.textContent = `${label} ${mark[1] || ('promise' in el.dataset ? 'overdue' : 'now')}`;
};
const tick = () => {
  const now = Date.now() / 1000 + skew;
  $$('[data-since]').forEach(el => put(el, stopwatch(Math.max(0, now - el.dataset.since))));
  $$('[data-until]').forEach(el => {
    const left = el.dataset.until - now;
    put(el, countdown(left, 'promise' in el.dataset));
    announce(el, left);
    if (left < 0) el.closest('[data-late]')?.setAttribute('data-state', 'late');
    // the tab says when the next update is due
    if (el.closest('[data-tab]')) document.title = `(${left < 0 ? 'late ' : ''}${stopwatch(left)}) ${document.title.replace(/^\([^)]*:[^)]*\) /, '')}`;
  });
};
export const synchronize = now => { skew = now - Date.now() / 1000; tick(); };
tick(); setInterval(tick, 1000);
