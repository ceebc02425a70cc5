/* Closes menus on Escape, Cancel and clicks outside, and returns the focus. Tabs that do not
   fit on a phone are scrolled to the present one. */
import { $, $$ } from './dom.js';

const menus = () => $$('details.menu[open]');
const shut = menu => { const held = menu.contains(document.activeElement); menu.open = false; if (held) $('summary', menu).focus(); };
document.addEventListener('click', e => {
  menus().forEach(menu => { if (!menu.contains(e.target)) menu.open = false; });
  if (e.target.closest('[data-no]')) shut(e.target.closest('details'));
});
addEventListener('keydown', e => { if (e.key === 'Escape') menus().forEach(shut); });

const tab = $('.tabs [aria-current]');
if (tab) tab.parentElement.scrollLeft = tab.offsetLeft - tab.parentElement.offsetLeft;
