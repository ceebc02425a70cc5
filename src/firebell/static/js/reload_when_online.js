/* Reloads a page that could not be loaded once the server answers. */
import { reachable } from './connection.js';
import { $ } from './dom.js';

if ($('[data-unreachable]') && location.pathname !== '/offline') {
  const retry = async () => { if (await reachable()) location.reload(); };
  setInterval(retry, 3000); addEventListener('online', retry);
}

addEventListener('load', () => navigator.serviceWorker?.register('/sw.js', { updateViaCache: 'none' }).catch(() => {}));
