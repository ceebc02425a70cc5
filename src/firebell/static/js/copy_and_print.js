/* Buttons that copy the text beside them, links that copy what they lead to, and those that print the page. */
import { $ } from './dom.js';

document.addEventListener('click', async e => {
  if (e.target.closest('[data-print]')) print();
  const source = e.target.closest('[data-copy-from]');
  if (source && navigator.clipboard) {
    e.preventDefault();
    const label = $('span', source);
    try { await navigator.clipboard.writeText(await (await fetch(source.href)).text()); label.textContent = 'Copied'; setTimeout(() => { label.textContent = 'Copy'; }, 1500); } catch { location.href = source.href; }
  }
  const button = e.target.closest('[data-copy]');
  if (!button) return;
  const code = $('code', document.getElementById(button.dataset.copy) || button.parentElement);
  const done = () => { button.textContent = 'Copied'; setTimeout(() => { button.textContent = 'Copy'; }, 1500); };
  try { await navigator.clipboard.writeText(code.textContent); done(); } catch { getSelection().selectAllChildren(code); if (document.execCommand('copy')) done(); }
});
