/* The small behaviors of every page: menus, dialogs, messages, and buttons that copy or print. */
import { classifier } from './classify.js';
import { $, $$, fetchPage, opensTab } from './dom.js';

/* Closes menus on Escape, Cancel and clicks outside, and returns the focus. Tabs that do not
   fit on a phone are scrolled to the present one. */
const menus = () => $$('details.menu[open]');
const shut = menu => { const held = menu.contains(document.activeElement); menu.open = false; if (held) $('summary', menu).focus(); };
document.addEventListener('click', e => {
  menus().forEach(menu => { if (!menu.contains(e.target)) menu.open = false; });
  if (e.target.closest('[data-no]')) shut(e.target.closest('details'));
});
addEventListener('keydown', e => { if (e.key === 'Escape') menus().forEach(shut); });

const tab = $('.tabs [aria-current]');
if (tab) tab.parentElement.scrollLeft = tab.offsetLeft - tab.parentElement.offsetLeft;

/* Opens the form of a link marked data-dialog over this page, and the actions of a page on a phone as a sheet. */
const dialog = $('#dialog'), sheet = $('#sheet');
const open = async link => {
  try { dialog.replaceChildren(document.adoptNode($('#' + (link.dataset.dialog || 'declare'), await fetchPage(link.href)))); } catch { location.href = link.href; return; }
  $('[data-close]', dialog).hidden = false;
  dialog.showModal(); classifier(); $('[name=title],[name=text]', dialog)?.focus();
};
document.addEventListener('click', e => {
  const link = e.target.closest('[data-dialog]');
  if (e.target === dialog || e.target === sheet || e.target.closest('#dialog [data-close]')) e.target.closest('dialog').close();
  else if (opensTab(e)) return;
  else if (sheet && e.target.closest('[data-sheet]')) { e.preventDefault(); sheet.showModal(); }
  else if (dialog && link && !$('#declare')) { e.preventDefault(); open(link); }
});
dialog?.addEventListener('close', () => dialog.replaceChildren());

/* Announces the message of a save by writing it again, and removes it after its time without pointer or focus on it. */
const box = $('#flash'), message = box && $('[role=status]', box);
if (box) {
  const text = message.textContent, born = Date.now();
  let left = box.dataset.s * 1000;
  message.textContent = ''; setTimeout(() => { message.textContent = text; }, 50);
  const clock = setInterval(() => {
    if (!box.matches(':hover, :focus-within')) left -= 250;
    if (left <= 0 || Date.now() - born > 55000) { clearInterval(clock); box.remove(); }
  }, 250);
}

/* Buttons that copy the text beside them or print the page, and links that copy their target. */
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
