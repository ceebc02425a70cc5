/* A form marked data-preview shows there what saving it would change while it is filled in. */
import { $$, parse } from './dom.js';
import { morph } from './morph.js';

$$('form[data-preview]').forEach(edited => {
  let wait, turn = 0;
  edited.addEventListener('input', () => {
    clearTimeout(wait);
    wait = setTimeout(async () => {
      const mine = ++turn, shown = edited.dataset.preview;
      try {
        const answer = await fetch(edited.action + '?preview=yes', { method: 'POST', body: new URLSearchParams(new FormData(edited)) });
        const fresh = parse(await answer.text()).getElementById(shown);
        if (fresh && mine === turn) morph(document.getElementById(shown), fresh);
      } catch { /* the button asks again */ }
    }, 300);
  });
});
