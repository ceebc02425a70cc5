/* Fills in the times of an override by dragging over a schedule. */
import { $, $$ } from './dom.js';

const rota = $('.rota'), columns = 56;
let drag = null;
const column = (track, x) => {
  const box = track.getBoundingClientRect();
  return Math.max(0, Math.min(columns, Math.round((x - box.left) / box.width * columns)));
};
const typed = n => {
  const minutes = n * rota.dataset.days * 1440 / columns, step = rota.dataset.days > 1 ? 60 : 30;
  return new Date(Date.parse(rota.dataset.from + 'T00:00Z') + Math.round(minutes / step) * step * 60000).toISOString().slice(0, 16);
};
$$('[data-drag]').forEach(track => track.addEventListener('pointerdown', e => {
  if (e.button || e.pointerType === 'touch') return;
  e.preventDefault();
  const mark = Object.assign(document.createElement('span'), { className: 'sel', hidden: true });
  track.append(mark); drag = { track, mark, from: column(track, e.clientX), to: null };
}));
addEventListener('pointermove', e => {
  if (!drag) return;
  // a press without a move opens the shift
  const to = column(drag.track, e.clientX);
  if (drag.to === null && to === drag.from) return;
  drag.to = to; drag.track.setPointerCapture(e.pointerId);
  const { mark } = drag, a = Math.min(drag.from, drag.to), n = Math.abs(drag.to - drag.from);
  mark.hidden = !n; mark.className = `sel c-${a} s-${n}`;
  mark.textContent = n ? typed(a).slice(11) + ' to ' + typed(a + n).slice(11) : '';
});
const drop = keep => {
  if (!drag) return;
  const { track, mark, from, to } = drag; drag = null;
  if (!keep || to === null || to === from) { mark.remove(); return; }
  const [start, end] = [Math.min(from, to), Math.max(from, to)].map(typed), form = $('#override');
  if (!form) { location.href = `${track.dataset.drag}?${new URLSearchParams({ start, end, tz: rota.dataset.tz })}#override`; return; }
  form.elements.start.value = start; form.elements.lasts.value = ''; form.elements.end.value = end; form.dispatchEvent(new Event('input'));
  form.scrollIntoView({ block: 'center', behavior: 'smooth' }); form.elements.person.focus({ preventScroll: true });
  setTimeout(() => mark.remove(), 1500);
};
addEventListener('pointerup', () => drop(true));
addEventListener('pointercancel', () => drop(false));
addEventListener('keydown', e => { if (e.key === 'Escape') drop(false); });
