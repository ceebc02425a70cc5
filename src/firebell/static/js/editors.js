/* The editors of policies and schedules: each change shows its effect, and the buttons of the draft don't leave the page. */
import { $, fetchPage, here } from './dom.js';
import { load } from './live.js';
import { morph } from './morph.js';

const form = $('form[data-editor]'), parts = form.dataset.editor.split(' '), draft = form.dataset.draft;
let wait, turn = 0;

const ask = async (fields, whole) => {
  const mine = ++turn;
  clearTimeout(wait);
  let page;
  try { page = await fetchPage(form.action + '?preview=yes', { method: 'POST', body: new URLSearchParams(fields) }); } catch { /* below */ }
  if (mine !== turn) return;
  if (!page || !$('form[data-editor]', page)) {
    if (whole) document.dispatchEvent(new Event('unsent'));
    // the session may have changed
    if (page) load(here()).catch(() => {});
    return;
  }
  if (whole) $('#' + draft).replaceWith($('#' + draft, page));
  for (const id of parts) morph($('#' + id), $('#' + id, page));
};

form.addEventListener('input', e => {
  clearTimeout(wait);
  if (e.target.matches('[data-adds]')) return;
  wait = setTimeout(ask, 300, new FormData(form));
});
form.addEventListener('change', async e => {
  if (!e.target.matches('[data-adds]') || !e.target.value) return;
  const { id } = e.target;
  await ask(new FormData(form), true);
  $('#' + id)?.focus();
});
form.addEventListener('submit', async e => {
  const button = e.submitter;
  if (!button?.value || button.name !== 'do') return;
  e.preventDefault(); e.stopPropagation();
  await ask(new FormData(form, button), true);
  const what = button.value.replace(/(-\d+)+$/, ''), now = $('[data-pressed]') || $('#' + draft);
  (['[id^="do-' + what + '-"]:not(:disabled)', 'select', 'button:not(:disabled)', 'input'].map(each => $(each, now)).find(Boolean))?.focus();
});
document.addEventListener('keydown', e => {
  const level = e.altKey && e.target.closest?.('[data-level]')?.dataset.level, what = { ArrowUp: 'up', ArrowDown: 'down' }[e.key];
  const button = level && what && $(`#do-${what}-${level}`);
  if (button) { e.preventDefault(); button.click(); }
});
