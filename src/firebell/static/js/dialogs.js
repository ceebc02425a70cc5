/* Opens the form of a link marked data-dialog over this page, and the actions of a page on a phone as a sheet. */
import { classifier } from './classify.js';
import { $, fetchPage, opensTab } from './dom.js';

const dialog = $('#dialog'), sheet = $('#sheet');
const open = async link => {
  try { dialog.replaceChildren(document.adoptNode($('#' + (link.dataset.dialog || 'declare'), await fetchPage(link.href)))); } catch { location.href = link.href; return; }
  $('[data-close]', dialog).hidden = false;
  dialog.showModal(); classifier(); $('[name=title],[name=text]', dialog)?.focus();
};
document.addEventListener('click', e => {
  const link = e.target.closest('[data-dialog]');
  if (e.target === dialog || e.target === sheet || e.target.closest('#dialog [data-close]')) e.target.closest('dialog').close();
  else if (opensTab(e)) return;
  else if (sheet && e.target.closest('[data-sheet]')) { e.preventDefault(); sheet.showModal(); }
  else if (dialog && link && !$('#declare')) { e.preventDefault(); open(link); }
});
dialog?.addEventListener('close', () => dialog.replaceChildren());
