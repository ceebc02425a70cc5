/* Buttons that copy the text beside them or print the page, and links that copy their target. */
import { $ } from './dom.js';

const done = label => { label.textContent = 'Copied'; setTimeout(() => { label.textContent = 'Copy'; }, 1500); };
document.addEventListener('click', async e => {
  if (e.target.closest('[data-print]')) print();
  const source = e.target.closest('[data-copy-from]');
  if (source && navigator.clipboard) {
    e.preventDefault();
    try {
      const answer = await fetch(source.href);
      if (!answer.ok || answer.redirected) throw answer;
      await navigator.clipboard.writeText(await answer.text()); done($('span', source));
    } catch { location.href = source.href; }
  }
  const button = e.target.closest('[data-copy]');
  if (!button) return;
  const code = $('code', document.getElementById(button.dataset.copy) || button.parentElement);
  try { await navigator.clipboard.writeText(code.textContent); done(button); } catch { getSelection().selectAllChildren(code); if (document.execCommand('copy')) done(button); }
});
