/* Firebell: progressive enhancement only. Every page works without it. No eval, strict-CSP safe. */
(() => {
  const $ = (s, r = document) => r.querySelector(s), $$ = (s, r = document) => [...r.querySelectorAll(s)];
  const root = document.documentElement;

  /* Timers: data-since counts up from an instant, data-until counts down; both in epoch seconds, corrected
     for the difference between this clock and the server's. */
  let skew = +root.dataset.now - Date.now() / 1000;
  const two = n => String(n).padStart(2, '0');
  const fmt = s => {
    const a = Math.abs(s), h = a / 3600 | 0, m = (a % 3600) / 60 | 0, x = a % 60 | 0, sign = s <= -1 ? '−' : '';
    return sign + (h >= 48 ? `${h / 24 | 0} d ${h % 24} h` : (h ? h + ':' + two(m) : m) + ':' + two(x));
  };
  const tick = () => {
    const now = Date.now() / 1000 + skew, put = (e, text) => { if (e.textContent !== text) e.textContent = text; };
    $$('[data-since]').forEach(e => put(e, fmt(Math.max(0, now - e.dataset.since))));
    $$('[data-until]').forEach(e => {
      const left = e.dataset.until - now;
      put(e, fmt(left));
      if (left < 0) e.closest('[data-late]')?.setAttribute('data-state', 'late');
    });
  };
  tick(); setInterval(tick, 1000);

  /* Morph: make an element like a fresh one in place, so that focus, typed text and open details survive.
     Rows are matched by what they lead to, so that a button never becomes the button of another row. */
  const parse = text => new DOMParser().parseFromString(text, 'text/html');
  const target = el => el.getAttribute('href') || el.getAttribute('action') || '';
  const key = el => {
    if (el.nodeType !== 1) return '';
    if (el.id || target(el)) return el.id || target(el);
    const lead = el.parentElement?.matches('.rows, .list, .oncall, ul, ol, tbody') && $('[href],[action]', el);
    return lead ? target(lead) : '';
  };
  const alike = (a, b) => a.nodeType === b.nodeType && a.nodeName === b.nodeName && key(a) === key(b);
  const dirty = f => f.type === 'checkbox' || f.type === 'radio' ? f.checked !== f.defaultChecked
    : f.tagName === 'SELECT' ? f.selectedIndex !== Math.max(0, [...f.options].findIndex(o => o.defaultSelected)) : f.value !== f.defaultValue;
  const inUse = form => form.contains(document.activeElement) && document.activeElement.matches('input,textarea,select')
    || $$('textarea,select,input:not([type=hidden])', form).some(dirty);
  const morph = (a, b) => {
    if (a.isEqualNode(b)) return;
    if (a.nodeType !== 1) { a.data = b.data; return; }
    if (a.nodeName === 'FORM' && inUse(a)) return;
    for (const { name } of [...a.attributes]) if (!b.hasAttribute(name) && !(a.nodeName === 'DETAILS' && name === 'open')) a.removeAttribute(name);
    for (const { name, value } of [...b.attributes]) if (a.getAttribute(name) !== value && !(a.nodeName === 'DETAILS' && name === 'open')) a.setAttribute(name, value);
    let at = a.firstChild;
    for (const want of [...b.childNodes]) {
      let found = at;
      if (!found || !alike(found, want)) {
        const k = key(want);
        found = k ? [...a.childNodes].find(n => n.nodeType === 1 && n.nodeName === want.nodeName && key(n) === k) : null;
        if (found && (!at || found.compareDocumentPosition(at) & Node.DOCUMENT_POSITION_FOLLOWING)) found = null;
        a.insertBefore(found || document.importNode(want, true), at);
      }
      if (found) { morph(found, want); if (found === at) at = at.nextSibling; }
    }
    while (at) { const next = at.nextSibling; at.remove(); at = next; }
  };

  /* Live: an event names a topic, the page is fetched again and its live parts are morphed. Nothing moves while
     a pointer is down or rests on a list, and entries that came are not put above what is being read. */
  let stream, timer, running = false, again = false, pressed = false, first = true, heard = Date.now(), moved = 0;
  let connected = true, losing = 0;
  const pulse = (alive = connected) => {
    connected = alive;
    $$('[data-pulse]').forEach(e => { e.hidden = alive || !navigator.onLine || $('#sending')?.hidden === false; });
    $$('[data-alive]').forEach(e => { e.hidden = !alive; });
  };
  const lose = () => { losing ||= setTimeout(() => pulse(false), 2000); };
  const resting = () => Date.now() - moved < 1500 && $('[data-live] .rows > :hover, [data-live] .pg:hover');
  const reading = feed => feed.hasAttribute('data-feed') && feed.getBoundingClientRect().top < 0;
  const hold = (feed, other) => {
    const more = $(`[data-more="${feed.id}"]`), fresh = $$('li:not(.day)', other).filter(li => !document.getElementById(li.id)).length;
    more.hidden = !fresh;
    $('span', more).textContent = fresh === 1 ? '1 new entry' : `${fresh} new entries`;
  };
  const apply = fresh => {
    const focused = document.activeElement;
    $$('[data-live]').forEach(el => {
      const other = fresh.getElementById(el.id);
      if (!other) return;
      if (reading(el)) hold(el, other); else morph(el, other);
    });
    skew = +fresh.documentElement.dataset.now - Date.now() / 1000;
    document.title = fresh.title;
    if (focused !== document.activeElement && focused.isConnected) focused.focus({ preventScroll: true });
    if (fresh.documentElement.dataset.topics !== root.dataset.topics) subscribe(fresh.documentElement.dataset.topics);
    pin(); markSending(); tick();
  };
  const load = async address => {
    const answer = await fetch(address, { headers: { 'X-Live': '1' } });
    if (answer.redirected && new URL(answer.url).pathname === '/login') { location.reload(); return null; }
    return answer.ok ? parse(await answer.text()) : null;
  };
  const refresh = async () => {
    if (running || pressed || resting()) { again = true; if (!running) soon(500); return; }
    running = true; again = false;
    try {
      const address = location.href, fresh = await load(address);
      // a row that was selected in the meantime is not replaced by the one before it
      if (fresh && (pressed || location.href !== address)) again = true; else if (fresh) apply(fresh);
    } catch { /* the next event, or the reader, tries again */ }
    running = false;
    if (again && !pressed) soon();
  };
  const soon = (wait = 60) => { clearTimeout(timer); timer = setTimeout(refresh, wait); };
  addEventListener('pointermove', () => { moved = Date.now(); }, { passive: true });
  addEventListener('pointerdown', () => { pressed = true; });
  for (const end of ['pointerup', 'pointercancel', 'blur']) {
    addEventListener(end, () => setTimeout(() => { pressed = false; if (again) soon(); }, 250));
  }
  $$('[data-more]').forEach(more => more.addEventListener('click', () => {
    more.hidden = true;
    scrollTo({ top: document.getElementById(more.dataset.more).getBoundingClientRect().top + scrollY - 160 });
    soon(0);
  }));
  const connect = () => {
    stream = new EventSource('/events?topics=' + encodeURIComponent(root.dataset.topics));
    const alive = () => { heard = Date.now(); clearTimeout(losing); losing = 0; pulse(true); };
    stream.addEventListener('error', lose);
    stream.addEventListener('hello', () => { alive(); if (!first) soon(); first = false; sendKept(); });
    stream.addEventListener('beat', alive);
    root.dataset.topics.split(',').forEach(t => stream.addEventListener(t, () => { alive(); soon(); }));
  };
  let resubscribing;
  const subscribe = topics => {
    root.dataset.topics = topics; clearTimeout(resubscribing);
    resubscribing = setTimeout(() => { if (stream) { stream.close(); connect(); } }, 500);
  };
  if (root.dataset.topics) {
    connect();
    document.addEventListener('visibilitychange', () => {
      if (document.hidden) setTimeout(() => { if (document.hidden && stream) { stream.close(); stream = null; } }, 20000);
      else if (!stream) { heard = Date.now(); connect(); }
    });
    setInterval(() => {
      if (stream && Date.now() - heard > 40000) pulse(false);
      if (stream && (stream.readyState === 2 || Date.now() - heard > 90000)) { stream.close(); heard = Date.now() - 41000; connect(); }
    }, 5000);
  }

  /* Command palette: one list, filtered; arrows, enter, escape. */
  const pal = $('#pal');
  if (pal) {
    const mac = /Mac|iPhone|iPad/.test(navigator.platform), inp = $('input', pal), items = $$('li', pal); let i = 0;
    const vis = () => items.filter(x => !x.hidden);
    const mark = n => {
      const v = vis(); $('.none', pal).hidden = v.length > 0; if (!v.length) { inp.removeAttribute('aria-activedescendant'); return; }
      i = (n + v.length) % v.length; items.forEach(x => x.setAttribute('aria-selected', x === v[i])); inp.setAttribute('aria-activedescendant', v[i].id); v[i].scrollIntoView({ block: 'nearest' });
    };
    const go = li => { if (li) location.href = $('a', li).href; };
    const open = () => { if (pal.open) return; pal.showModal(); inp.value = ''; items.forEach(x => { x.hidden = false; }); mark(0); };
    inp.addEventListener('input', () => { const w = inp.value.toLowerCase().split(/\s+/); items.forEach(x => { x.hidden = !w.every(k => x.textContent.toLowerCase().includes(k)); }); mark(0); });
    pal.addEventListener('keydown', e => {
      const step = { ArrowDown: 1, ArrowUp: -1 }[e.key];
      if (step) { e.preventDefault(); mark(i + step); }
      if (e.key === 'Enter') { e.preventDefault(); const ref = /^\s*(pg|inc)-?(\d+)\s*$/i.exec(inp.value); if (ref) location.href = (ref[1].toLowerCase() === 'pg' ? '/pages/PG-' : '/incidents/INC-') + ref[2]; else go(vis()[i]); }
    });
    pal.addEventListener('click', e => { if (e.target === pal) pal.close(); });
    $$('[data-pal]').forEach(b => { b.hidden = false; b.addEventListener('click', open); if (!mac) $('kbd', b)?.replaceChildren('Ctrl K'); });
    addEventListener('keydown', e => { if ((e.metaKey || e.ctrlKey) && e.key === 'k') { e.preventDefault(); open(); } });
  }

  /* Inbox: the pane shows the selected row, and single keys act on that page. The address names the selection, so
     that a page that arrives never takes its place. */
  const pane = $('#pane');
  let selecting = Promise.resolve(), acting = Promise.resolve();
  const refOf = row => row.getAttribute('href').split('/').pop();
  const selected = () => new URL(location).searchParams.get('show') || '';
  const select = row => {
    const address = new URL(location);
    address.searchParams.set('show', refOf(row));
    history.replaceState(history.state, '', address);
    $$('.pg[aria-current]').forEach(other => other.removeAttribute('aria-current'));
    row.setAttribute('aria-current', 'true');
    $$('.menu[open]', pane).forEach(menu => { menu.open = false; });
    selecting = load(address).then(fresh => { if (fresh && location.href === address.href) apply(fresh); }).catch(lose);
  };
  function pin() {
    if (!$('#pane')?.dataset.show || selected()) return;
    const address = new URL(location);
    address.searchParams.set('show', $('#pane').dataset.show);
    history.replaceState(history.state, '', address);
  }
  pin();
  if (pane) pane.parentElement.addEventListener('focusin', e => {
    const row = e.target.closest('.pg');
    if (row && !pressed && refOf(row) !== selected()) select(row);
  });
  const actOnSelected = async key => {
    const row = document.activeElement.closest('.pg');
    if (row && refOf(row) !== selected()) select(row);
    const ref = selected();
    await selecting;
    if (pane.dataset.show !== ref) return;
    $$(`[data-key="${CSS.escape(key)}"]`, pane).find(x => x.offsetParent || x.nodeName === 'BUTTON')?.click();
  };

  /* Single-key shortcuts: off while typing, and whoever wants none switches them off in the profile (WCAG 2.1.4). */
  let g = 0; const go = { h: '/', p: '/pages', i: '/incidents', s: '/oncall', m: '/post-mortems', e: '/escalation', b: '/handbook' };
  const off = () => { try { return localStorage.getItem('keys') === 'off'; } catch { return false; } };
  addEventListener('keydown', e => {
    if (e.metaKey || e.ctrlKey || e.altKey || e.target.closest?.('input,textarea,select,dialog,[contenteditable]') || off()) return;
    if (g && go[e.key]) { location.href = go[e.key]; g = 0; return; }
    g = e.key === 'g'; if (g) setTimeout(() => { g = 0; }, 900);
    if (e.key === 'j' || e.key === 'k') {
      const step = e.key === 'j' ? 1 : -1;
      acting = acting.then(() => {
        const rows = $$(pane ? '#list a.pg' : 'main .rows a').filter(x => x.offsetParent);
        const at = pane ? rows.findIndex(row => refOf(row) === selected()) : rows.indexOf(document.activeElement);
        const row = rows[Math.max(0, Math.min(rows.length - 1, at + step))];
        row?.focus();
        if (pane && row && refOf(row) !== selected()) select(row);
      });
      return;
    }
    if (pane && ['a', 's', 'r'].includes(e.key)) {
      e.preventDefault(); acting = acting.then(() => actOnSelected(e.key)); return;
    }
    const b = $$(`main [data-key="${CSS.escape(e.key)}"], [data-key="${CSS.escape(e.key)}"]`).find(x => x.offsetParent); if (b) { e.preventDefault(); b.click(); }
  });
  const keys = $('[data-keys]');
  if (keys) { keys.checked = !off(); keys.addEventListener('change', () => localStorage.setItem('keys', keys.checked ? 'on' : 'off')); }

  /* Severity classifier: the table of all answers comes from the server's own function. */
  const classifier = () => {
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
      $$('.ladder li', form).forEach(li => li.dataset.sev === sev ? li.setAttribute('aria-current', 'true') : li.removeAttribute('aria-current'));
      $$('[data-then]', form).forEach(ul => { ul.hidden = ul.dataset.then !== sev; });
      $('#go').textContent = sev ? 'Declare SEV' + sev : 'Declare incident';
    };
    form.addEventListener('change', run); run();
    /* Enter in a field never declares: in the search it searches, in the title it moves on. */
    form.addEventListener('keydown', e => {
      if (e.key !== 'Enter' || e.isComposing || !e.target.matches('input,select')) return;
      e.preventDefault();
      if (e.target.name === 'find') $('[value=services]', form).click();
      else if (e.target.name === 'title') $(`[name=${names[0]}]`, form).focus();
    });
  };
  classifier();

  /* A link marked data-dialog opens its page's form over this one; without a script it is a page of its own. */
  const dialog = $('#dialog');
  document.addEventListener('click', async e => {
    const link = e.target.closest('[data-dialog]');
    if (!dialog || !link || e.metaKey || e.ctrlKey || e.shiftKey || $('#declare')) return;
    e.preventDefault();
    try {
      const answer = await fetch(link.href);
      const found = parse(await answer.text()).getElementById('declare');
      if (!found) throw new Error('no form');
      dialog.replaceChildren(document.adoptNode(found));
    } catch { location.href = link.href; return; }
    $('[data-close]', dialog).hidden = false;
    dialog.showModal(); classifier(); $('[name=title]', dialog).focus();
  });
  if (dialog) {
    dialog.addEventListener('click', e => { if (e.target === dialog || e.target.closest('[data-close]')) dialog.close(); });
    dialog.addEventListener('close', () => dialog.replaceChildren());
  }

  /* A link marked data-compose puts the cursor where its kind of entry is written; one marked data-begin puts
     the text of its page there, unless something is written already. */
  document.addEventListener('click', async e => {
    const link = e.target.closest('[data-compose],[data-begin]'), say = $('#say');
    if (!link || !say || e.metaKey || e.ctrlKey || e.shiftKey) return;
    e.preventDefault();
    $(`#composer [value="${link.dataset.compose || 'update'}"]`).checked = true;
    say.scrollIntoView({ block: 'center' }); say.focus({ preventScroll: true });
    if (!('begin' in link.dataset) || (say.value && say.value !== say.dataset.begun)) return;
    try {
      const answer = await fetch(link.href), found = parse(await answer.text()).getElementById('say');
      if (say.value && say.value !== say.dataset.begun) return;
      say.value = say.dataset.begun = found.value; say.rows = found.rows;
    } catch { location.href = link.href; }
  });

  /* A form marked data-preview shows there what saving it would change while it is filled in. */
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

  /* A part marked data-when="name=value" is shown, and sent, while the form's field says so; without a script always. */
  $$('[data-when]').forEach(part => {
    const [name, value] = part.dataset.when.split('='), form = part.closest('form');
    const show = () => {
      part.hidden = form.elements[name].value !== value;
      $$('input,select', part).forEach(field => { field.disabled = part.hidden; });
    };
    form.addEventListener('input', show); show();
  });

  /* An override by drag: from one column of a result row to another, then the form with both times filled in. */
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
    e.preventDefault(); track.setPointerCapture(e.pointerId);
    const mark = Object.assign(document.createElement('span'), { className: 'sel', hidden: true });
    track.append(mark); drag = { track, mark, from: column(track, e.clientX), to: null };
  }));
  addEventListener('pointermove', e => {
    if (!drag) return;
    drag.to = column(drag.track, e.clientX);
    const a = Math.min(drag.from, drag.to), n = Math.abs(drag.to - drag.from);
    drag.mark.hidden = !n; drag.mark.className = `sel c-${a} s-${n}`;
    drag.mark.textContent = n ? typed(a).slice(11) + ' to ' + typed(a + n).slice(11) : '';
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

  /* Contents: the part that is being read is the current one. */
  const parts = $$('[data-toc] a').map(a => [a, document.getElementById(decodeURIComponent(a.hash.slice(1)))]);
  if (parts.length) {
    const follow = () => {
      const at = parts.filter(([, h]) => h && h.getBoundingClientRect().top < 140).pop() || parts[0];
      parts.forEach(([a]) => a === at[0] ? a.setAttribute('aria-current', 'true') : a.removeAttribute('aria-current'));
    };
    addEventListener('scroll', follow, { passive: true }); follow();
  }

  /* Menus close on Escape and on a click outside. */
  const menus = () => $$('details.menu[open]');
  document.addEventListener('click', e => menus().forEach(menu => { if (!menu.contains(e.target)) menu.open = false; }));
  addEventListener('keydown', e => {
    if (e.key !== 'Escape') return;
    menus().forEach(menu => { const held = menu.contains(document.activeElement); menu.open = false; if (held) $('summary', menu).focus(); });
  });

  /* Acknowledgements are kept in this browser until the server has answered, and sent until then: also after a
     reload. Sending one twice is safe, because a page stays with the person who has it. One that waited for more
     than 30 minutes is only sent when its reader says so again: the page may have a new reason. */
  const LATE = 30 * 60000, unsaved = new Map(), trouble = new Map(), inFlight = new Set();
  const pathOf = form => new URL(form.getAttribute('action') || location.href, location).pathname;
  const ackOf = form => /^\/(?:pages\/(PG-\d+)\/ack|ack\/[^/]+)$/.exec(pathOf(form));
  const byLink = ack => ack.path.startsWith('/ack/');
  const kept = () => {
    const acks = [...unsaved.values()];
    try {
      for (const name of Object.keys(localStorage)) if (name.startsWith('ack /')) acks.push(JSON.parse(localStorage[name]));
    } catch { /* what cannot be read is not sent */ }
    return acks.filter(ack => byLink(ack) || ack.me === root.dataset.me);
  };
  const keep = ack => { try { localStorage.setItem('ack ' + ack.path, JSON.stringify(ack)); } catch { unsaved.set(ack.path, ack); } };
  const forget = ack => {
    unsaved.delete(ack.path); trouble.delete(ack.path);
    try { localStorage.removeItem('ack ' + ack.path); } catch { /* it was in unsaved */ }
  };
  const labels = new WeakMap();
  function markSending() {
    const acks = kept(), strip = $('#sending'), troubled = acks.filter(ack => trouble.has(ack.path));
    $$('form[method=post]').filter(ackOf).forEach(form => {
      const button = $('button', form), waits = acks.some(ack => ack.path === pathOf(form));
      if (waits === labels.has(button) && (!waits || 'sending' in button.dataset)) return;
      if (waits) {
        labels.set(button, [button.className, ...button.childNodes]); button.dataset.sending = '';
        button.setAttribute('aria-disabled', 'true'); button.classList.remove('primary'); button.replaceChildren('Sending…');
      } else {
        if ('sending' in button.dataset) { const [name, ...label] = labels.get(button); button.className = name; button.replaceChildren(...label); }
        labels.delete(button); delete button.dataset.sending; button.removeAttribute('aria-disabled');
      }
    });
    if (!strip) return;
    strip.hidden = !troubled.length; pulse();
    if (!troubled.length) return;
    const [ack] = troubled, { text, login } = trouble.get(ack.path), more = troubled.length - 1;
    const said = `${ack.ref} isn’t acknowledged yet${more ? `, nor ${more === 1 ? 'is' : 'are'} ${more} more` : ''}. ${text}`;
    if ($('span', strip).textContent !== said) $('span', strip).textContent = said;
    $('a', strip).hidden = !login; $('[data-try]', strip).hidden = login;
  }
  let waiting, tries = 0;
  const renewToken = async () => {
    const fresh = await load(location.href), token = fresh && $('[name=csrf]', fresh)?.value;
    if (!token || fresh.documentElement.dataset.me !== root.dataset.me || token === $('[name=csrf]')?.value) return false;
    $$('[name=csrf]').forEach(field => { field.value = token; });
    return true;
  };
  const RETRIED = { text: 'Firebell can’t be reached. Trying again until it answers.' };
  const post = async (ack, renewed = false) => {
    const body = new URLSearchParams(byLink(ack) ? {} : { csrf: $('[name=csrf]')?.value || '' });
    const answer = await fetch(ack.path, { method: 'POST', body, keepalive: true, signal: AbortSignal.timeout?.(10000) });
    const fresh = parse(await answer.text());
    if (new URL(answer.url).pathname === '/login') return { text: 'Sign in again to send it.', login: true, final: true };
    if (answer.status >= 500 || [408, 425, 429].includes(answer.status) || !fresh.documentElement.dataset.now) return RETRIED;
    if (answer.ok) return { fresh };
    if (answer.status === 403 && !renewed && await renewToken()) return post(ack, true);
    return { text: `Firebell refused it: ${$('#main h1', fresh)?.textContent.trim() || answer.status}`, final: true };
  };
  const send = async ack => {
    if (inFlight.has(ack.path)) return;
    inFlight.add(ack.path);
    const slow = setTimeout(() => { trouble.set(ack.path, RETRIED); markSending(); }, 2000);
    let outcome;
    try { outcome = await post(ack); } catch { outcome = RETRIED; }
    clearTimeout(slow); inFlight.delete(ack.path);
    if (!kept().some(other => other.path === ack.path && other.at === ack.at)) { markSending(); soon(0); return; }
    if (outcome.fresh) {
      forget(ack);
      if (location.pathname === ack.path) $('#main').replaceWith(document.adoptNode($('#main', outcome.fresh)));
      else soon(0);
    } else {
      trouble.set(ack.path, outcome);
      if (!outcome.final) { clearTimeout(waiting); waiting = setTimeout(() => sendKept(false), Math.min(8000, 1000 * 2 ** tries++)); }
    }
    markSending();
  };
  function sendKept(restart = true) {
    if (restart) tries = 0;
    kept().forEach(ack => {
      if (trouble.get(ack.path)?.final) return;
      if (Date.now() - ack.at < LATE) send(ack);
      else trouble.set(ack.path, { text: 'You acknowledged it more than 30 minutes ago. Send it now, or cancel.', final: true });
    });
    markSending();
  }
  const acknowledge = form => {
    const path = pathOf(form), ref = ackOf(form)[1] || $('#main .id')?.textContent || 'This page';
    if (!kept().some(ack => ack.path === path)) keep({ path, ref, me: root.dataset.me, at: Date.now() });
    trouble.delete(path); sendKept();
  };
  document.addEventListener('click', e => {
    if (e.target.closest('#sending [data-try]')) {
      kept().forEach(ack => { if (Date.now() - ack.at >= LATE) keep({ ...ack, at: Date.now() }); });
      trouble.clear(); sendKept();
    }
    if (e.target.closest('#sending [data-cancel]')) { kept().filter(ack => trouble.has(ack.path)).forEach(forget); markSending(); soon(0); }
  });
  addEventListener('storage', () => { markSending(); });
  addEventListener('online', () => sendKept());
  sendKept();

  /* Small helps: the browser's zone as a first guess, copy, print, one submit per press, offline. */
  const zone = $('[data-zone]');
  if (zone && zone.value === zone.dataset.zone) zone.value = Intl.DateTimeFormat().resolvedOptions().timeZone || zone.value;
  document.addEventListener('click', async e => {
    const c = e.target.closest('[data-copy]');
    if (!c) return;
    const code = $('code', document.getElementById(c.dataset.copy) || c.parentElement), done = () => { c.textContent = 'Copied'; setTimeout(() => { c.textContent = 'Copy'; }, 1500); };
    try { await navigator.clipboard.writeText(code.textContent); done(); } catch { getSelection().selectAllChildren(code); if (document.execCommand('copy')) done(); }
  });
  document.addEventListener('click', e => { if (e.target.closest('[data-print]')) print(); });
  document.addEventListener('submit', e => {
    if (e.target.method !== 'post') return;
    if (ackOf(e.target)) { e.preventDefault(); acknowledge(e.target); return; }
    if (e.target.dataset.sent) { e.preventDefault(); return; }
    e.target.dataset.sent = '1'; setTimeout(() => { delete e.target.dataset.sent; }, 4000);
  });
  const gone = $('#offline'); if (gone) { const f = () => { gone.hidden = navigator.onLine; pulse(); }; addEventListener('online', () => { f(); soon(); }); addEventListener('offline', f); f(); }
  /* A message that is there when the page opens is announced by being written again; Undo goes when its time is up. */
  const flash = $('#flash [role=status]');
  if (flash) {
    const text = flash.textContent; flash.textContent = ''; setTimeout(() => { flash.textContent = text; }, 50);
    const offer = $('#flash form'), end = () => { if (offer.matches(':hover, :focus-within')) setTimeout(end, 500); else offer.remove(); };
    if (offer) setTimeout(end, 10000);
  }
})();
