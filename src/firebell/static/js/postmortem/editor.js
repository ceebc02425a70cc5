/* The editor of a post-mortem: evidence, wording, comments and keys. Without scripts each section is a form. */
import { $, $$ } from '../dom.js';
import { soon } from '../live.js';
import { ask, make } from './request.js';
import { areaOf, insert, open, save, section } from './sections.js';
import './outline.js';

/* Evidence: a list of what was recorded, from the button or "/" at the start of a word. */
const dialog = $('#evidence'), words = $('#evidence-words'), rows = $('#evidence-rows');
let target, turn = 0, wait;
const list = async () => {
  const mine = ++turn, { ok, data } = await ask('GET', '/evidence?q=' + encodeURIComponent(words.value));
  if (!ok || mine !== turn) return;
  rows.replaceChildren(...data.map(row => {
    const pick = make('button', { type: 'button', className: 'btn quiet', textContent: `${row.ref}  ${row.at.slice(11, 16)}  ${row.who}: ${row.text}`.slice(0, 160) });
    pick.setAttribute('role', 'option');
    pick.addEventListener('click', () => { dialog.close(); insert(target, ` [${row.ref}]`); });
    return pick;
  }));
  if (!data.length) rows.replaceChildren(make('p', { className: 'pad sm dim', textContent: 'Nothing matches.' }));
};
const pickEvidence = area => { target = area; words.value = ''; dialog.showModal(); words.focus(); list().catch(() => dialog.close()); };
words.addEventListener('input', () => { clearTimeout(wait); wait = setTimeout(() => list().catch(() => {}), 200); });

/* Wording: one finding at a time. */
let shown = 0;
const findings = () => $$('[data-finding]');
const showFinding = (by = 0) => {
  const all = findings();
  if (!all.length) return;
  shown = (shown + by + all.length) % all.length;
  all.forEach((el, i) => { el.hidden = i !== shown; });
  $('#wording [data-count]').textContent = `${shown + 1} of ${all.length}`;
  for (const button of $$('#wording [data-use], #wording [data-keep], [data-next-finding]')) button.hidden = false;
};
const sentenceEnd = (text, from) => { const line = text.indexOf('\n', from), end = text.slice(from).search(/[.!?](\s|$)/); return Math.min(line < 0 ? text.length : line, end < 0 ? text.length : from + end + 1); };
const rewrite = async (finding, text, whole = false) => {
  const sec = section(finding.dataset.slug), area = areaOf(sec), { quote } = finding.dataset;
  open(sec);
  const at = area.value.indexOf(quote);
  if (at < 0) return;
  const end = whole ? sentenceEnd(area.value, at + quote.length) : at + quote.length;
  area.setRangeText(text(area.value.slice(at, end)), at, end, 'end');
  area.dispatchEvent(new Event('input', { bubbles: true }));
  await save(sec); soon();
};

document.addEventListener('click', e => {
  const on = selector => e.target.closest(selector);
  if (on('[data-evidence]')) pickEvidence(areaOf(e.target.closest('.sec')));
  if (on('[data-comment]')) comment();
  if (on('[data-action]')) action(on('.sec') && areaOf(on('.sec')));
  if (on('[data-dismiss]')) dialog.close();
  if (on('[data-next-finding]')) showFinding(1);
  if (on('[data-use]')) { const f = on('[data-finding]'); rewrite(f, () => f.dataset.replacement); }
  if (on('[data-keep]')) { const reason = $('[data-reason]', on('[data-finding]')); reason.hidden = false; $('input', reason).focus(); }
});
document.addEventListener('submit', async e => {
  if (!e.target.matches('[data-reason]')) return;
  e.preventDefault();
  const finding = e.target.closest('[data-finding]'), reason = e.target.elements.reason.value.replace(/--+>?/g, ' ').trim(), { slug, quote, code } = finding.dataset;
  if (!reason) return;
  await rewrite(finding, text => `${text} <!-- ok: ${reason} -->`, true);
  await ask('POST', '/comments', { section: slug, quote: quote.slice(0, 200), text: reason, waives: code }).catch(() => {});
  soon();
});

/* What is selected, in a text or in its editor, becomes the quote of a comment or of an action item. */
const selected = area => {
  if (area && area.selectionStart < area.selectionEnd) return { sec: area.closest('.sec'), text: area.value.slice(area.selectionStart, area.selectionEnd) };
  const chosen = getSelection(), sec = chosen.anchorNode?.parentElement?.closest('.sec');
  return { sec, text: sec ? chosen.toString() : '' };
};
const show = (box, field) => { picked.hidden = true; box.open = true; $(field, box).focus(); box.scrollIntoView({ block: 'center' }); };
const comment = () => {
  const { sec, text } = selected(), box = $('#new-comment');
  if (!box) return;
  if (sec) { $('[name=section]', box).value = sec.dataset.section; $('[name=quote]', box).value = text.split('\n')[0].trim().slice(0, 200); }
  show(box, 'textarea');
};
const action = area => {
  const { text } = selected(area), box = $('#new-action'), quote = text.replace(/\s+/g, ' ').trim();
  if (!box) return;
  const title = $('[name=title]', box), root = $('[name=root]', box);
  if (quote) {
    $('[name=quote]', box).value = quote.slice(0, 500);
    title.value = quote.replace(/^([-*+] )?(effect|why|root|open): |( \[[a-z]:[\d.]+\])+|[.\s]+$/gi, '').slice(0, 200);
    if (root) root.value = [...root.options].find(o => o.value && quote.includes(o.value))?.value || '';
  }
  show(box, '[name=title]'); title.select();
};
const picked = $('#picked');
document.addEventListener('selectionchange', () => {
  const { sec, text } = selected(), place = sec && $('[data-read]', sec);
  picked.hidden = !text.trim() || !place?.contains(getSelection().anchorNode);
  if (picked.hidden) return;
  const { left, top } = getSelection().getRangeAt(0).getBoundingClientRect();
  picked.style.setProperty('--x', Math.max(8, Math.min(left, innerWidth - picked.offsetWidth - 8)) + 'px');
  picked.style.setProperty('--y', Math.max(8, top - picked.offsetHeight - 8) + 'px');
});
// a press would clear the selection before the click
picked.addEventListener('pointerdown', e => e.preventDefault());
const current = () => $$('.sec').findLast(sec => sec.getBoundingClientRect().top < innerHeight / 3) || $('.sec');
document.addEventListener('keydown', e => {
  const typing = e.target.matches('input,textarea,select');
  if (typing && e.key === '/' && e.target.matches('textarea[name=text]') && /(^|\s)$/.test(e.target.value.slice(0, e.target.selectionStart))) { e.preventDefault(); pickEvidence(e.target); }
  if (typing || e.ctrlKey || e.metaKey || e.altKey || dialog.open) return;
  const run = { e: () => open(current()), c: comment, a: () => action(), ']': () => showFinding(1), '[': () => showFinding(-1) }[e.key];
  if (run) { e.preventDefault(); run(); }
});

/* Lint while typing: the newest answer wins. */
let lintTimer, sequence = 0;
document.addEventListener('input', e => {
  const sec = e.target.closest('.sec');
  if (!sec || e.target !== areaOf(sec)) return;
  clearTimeout(lintTimer);
  lintTimer = setTimeout(async () => {
    const mine = ++sequence;
    const { ok, data } = await ask('POST', '/lint', { section: sec.dataset.title, text: areaOf(sec).value, sequence: mine }).catch(() => ({}));
    if (!ok || data.sequence !== sequence) return;
    const note = $('[data-wording]', sec) || make('p', { className: 'pad sm hue' });
    note.dataset.wording = ''; note.dataset.state = 'warn';
    note.textContent = !data.examined ? 'The wording was not checked: its rules are English.' : data.findings.length ? `“${data.findings[0].quote}”: ${data.findings[0].question}` : '';
    areaOf(sec).after(note);
  }, 600);
});
document.addEventListener('morphed', () => showFinding());
showFinding();
