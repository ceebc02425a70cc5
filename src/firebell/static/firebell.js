/* Firebell: progressive enhancement only. Every page works without it. No eval, strict-CSP safe. */
(() => {
  const $ = (s, r = document) => r.querySelector(s), $$ = (s, r = document) => [...r.querySelectorAll(s)];
  const root = document.documentElement;

  /* Timers: data-since counts up from an instant, data-until counts down; both in epoch seconds, corrected
     for the difference between this clock and the server's. */
  const skew = +root.dataset.now - Date.now() / 1000;
  const fmt = s => {
    const a = Math.abs(s), h = a / 3600 | 0, m = (a % 3600) / 60 | 0, x = a % 60 | 0, p = n => String(n).padStart(2, '0');
    if (h >= 48) return `${s < 0 ? '−' : ''}${h / 24 | 0} d`;
    return (s < 0 ? '−' : '') + (h ? h + ':' + p(m) : m) + ':' + p(x);
  };
  const tick = () => {
    const now = Date.now() / 1000 + skew;
    $$('[data-since]').forEach(e => e.textContent = fmt(now - e.dataset.since));
    $$('[data-until]').forEach(e => {
      const left = e.dataset.until - now;
      e.textContent = fmt(left);
      if (left < 0) e.closest('[data-late]')?.setAttribute('data-state', 'late');
    });
  };
  tick(); setInterval(tick, 1000);

  /* Live parts: an event names a topic; the page is fetched again and the parts that changed are swapped, except
     one that is being typed in or held open. */
  const busy = el => el.contains(document.activeElement) && document.activeElement !== document.body
    || $$('textarea,input:not([type=hidden])', el).some(f => f.type === 'checkbox' || f.type === 'radio' ? f.checked !== f.defaultChecked : f.value !== f.defaultValue);
  let asked = 0, running = false;
  const refresh = async () => {
    if (running) { asked++; return; }
    running = true;
    try {
      const answer = await fetch(location.href, { headers: { 'X-Live': '1' } });
      if (answer.ok && !answer.redirected) {
        const fresh = new DOMParser().parseFromString(await answer.text(), 'text/html');
        $$('[data-live]').forEach(el => {
          const other = fresh.getElementById(el.id);
          if (!other || busy(el)) return;
          const open = $$('details', el).map(d => d.open);
          if (el.innerHTML !== other.innerHTML) { el.innerHTML = other.innerHTML; $$('details', el).forEach((d, i) => d.open = open[i] ?? d.open); }
          [...other.attributes].forEach(a => el.setAttribute(a.name, a.value));
        });
        document.title = fresh.title;
        tick();
      }
    } catch { /* the next event, or the reader, tries again */ }
    running = false;
    if (asked) { asked = 0; refresh(); }
  };
  const topics = root.dataset.topics;
  if (topics) {
    let known = false, timer;
    const stream = new EventSource('/events?topics=' + encodeURIComponent(topics));
    const soon = () => { clearTimeout(timer); timer = setTimeout(refresh, 60); };
    stream.addEventListener('hello', () => { if (known) soon(); known = true; $$('[data-pulse]').forEach(e => e.dataset.state = 'live'); });
    topics.split(',').forEach(t => stream.addEventListener(t, soon));
    stream.onerror = () => $$('[data-pulse]').forEach(e => e.dataset.state = 'idle');
  }

  /* Command palette: one list, filtered; arrows, enter, escape. */
  const pal = $('#pal');
  if (pal) {
    const inp = $('input', pal), items = $$('li', pal); let i = 0;
    const vis = () => items.filter(x => !x.hidden);
    const mark = n => { const v = vis(); if (!v.length) return; i = (n + v.length) % v.length; items.forEach(x => x.setAttribute('aria-selected', x === v[i])); inp.setAttribute('aria-activedescendant', v[i].id); v[i].scrollIntoView({ block: 'nearest' }); };
    const open = () => { pal.showModal(); inp.value = ''; items.forEach(x => x.hidden = false); mark(0); };
    inp.addEventListener('input', () => { const w = inp.value.toLowerCase().split(/\s+/); items.forEach(x => x.hidden = !w.every(k => x.textContent.toLowerCase().includes(k))); mark(0); });
    pal.addEventListener('keydown', e => { if (e.key === 'ArrowDown') { e.preventDefault(); mark(i + 1); } if (e.key === 'ArrowUp') { e.preventDefault(); mark(i - 1); } if (e.key === 'Enter') { e.preventDefault(); const li = vis()[i]; if (li) location.href = li.dataset.href; } });
    items.forEach(li => li.addEventListener('click', () => location.href = li.dataset.href));
    $$('[data-pal]').forEach(b => { b.hidden = false; b.addEventListener('click', open); });
    addEventListener('keydown', e => { if ((e.metaKey || e.ctrlKey) && e.key === 'k') { e.preventDefault(); open(); } });
  }

  /* Single-key shortcuts, off while typing (WCAG 2.1.4: localStorage keys=off ends them). */
  let g = 0; const go = { h: '/', p: '/pages', i: '/incidents', s: '/oncall', m: '/post-mortems' };
  addEventListener('keydown', e => {
    if (e.metaKey || e.ctrlKey || e.altKey || e.target.closest('input,textarea,select,dialog,[contenteditable]') || localStorage.getItem('keys') === 'off') return;
    if (g && go[e.key]) { location.href = go[e.key]; g = 0; return; }
    g = e.key === 'g'; if (g) setTimeout(() => g = 0, 900);
    const b = $$(`[data-key="${CSS.escape(e.key)}"]`).find(x => x.offsetParent); if (b) { e.preventDefault(); b.click(); }
  });

  /* Severity classifier: the table of all answers comes from the server's own function. */
  const cl = $('#classify');
  if (cl) {
    const table = JSON.parse($('#verdicts').textContent), out = $('#verdict');
    const run = () => {
      const f = new FormData(cl), key = ['down_or_data_at_risk', 'major_degraded', 'workaround', 'customers_impacted'].map(n => (f.get(n) || 'unknown')[0]).join('');
      const verdict = table[key], chosen = f.get('severity'), sev = chosen === '' || chosen === null ? verdict.severity : +chosen;
      const s = $('.sev', out); s.dataset.sev = sev; $('b', s).textContent = 'SEV' + sev;
      $('#why').replaceChildren(...verdict.path.map(t => Object.assign(document.createElement('li'), { textContent: t })));
      $$('.ladder li').forEach(li => li.dataset.sev == sev ? li.setAttribute('aria-current', 'true') : li.removeAttribute('aria-current'));
      $('#go').textContent = 'Declare SEV' + sev;
    };
    cl.addEventListener('change', run); run();
  }

  document.addEventListener('click', async e => {
    const c = e.target.closest('[data-copy]');
    if (c) { try { await navigator.clipboard.writeText($('code', c.parentElement).textContent); c.textContent = 'Copied'; setTimeout(() => c.textContent = 'Copy', 1500); } catch { /* the text can be selected */ } }
  });
  const off = $('#offline'); if (off) { const f = () => off.hidden = navigator.onLine; addEventListener('online', f); addEventListener('offline', f); f(); }
})();
