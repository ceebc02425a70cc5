/* Sends a form once per press, and only if the server answers: the browser's error page would replace what was typed. */
import { connected, lose, reachable } from './connection.js';
import { here } from './dom.js';
import { isOut, load } from './live.js';

document.addEventListener('submit', async e => {
  const form = e.target, { dataset } = form, button = e.submitter;
  if (form.method !== 'post') return;
  try { sessionStorage.here = here(); } catch { /* unavailable */ }
  if (dataset.sent) { e.preventDefault(); return; }
  if (!dataset.tried && (isOut || !connected || !navigator.onLine)) {
    e.preventDefault();
    if (!await reachable()) document.dispatchEvent(new Event('unsent'));
    else {
      if (isOut) await load(here()).catch(lose);
      if (!isOut) { dataset.tried = '1'; form.requestSubmit(button); delete dataset.tried; }
    }
    return;
  }
  dataset.sent = dataset.held = '1'; setTimeout(() => { delete dataset.sent; }, 4000);
});
