/* Previews what saving a form would change: data-preview has the ids of the parts to show. */
import { $, fetchPage } from './dom.js';
import { morph } from './morph.js';

let wait, isAsking, later;
document.addEventListener('input', e => {
  const edited = e.target.closest('form[data-preview]');
  if (!edited) return;
  clearTimeout(wait);
  wait = setTimeout(() => preview(edited), 300);
});

/* One at a time: each may take seconds. */
async function preview(edited) {
  if (isAsking) { later = edited; return; }
  isAsking = true;
  try {
    const page = await fetchPage(edited.action + '?preview=yes', { method: 'POST', body: new URLSearchParams(new FormData(edited)) });
    if (!later) for (const id of edited.dataset.preview.split(' ')) {
      const shown = $('#' + id), fresh = $('#' + id, page);
      if (shown && fresh) morph(shown, fresh);
    }
  } catch { /* the button asks again */ }
  const next = later;
  isAsking = later = null;
  if (next) preview(next);
}
