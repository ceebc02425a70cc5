/* A form is sent once per press, and not into nothing: the browser's own error page would replace what was typed. */
import { connected, reachable } from './connection.js';

document.addEventListener('submit', async e => {
  if (e.target.method !== 'post') return;
  if (e.target.dataset.sent) { e.preventDefault(); return; }
  if (!e.target.dataset.tried && (!connected || !navigator.onLine)) {
    const form = e.target, button = e.submitter;
    e.preventDefault();
    if (await reachable()) { form.dataset.tried = '1'; form.requestSubmit(button); delete form.dataset.tried; }
    else document.dispatchEvent(new Event('unsent'));
    return;
  }
  e.target.dataset.sent = '1'; setTimeout(() => { delete e.target.dataset.sent; }, 4000);
});
