/* Links that start an entry: data-compose chooses its kind, data-begin fills in a draft unless something is typed. */
import { $, fetchPage, opensTab } from './dom.js';

document.addEventListener('click', async e => {
  const link = e.target.closest('[data-compose],[data-begin]'), say = $('#say');
  if (!link || !say || opensTab(e)) return;
  e.preventDefault();
  $(`#composer [value="${link.dataset.compose || 'update'}"]`).checked = true;
  say.scrollIntoView({ block: 'center' }); say.focus({ preventScroll: true });
  const typed = () => say.value && say.value !== say.dataset.begun;
  if (!('begin' in link.dataset) || typed()) return;
  try {
    const draft = $('#say', await fetchPage(link.href));
    if (typed()) return;
    say.value = say.dataset.begun = draft.value; say.rows = draft.rows;
  } catch { location.href = link.href; }
});
