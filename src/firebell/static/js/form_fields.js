/* Shows and sends the part data-when="name=value" only while that field has that value, and prefills time zones. */
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
