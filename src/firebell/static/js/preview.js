/* Previews what saving a form marked data-preview would change. */
import { $, fetchPage } from './dom.js';
import { morph } from './morph.js';

let wait, turn = 0;
document.addEventListener('input', e => {
  const edited = e.target.closest('form[data-preview]');
  if (!edited) return;
  clearTimeout(wait);
  wait = setTimeout(async () => {
    const mine = ++turn, shown = '#' + edited.dataset.preview;
    try {
      const fresh = $(shown, await fetchPage(edited.action + '?preview=yes', { method: 'POST', body: new URLSearchParams(new FormData(edited)) }));
      if (fresh && mine === turn) morph($(shown), fresh);
    } catch { /* the button asks again */ }
  }, 300);
});
