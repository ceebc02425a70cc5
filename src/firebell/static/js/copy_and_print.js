/* Buttons that copy the text beside them or print the page. */
import { $ } from './dom.js';

document.addEventListener('click', async e => {
  if (e.target.closest('[data-print]')) print();
  const button = e.target.closest('[data-copy]');
  if (!button) return;
  const code = $('code', document.getElementById(button.dataset.copy) || button.parentElement);
  const done = () => { button.textContent = 'Copied'; setTimeout(() => { button.textContent = 'Copy'; }, 1500); };
  try { await navigator.clipboard.writeText(code.textContent); done(); } catch { getSelection().selectAllChildren(code); if (document.execCommand('copy')) done(); }
});
