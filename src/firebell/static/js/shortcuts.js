/* Single-key shortcuts: off while typing, and for people who turned them off in their profile (WCAG 2.1.4). */
import { $, $$ } from './dom.js';
import { actOnSelected, pane, refOf, select, selected } from './inbox.js';

const go = { h: '/', p: '/pages', i: '/incidents', s: '/oncall', m: '/post-mortems', e: '/escalation', b: '/handbook' };
let g = 0, acting = Promise.resolve();
export const keysOff = () => { try { return localStorage.getItem('keys') === 'off'; } catch { return false; } };
addEventListener('keydown', e => {
  if (e.metaKey || e.ctrlKey || e.altKey || e.target.closest?.('input,textarea,select,dialog,[contenteditable]') || keysOff()) return;
  if (g && go[e.key]) { location.href = go[e.key]; g = 0; return; }
  g = e.key === 'g'; if (g) setTimeout(() => { g = 0; }, 900);
  if (e.key === 'j' || e.key === 'k') {
    const step = e.key === 'j' ? 1 : -1;
    acting = acting.then(() => {
      const rows = $$(pane ? '#list a.pg' : 'main :is(.rows a, .tbl a.t, .pick-row a.t)').filter(x => x.offsetParent);
      const at = pane ? rows.findIndex(row => refOf(row) === selected()) : rows.indexOf(document.activeElement);
      const row = rows[Math.max(0, Math.min(rows.length - 1, at + step))];
      row?.focus();
      if (pane && row && refOf(row) !== selected()) select(row);
    });
    return;
  }
  if (pane && ['a', 's', 'r'].includes(e.key)) {
    e.preventDefault(); acting = acting.then(() => actOnSelected(e.key)); return;
  }
  if (e.key === '?') $('#shortcuts')?.showPopover?.();
  const button = $$(`[data-key="${CSS.escape(e.key)}"]`).find(x => x.offsetParent);
  if (button) { e.preventDefault(); button.click(); }
});
const keys = $('[data-keys]');
if (keys) { keys.checked = !keysOff(); keys.addEventListener('change', () => localStorage.setItem('keys', keys.checked ? 'on' : 'off')); }
