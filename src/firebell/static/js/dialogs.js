/* A link marked data-dialog opens its page's form over this one; without a script it is a page of its own. */
import { classifier } from './classify.js';
import { $, parse } from './dom.js';

const dialog = $('#dialog');
document.addEventListener('click', async e => {
  const link = e.target.closest('[data-dialog]');
  if (!dialog || !link || e.metaKey || e.ctrlKey || e.shiftKey || $('#declare')) return;
  e.preventDefault();
  try {
    const answer = await fetch(link.href);
    const form = parse(await answer.text()).getElementById('declare');
    if (!form) throw new Error('no form');
    dialog.replaceChildren(document.adoptNode(form));
  } catch { location.href = link.href; return; }
  $('[data-close]', dialog).hidden = false;
  dialog.showModal(); classifier(); $('[name=title]', dialog).focus();
});

/* The sheet of a phone is part of its page: it opens without a connection. */
const sheet = $('#sheet');
document.addEventListener('click', e => {
  if (!sheet || e.target === sheet) { sheet?.close(); return; }
  if (!e.target.closest('[data-sheet]') || e.metaKey || e.ctrlKey || e.shiftKey) return;
  e.preventDefault(); sheet.showModal();
});
if (dialog) {
  dialog.addEventListener('click', e => { if (e.target === dialog || e.target.closest('[data-close]')) dialog.close(); });
  dialog.addEventListener('close', () => dialog.replaceChildren());
}
