/* Buttons that copy the text beside them, or print the page. */
import { $ } from './dom.js';

document.addEventListener('click', async e => {
  const c = e.target.closest('[data-copy]');
  if (!c) return;
  const code = $('code', document.getElementById(c.dataset.copy) || c.parentElement), done = () => { c.textContent = 'Copied'; setTimeout(() => { c.textContent = 'Copy'; }, 1500); };
  try { await navigator.clipboard.writeText(code.textContent); done(); } catch { getSelection().selectAllChildren(code); if (document.execCommand('copy')) done(); }
});
document.addEventListener('click', e => { if (e.target.closest('[data-print]')) print(); });
