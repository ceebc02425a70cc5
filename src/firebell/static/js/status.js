/* Keeps a visible status page current, and says so when it is old. */
import { $, limit, parse } from './dom.js';
import { morph } from './morph.js';

const old = $('#old'), note = $('#as-of');
let asOf, ahead;
const refresh = async () => {
  if (document.hidden) return;
  try {
    const [facts, page] = await Promise.all([old.dataset.asOf, location.href].map(address => fetch(address, { cache: 'no-cache', signal: limit(2e4) })));
    if (!page.ok) throw page;
    asOf = new Date((await facts.json()).as_of);
    // the clock of a visitor may be wrong
    ahead = Date.parse(facts.headers.get('date')) + facts.headers.get('age') * 1e3 - Date.now() || 0;
    morph($('main'), $('main', parse(await page.text())));
  } catch { /* it gets old */ }
  if (!asOf) return;
  for (const part of [old, note]) $('time', part).textContent = asOf.toLocaleString(document.documentElement.lang);
  note.hidden = !(old.hidden = Date.now() + ahead - asOf < 3e5);
};
refresh(); setInterval(refresh, 6e4);
document.addEventListener('visibilitychange', refresh);
