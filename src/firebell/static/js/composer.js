/* A link marked data-compose puts the cursor where its kind of entry is written; one marked data-begin puts
   the text of its page there, unless something is written already. */
import { $, parse } from './dom.js';

document.addEventListener('click', async e => {
  const link = e.target.closest('[data-compose],[data-begin]'), say = $('#say');
  if (!link || !say || e.metaKey || e.ctrlKey || e.shiftKey) return;
  e.preventDefault();
  $(`#composer [value="${link.dataset.compose || 'update'}"]`).checked = true;
  say.scrollIntoView({ block: 'center' }); say.focus({ preventScroll: true });
  if (!('begin' in link.dataset) || (say.value && say.value !== say.dataset.begun)) return;
  try {
    const answer = await fetch(link.href), draft = parse(await answer.text()).getElementById('say');
    if (say.value && say.value !== say.dataset.begun) return;
    say.value = say.dataset.begun = draft.value; say.rows = draft.rows;
  } catch { location.href = link.href; }
});
