/* Selects rows of a list for the form "bulk", by mouse, range and key. */
import { $, $$ } from './dom.js';
import { soon } from './live.js';
import { keysOff } from './shortcuts.js';

const list = $('#list'), bar = () => $('#bulk'), boxes = () => $$('.box[form=bulk]', list);
const rest = () => +($('[data-count]', bar())?.dataset.count || 0);
let last = null;
/* Live updates skip the list while something is selected. */
const show = () => {
  if (!bar()) return;
  const count = boxes().filter(b => b.checked).length, held = count > 0, was = 'held' in list.dataset;
  $('[data-count]', bar()).textContent = `${held ? count + rest() : 0} selected`;
  list.toggleAttribute('data-held', held);
  if (was && !held) soon(0);
};
const check = (some, on) => { some.forEach(box => { box.checked = on; }); show(); };
const clear = () => {
  if (rest()) { location.href = $('[data-clear]', bar()).href; return; }
  last = null; check(boxes(), false);
};
const toggle = (box, range) => {
  const all = boxes(), from = all.indexOf(last), to = all.indexOf(box), on = range && from >= 0 ? last.checked : !box.checked;
  const some = range && from >= 0 ? all.slice(Math.min(from, to), Math.max(from, to) + 1) : [box];
  last = box; check(some, on);
};
list?.addEventListener('click', e => {
  const box = e.target.closest('.box[form=bulk]');
  if (box && e.shiftKey && last && last !== box) { box.checked = !box.checked; toggle(box, true); }
  else if (box) last = box;
  if (e.target.closest('[data-clear]')) { e.preventDefault(); clear(); }
});
list?.addEventListener('change', show);
addEventListener('keydown', e => {
  const typing = e.target.closest?.('input:not(.box),textarea,select,dialog,[contenteditable]');
  if (!bar() || e.metaKey || e.ctrlKey || e.altKey || typing) return;
  const picked = boxes().filter(b => b.checked);
  if (e.key === 'Escape' && picked.length && !$('details.menu[open]')) { clear(); return; }
  if (keysOff()) return;
  const act = { a: '[value=ack]', s: ':is([value=snooze],[value=silence])', r: '[value=resolve]' }[e.key];
  if (act && picked.length) { e.preventDefault(); e.stopImmediatePropagation(); $(act, bar())?.click(); return; }
  if (e.key === '*') check(boxes(), picked.length < boxes().length);
  if (e.key.toLowerCase() === 'x') {
    const row = document.activeElement.closest('.pick-row') || $('.pg[aria-current]', list)?.closest('.pick-row');
    const box = row && $('.box', row);
    if (box) { e.preventDefault(); toggle(box, e.shiftKey); }
  }
}, true);
show();
