/* Shows whether the server can be reached, and reloads what could not be loaded. */
import { $, $$, limit, root } from './dom.js';

export let connected = true;
let losing = 0;
const strip = $('#offline');
export const pulse = (alive = connected) => {
  const offline = !navigator.onLine, copy = +root.dataset.kept, hours = Math.round((Date.now() - copy) / 3600000);
  connected = alive;
  $$('[data-pulse]').forEach(e => { e.hidden = alive || offline || copy || !!$('#sending:not([hidden]), #signed-out:not([hidden])'); });
  $$('[data-alive]').forEach(e => { e.hidden = !alive; });
  if (!strip) return;
  strip.hidden = !offline && !copy;
  $('[data-reason]', strip).textContent = offline ? 'You’re offline.' : 'Firebell can’t be reached.';
  $('[data-age]', strip).textContent = copy && hours > 1 ? `, ${hours} hours ago` : '';
  $('[data-calm]', strip).hidden = !offline;
};
export const lose = () => { losing ||= setTimeout(() => pulse(false), 2000); };
export const regain = () => { clearTimeout(losing); losing = 0; pulse(true); };
export const reachable = async () => {
  try { return (await fetch('/livez', { cache: 'no-store', signal: limit(4000) })).status < 500; } catch { return false; }
};
addEventListener('online', () => pulse());
addEventListener('offline', () => pulse());
pulse();

if ($('[data-unreachable]') && location.pathname !== '/offline') {
  const retry = async () => { if (await reachable()) location.reload(); };
  setInterval(retry, 3000); addEventListener('online', retry);
}

addEventListener('load', () => navigator.serviceWorker?.register('/sw.js', { updateViaCache: 'none' }).catch(() => {}));
