/* Without a copy the server is asked until it answers; the address is still that of the page. */
import { reachable } from './connection.js';
import { $ } from './dom.js';

if ($('[data-unreachable]') && location.pathname !== '/offline') {
  const retry = async () => { if (await reachable()) location.reload(); };
  setInterval(retry, 3000); addEventListener('online', retry);
}

/* Secure contexts only: elsewhere pages are not kept. */
addEventListener('load', () => navigator.serviceWorker?.register('/sw.js', { updateViaCache: 'none' }).catch(() => {}));
