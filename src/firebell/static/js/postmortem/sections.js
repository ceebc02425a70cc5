/* Opens sections, saves them two seconds after the last key, and shows conflicts line by line. */
import { $, $$ } from '../dom.js';
import { soon as refresh } from '../live.js';
import { ask, make } from './request.js';

const SAVE_AFTER = 2000, PREVIEW_AFTER = 600, PRESENT_EVERY = 30000;
const states = new WeakMap();
export const areaOf = sec => $('textarea[name=text]', sec);
const formOf = sec => $('[data-form]', sec);
const say = (sec, text) => { $('[data-status]', sec).textContent = text; };
const state = sec => {
  if (!states.has(sec)) states.set(sec, { saved: areaOf(sec).defaultValue, timer: 0, preview: 0, turn: 0, busy: null, present: 0 });
  return states.get(sec);
};
export const section = slug => document.getElementById(slug);
export const isDirty = sec => areaOf(sec).value !== state(sec).saved;
const present = (sec, slug) => {
  const at = state(sec);
  if (slug && Date.now() - at.present < PRESENT_EVERY) return;
  at.present = slug ? Date.now() : 0;
  ask('PUT', '/presence', { section: slug }).catch(() => {});
};

/* What is open is not replaced by live updates. */
const hold = (sec, is) => $$('[data-live]', sec).forEach(part => { if (is) part.dataset.held = ''; else delete part.dataset.held; });
export const open = sec => {
  hold(sec, true); formOf(sec).hidden = false; $('[data-read]', sec).hidden = true; $('[data-tools]', sec).hidden = false;
  grow(areaOf(sec)); areaOf(sec).focus(); areaOf(sec).setSelectionRange(1e9, 1e9); present(sec, sec.dataset.section);
};
export const close = async sec => {
  if (!await save(sec)) return;
  formOf(sec).hidden = true; $('[data-read]', sec).hidden = false; $('[data-preview-of]', sec).hidden = true;
  $('[data-outline]', sec).hidden = true; areaOf(sec).hidden = false;
  present(sec, ''); hold(sec, false); refresh(0); $('[data-edit]', sec)?.focus();
};
const grow = area => { area.rows = Math.min(30, Math.max(6, area.value.split('\n').length + 1)); };

/* Returns true once everything that was typed is saved. */
export const save = async sec => {
  const at = state(sec), area = areaOf(sec);
  clearTimeout(at.timer);
  if (at.busy) { await at.busy; }
  if (!isDirty(sec) || $('[data-hunks]', sec)) return !$('[data-hunks]', sec);
  say(sec, 'Saving…');
  at.busy = send(sec, area.value);
  const done = await at.busy;
  at.busy = null;
  return done && (!isDirty(sec) || save(sec));
};
const send = async (sec, text) => {
  const at = state(sec), area = areaOf(sec), { base_version, base_hash } = formOf(sec).elements;
  try {
    const { ok, status, problem, data } = await ask('PATCH', '/sections/' + encodeURIComponent(sec.dataset.section), {
      base_version: +base_version.value, base_hash: base_hash.value, text,
    });
    if (ok) {
      const typed = area.value !== text;
      // what was typed meanwhile lacks the changes of others, so it is merged from the base that it was made from
      if (!typed || !data.is_merged) { base_version.value = data.version; base_hash.value = data.hash; }
      if (!typed && data.is_merged) { const { selectionStart } = area; area.value = data.text; area.setSelectionRange(selectionStart, selectionStart); }
      at.saved = typed ? text : area.value; area.defaultValue = at.saved;
      say(sec, data.is_merged ? `Saved with the changes of others, version ${data.version}` : `Saved, version ${data.version}`);
      return true;
    }
    if (status === 409 && problem.conflict) choose(sec, problem);
    else if (status === 401) { say(sec, 'Not saved: you were signed out. Your text stays here.'); soon(sec, 10000); }
    else say(sec, [problem.detail, ...(problem.errors || []).map(e => e.message), problem.hint].filter(Boolean).join(' ') || 'Not saved. Try again.');
  } catch { say(sec, 'Not saved: the server can’t be reached. Your text stays here.'); soon(sec, 10000); }
  return false;
};
const soon = (sec, wait = SAVE_AFTER) => { const at = state(sec); clearTimeout(at.timer); at.timer = setTimeout(() => save(sec), wait); };

/* A conflict: each hunk is the saved lines, yours, or both. */
const choose = (sec, { detail, hint, conflict }) => {
  $('[data-hunks]', sec)?.remove();
  let number = 0;
  const hunks = conflict.parts.map(part => {
    if (part.lines) return null;
    const name = `hunk-${sec.dataset.section}-${number++}`;
    const side = (value, title, lines) => make('label', {}, make('span', {}, make('input', { type: 'radio', name, value, checked: value === 'mine' }), ` ${title}`), make('div', { className: 'out', textContent: lines.join('\n') || '(removed)' }));
    return make('div', { className: 'hunk' }, side('theirs', 'Saved', part.theirs), side('mine', 'Yours', part.mine),
      make('label', { className: 'line' }, make('input', { type: 'radio', name, value: 'both' }), ' Both, the saved lines first'));
  });
  const done = make('button', { type: 'button', className: 'btn primary', textContent: 'Save these lines' });
  const panel = make('section', { className: 'panel' }, make('div', { className: 'ph' }, make('h3', { textContent: detail })),
    make('p', { className: 'pad sm mid', textContent: hint }), ...hunks.filter(Boolean), make('div', { className: 'bt pad line' }, done));
  panel.dataset.hunks = ''; panel.setAttribute('role', 'alert');
  done.addEventListener('click', () => {
    const lines = conflict.parts.flatMap((part, i) => {
      if (part.lines) return part.lines;
      const pick = $('input:checked', hunks[i]).value;
      return pick === 'both' ? [...part.theirs, ...part.mine] : part[pick];
    });
    const { base_version, base_hash } = formOf(sec).elements;
    base_version.value = conflict.version; base_hash.value = conflict.hash; state(sec).saved = conflict.theirs;
    areaOf(sec).value = lines.join('\n'); panel.remove(); save(sec);
  });
  formOf(sec).before(panel); say(sec, 'Not saved: choose above.'); panel.scrollIntoView({ block: 'center' });
};

const preview = sec => {
  const at = state(sec), shown = $('[data-preview-of]', sec);
  clearTimeout(at.preview);
  at.preview = setTimeout(async () => {
    const mine = ++at.turn;
    try {
      const { ok, data } = await ask('POST', '/preview', { text: areaOf(sec).value });
      // sanitized by the server
      if (ok && mine === at.turn) { shown.innerHTML = data.html; shown.hidden = formOf(sec).hidden; }
    } catch { /* the next key asks again */ }
  }, PREVIEW_AFTER);
};
export const insert = (area, text) => {
  area.focus(); area.setRangeText(text, area.selectionStart, area.selectionEnd, 'end');
  area.dispatchEvent(new Event('input', { bubbles: true }));
};

document.addEventListener('input', e => {
  const sec = e.target.closest('.sec');
  if (!sec || e.target !== areaOf(sec)) return;
  say(sec, ''); grow(e.target); present(sec, sec.dataset.section); soon(sec); preview(sec);
});
document.addEventListener('focusout', e => { const sec = e.target.closest?.('.sec'); if (sec && e.target === areaOf(sec)) save(sec); });
document.addEventListener('click', async e => {
  const edit = e.target.closest('[data-edit]'), cancel = e.target.closest('[data-close-section]'), wrap = e.target.closest('[data-wrap],[data-prefix]');
  if (edit) { const sec = section(edit.dataset.edit); if (sec) { e.preventDefault(); open(sec); } }
  if (cancel) {
    const sec = cancel.closest('.sec');
    e.preventDefault(); $('[data-hunks]', sec)?.remove(); areaOf(sec).value = state(sec).saved; close(sec);
  }
  if (wrap) {
    const area = areaOf(wrap.closest('.sec')), { wrap: around = '', prefix = '' } = wrap.dataset;
    insert(area, prefix + around + area.value.slice(area.selectionStart, area.selectionEnd) + around);
  }
});
document.addEventListener('submit', e => {
  if (!e.target.matches('[data-form]')) return;
  e.preventDefault(); close(e.target.closest('.sec'));
});
document.addEventListener('keydown', e => {
  const sec = e.target.closest?.('.sec');
  if (!sec || e.target !== areaOf(sec)) return;
  if (e.key === 'Enter' && (e.ctrlKey || e.metaKey)) { e.preventDefault(); close(sec); }
});
addEventListener('beforeunload', e => { if ($$('.sec').some(sec => states.has(sec) && isDirty(sec))) e.preventDefault(); });
addEventListener('pagehide', () => { if ($$('.sec').some(sec => states.has(sec) && states.get(sec).present)) ask('PUT', '/presence', { section: '' }).catch(() => {}); });
document.addEventListener('morphed', () => $$('.sec').forEach(sec => {
  if (!formOf(sec).hidden) return;
  areaOf(sec).value = areaOf(sec).defaultValue; states.delete(sec);
}));
$$('.sec').forEach(sec => { if (!formOf(sec).hidden) hold(sec, true); });
$$('[data-tools]').forEach(tools => { tools.hidden = false; });
