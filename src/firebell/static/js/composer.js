/* Links that start an entry: data-compose chooses its kind, data-begin fills in a draft unless something is typed. */
import { $, fetchPage, opensTab, root } from './dom.js';

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

/* A draft is kept until it is posted; files can be pasted and dropped; Ctrl+Enter posts. */
const form = $('#composer[data-draft]');
if (form) {
  const say = $('#say', form), pick = $('[type=file]', form), name = `draft ${root.dataset.me} ${form.dataset.draft}`;
  const store = text => { try { localStorage[name] = text; } catch { /* unavailable */ } };
  const list = () => { $('#picked', form).textContent = [...pick.files].map(file => file.name).join(', '); };
  try {
    const sent = sessionStorage[name];
    if (sent && ($('#flash') || $('#feed').textContent.includes(sent.trim()))) delete localStorage[name];
    delete sessionStorage[name]; say.value ||= localStorage[name] || '';
  } catch { /* unavailable */ }
  say.addEventListener('input', () => store(say.value));
  form.addEventListener('submit', () => { try { sessionStorage[name] = say.value; } catch { /* unavailable */ } });
  form.addEventListener('keydown', e => { if (e.key === 'Enter' && opensTab(e)) form.requestSubmit(); });
  pick.addEventListener('change', list);
  const add = (e, { files }) => {
    if (!files.length) return;
    e.preventDefault();
    const all = new DataTransfer();
    [...pick.files, ...files].forEach(file => all.items.add(file));
    pick.files = all.files; list();
  };
  form.addEventListener('paste', e => add(e, e.clipboardData));
  form.addEventListener('dragover', e => e.preventDefault());
  form.addEventListener('drop', e => add(e, e.dataTransfer));
}
