/* Shows the selected page beside the list, and acts on it by key. The address names it, so that no new page takes its place. */
import { lose } from './connection.js';
import { $, $$, setCurrent } from './dom.js';
import { apply, load, pressed } from './live.js';

export const pane = $('#pane');
let selecting = Promise.resolve();
export const refOf = row => row.getAttribute('href').split('/').pop();
export const selected = () => new URL(location).searchParams.get('show') || '';
const remember = ref => {
  const address = new URL(location);
  address.searchParams.set('show', ref);
  history.replaceState(history.state, '', address);
  return address;
};
export const select = row => {
  const address = remember(refOf(row));
  $$('.pg').forEach(other => setCurrent(other, other === row));
  $$('.menu[open]', pane).forEach(menu => { menu.open = false; });
  selecting = load(address).then(fresh => { if (fresh && location.href === address.href) apply(fresh); }).catch(lose);
};
const pin = () => {
  const shown = $('#pane')?.dataset.show;
  if (shown && !selected()) remember(shown);
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
