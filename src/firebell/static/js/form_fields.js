/* Shows and sends the part data-when="name=value" only while that field has that value, prefills time zones, and lists them. */
import { $, $$ } from './dom.js';

$$('[data-when]').forEach(part => {
  const [name, value] = part.dataset.when.split('='), form = part.closest('form');
  const show = () => {
    part.hidden = form.elements[name].value !== value;
    $$('input,select', part).forEach(field => { field.disabled = part.hidden; });
  };
  form.addEventListener('input', show); show();
});
const zone = $('[data-zone]');
if (zone && zone.value === zone.dataset.zone) zone.value = Intl.DateTimeFormat().resolvedOptions().timeZone || zone.value;
document.addEventListener('focusin', async ({ target }) => {
  const list = target.list;
  if (list?.id !== 'zones' || list.dataset.asked) return;
  list.dataset.asked = 'yes';
  try {
    const answer = await fetch('/time-zones');
    if (!answer.ok) throw answer;
    list.append(...(await answer.text()).split('\n').map(name => new Option('', name)));
  } catch { delete list.dataset.asked; }
});
