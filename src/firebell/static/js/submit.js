/* Sends a form once per press, and only if the server answers: the browser's error page would replace what was typed. */
import { connected, reachable } from './connection.js';

document.addEventListener('submit', async e => {
  const form = e.target, { dataset } = form, button = e.submitter;
  if (form.method !== 'post') return;
  if (dataset.sent) { e.preventDefault(); return; }
  if (!dataset.tried && (!connected || !navigator.onLine)) {
    e.preventDefault();
    if (await reachable()) { dataset.tried = '1'; form.requestSubmit(button); delete dataset.tried; }
    else document.dispatchEvent(new Event('unsent'));
    return;
  }
  dataset.sent = '1'; setTimeout(() => { delete dataset.sent; }, 4000);
});
