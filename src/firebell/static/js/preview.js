/* Previews what saving a form would change: data-preview has the ids of the parts to show. */
import { $, fetchPage } from './dom.js';
import { morph } from './morph.js';

let wait, turn = 0;
document.addEventListener('input', e => {
  const edited = e.target.closest('form[data-preview]');
  if (!edited) return;
  clearTimeout(wait);
  wait = setTimeout(async () => {
    const mine = ++turn;
    try {
      const page = await fetchPage(edited.action + '?preview=yes', { method: 'POST', body: new URLSearchParams(new FormData(edited)) });
      if (mine === turn) for (const id of edited.dataset.preview.split(' ')) {
        const shown = $('#' + id), fresh = $('#' + id, page);
        if (shown && fresh) morph(shown, fresh);
      }
    } catch { /* the button asks again */ }
  }, 300);
});
