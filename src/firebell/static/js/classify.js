/* Proposes a severity from a table that the server computed for all answers. */
import { $, $$, setCurrent } from './dom.js';

export const classifier = () => {
  const form = $('#classify');
  if (!form) return;
  const table = JSON.parse($('#verdicts').textContent), out = $('#verdict');
  const names = ['down_or_data_at_risk', 'major_degraded', 'workaround', 'customers_impacted'];
  const run = () => {
    const data = new FormData(form), answered = names.some(n => data.get(n)), chosen = data.get('severity') || '';
    const verdict = answered ? table[names.map(n => (data.get(n) || 'unknown')[0]).join('')] : null;
    const sev = chosen || (verdict ? String(verdict.severity) : ''), badge = $('.sev', out);
    if (sev) { badge.dataset.sev = sev; $('b', badge).textContent = 'SEV' + sev; }
    $('#answered').hidden = $('#next').hidden = !sev; $('#unanswered').hidden = !!sev;
    $('#provisional').hidden = !!chosen || !verdict?.provisional;
    $('#why-severity').replaceChildren(...(verdict?.path || []).map(t => Object.assign(document.createElement('li'), { textContent: t })));
    $$('.ladder li', form).forEach(li => setCurrent(li, li.dataset.sev === sev));
    $$('[data-then]', form).forEach(ul => { ul.hidden = ul.dataset.then !== sev; });
    $('#go').classList.toggle('urgent', sev === '0' || sev === '1');
    $('#go').textContent = sev ? 'Declare SEV' + sev : 'Declare incident';
  };
  form.addEventListener('change', run); run();
  /* Enter never declares. */
  form.addEventListener('keydown', e => {
    if (e.key !== 'Enter' || e.isComposing || !e.target.matches('input,select')) return;
    e.preventDefault();
    if (e.target.name === 'find') $('[value=services]', form).click();
    else if (e.target.name === 'title') $(`[name=${names[0]}]`, form).focus();
  });
};
classifier();
