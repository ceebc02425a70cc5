/* A part marked data-when="name=value" is shown, and sent, while the form's field says so; without a script always. */
import { $$ } from './dom.js';

$$('[data-when]').forEach(part => {
  const [name, value] = part.dataset.when.split('='), form = part.closest('form');
  const show = () => {
    part.hidden = form.elements[name].value !== value;
    $$('input,select', part).forEach(field => { field.disabled = part.hidden; });
  };
  form.addEventListener('input', show); show();
});
