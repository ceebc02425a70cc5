/* Inbox: the pane shows the selected row, and single keys act on that page. The address names the selection, so
   that a page that arrives never takes its place. */
import { lose } from './connection.js';
import { $, $$ } from './dom.js';
import { apply, load, pressed } from './live.js';

export const pane = $('#pane');
let selecting = Promise.resolve();
export const refOf = row => row.getAttribute('href').split('/').pop();
export const selected = () => new URL(location).searchParams.get('show') || '';
export const select = row => {
  const address = new URL(location);
  address.searchParams.set('show', refOf(row));
  history.replaceState(history.state, '', address);
  $$('.pg[aria-current]').forEach(other => other.removeAttribute('aria-current'));
  row.setAttribute('aria-current', 'true');
  $$('.menu[open]', pane).forEach(menu => { menu.open = false; });
  selecting = load(address).then(fresh => { if (fresh && location.href === address.href) apply(fresh); }).catch(lose);
};
const pin = () => {
  if (!$('#pane')?.dataset.show || selected()) return;
  const address = new URL(location);
  address.searchParams.set('show', $('#pane').dataset.show);
  history.replaceState(history.state, '', address);
};
pin();
document.addEventListener('morphed', pin);
if (pane) pane.parentElement.addEventListener('focusin', e => {
  const row = e.target.closest('.pg');
  if (row && !pressed && refOf(row) !== selected()) select(row);
});
export const actOnSelected = async key => {
  const row = document.activeElement.closest('.pg');
  if (row && refOf(row) !== selected()) select(row);
  const ref = selected();
  await selecting;
  if (pane.dataset.show !== ref) return;
  $$(`[data-key="${CSS.escape(key)}"]`, pane).find(x => x.offsetParent || x.nodeName === 'BUTTON')?.click();
};
