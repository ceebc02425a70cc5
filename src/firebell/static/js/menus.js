/* Menus close on Escape, on Cancel and on a click outside; the focus goes back to what opened them. Tabs that do not
   fit on a phone are scrolled to the present one. */
import { $, $$ } from './dom.js';

const menus = () => $$('details.menu[open]');
document.addEventListener('click', e => menus().forEach(menu => { if (!menu.contains(e.target)) menu.open = false; }));
const shut = menu => { const held = menu.contains(document.activeElement); menu.open = false; if (held) $('summary', menu).focus(); };
document.addEventListener('click', e => { if (e.target.closest('[data-no]')) shut(e.target.closest('details')); });
addEventListener('keydown', e => { if (e.key === 'Escape') menus().forEach(shut); });

const tab = $('.tabs [aria-current]');
if (tab) tab.parentElement.scrollLeft = tab.offsetLeft - tab.parentElement.offsetLeft;
