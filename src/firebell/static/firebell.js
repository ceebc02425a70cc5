/* Firebell: progressive enhancement only. Every page works without it. No eval, strict-CSP safe. */
(() => {
  const $ = (s, r = document) => r.querySelector(s), $$ = (s, r = document) => [...r.querySelectorAll(s)];
  const root = document.documentElement;

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
  const strip = $('#offline');
  const pulse = (alive = connected) => {
    const offline = !navigator.onLine, copy = +root.dataset.kept, hours = Math.round((Date.now() - copy) / 3600000);
    connected = alive;
    $$('[data-pulse]').forEach(e => { e.hidden = alive || offline || copy || $('#sending')?.hidden === false; });
    $$('[data-alive]').forEach(e => { e.hidden = !alive; });
    if (!strip) return;
    strip.hidden = !offline && !copy;
    $('[data-reason]', strip).textContent = offline ? 'You’re offline.' : 'Firebell can’t be reached.';
    $('[data-age]', strip).textContent = copy && hours > 1 ? `, ${hours} hours ago` : '';
    $('[data-calm]', strip).hidden = !offline;
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
      if (reading(el)) hold(el, other); else if (!('held' in el.dataset)) morph(el, other);
    });
    document.title = fresh.title;
    const badge = $('link[rel=icon]', fresh).getAttribute('href');
    if ($('link[rel=icon]').getAttribute('href') !== badge) $('link[rel=icon]').setAttribute('href', badge);
    if (focused !== document.activeElement && focused.isConnected) focused.focus({ preventScroll: true });
    if (fresh.documentElement.dataset.topics !== root.dataset.topics) subscribe(fresh.documentElement.dataset.topics);
    dispatchEvent(new CustomEvent('refreshed', { detail: +fresh.documentElement.dataset.now }));
    pin(); document.dispatchEvent(new Event('morphed'));
  };
  const load = async address => {
    const answer = await fetch(address, { headers: { 'X-Live': '1' } });
    if (answer.redirected && new URL(answer.url).pathname === '/login') { location.reload(); return null; }
    return answer.ok ? parse(await answer.text()) : null;
  };
  /* The page was a copy from before the connection was lost: all of it is old, and so is the token of its forms. */
  const replaceCopy = fresh => {
    const token = $('[name=csrf]', fresh)?.value, mine = fresh.documentElement.dataset.me === root.dataset.me;
    if (!mine) { location.reload(); return; }
    if (!$$('main form').some(inUse)) morph($('#main'), $('#main', fresh));
    $$('[name=csrf]').forEach(field => { field.value = token; });
    delete root.dataset.kept; apply(fresh); pulse();
  };
  const refresh = async () => {
    if (running || pressed || resting()) { again = true; if (!running) soon(500); return; }
    running = true; again = false;
    try {
      const address = location.href, fresh = await load(address);
      // a row that was selected in the meantime is not replaced by the one before it
      if (fresh && (pressed || location.href !== address)) again = true;
      else if (fresh && root.dataset.kept) replaceCopy(fresh);
      else if (fresh) apply(fresh);
    } catch { /* the next event, or the reader, tries again */ }
    running = false;
    if (again && !pressed) soon();
  };
  const soon = (wait = 60) => { clearTimeout(timer); timer = setTimeout(refresh, wait); };
  addEventListener('released', () => soon(0));
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
  /* The server is heard every 5 s; a network that swallows everything tells nobody that it does. */
  const SILENCE = 8500;
  let opened = 0;
  const reconnect = () => { stream?.close(); connect(); };
  const connect = () => {
    opened = Date.now();
    stream = new EventSource('/events?topics=' + encodeURIComponent(root.dataset.topics));
    const alive = () => { heard = Date.now(); clearTimeout(losing); losing = 0; pulse(true); };
    stream.addEventListener('error', lose);
    stream.addEventListener('hello', () => { alive(); if (!first || root.dataset.kept) soon(); first = false; document.dispatchEvent(new Event('reached')); });
    stream.addEventListener('beat', alive);
    root.dataset.topics.split(',').forEach(t => stream.addEventListener(t, () => { alive(); soon(); }));
  };
  let resubscribing;
  const subscribe = topics => {
    root.dataset.topics = topics; clearTimeout(resubscribing);
    resubscribing = setTimeout(() => { if (stream) reconnect(); }, 500);
  };
  if (root.dataset.topics) {
    connect();
    document.addEventListener('visibilitychange', () => {
      if (document.hidden) setTimeout(() => { if (document.hidden && stream) { stream.close(); stream = null; } }, 20000);
      else if (!stream || Date.now() - heard > SILENCE) reconnect();
    });
    setInterval(() => {
      if (!stream) return;
      if (Date.now() - heard > SILENCE) pulse(false);
      if (Date.now() - Math.max(heard, opened) > (stream.readyState === 2 ? 5000 : 2 * SILENCE)) reconnect();
    }, 1000);
  }

  /* Palette: commands are filtered here at once, everything else is searched for by the server. Commands stay usable
     while a search is slow or fails. */
  const pal = $('#pal');
  if (pal) {
    const mac = /Mac|iPhone|iPad/.test(navigator.platform), inp = $('input', pal), list = $('#pal-l'), out = $('#pal-r'), own = $$('#pal-c a');
    const fold = s => s.normalize('NFKD').replace(/[\u0300-\u036f]/g, '').toLowerCase();
    const wordsOf = s => fold(s).match(/[\p{L}\p{M}\p{N}]+/gu) || [];
    const make = (tag, attributes = {}, ...inside) => {
      const e = document.createElement(tag);
      for (const [name, value] of Object.entries(attributes)) e.setAttribute(name, value);
      e.append(...inside);
      return e;
    };
    const icon = name => {
      const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg'), use = document.createElementNS(svg.namespaceURI, 'use');
      svg.setAttribute('class', 'ic'); svg.setAttribute('aria-hidden', 'true'); use.setAttribute('href', `${list.dataset.icons}#i-${name}`); svg.append(use);
      return svg;
    };
    const marked = (text, terms) => text.split(/([\p{L}\p{M}\p{N}]+)/u).flatMap(word => {
      const hit = terms.filter(t => fold(word).startsWith(t)).sort((a, b) => b.length - a.length)[0];
      if (!hit) return word;
      let n = 1;
      while (n < word.length && fold(word.slice(0, n)).length < hit.length) n++;
      return [make('mark', {}, word.slice(0, n)), word.slice(n)];
    });
    const local = address => { const u = new URL(address); return u.pathname + u.search + u.hash; };
    let at = 0, moved = false, wait, slow, search, options = 0;
    const vis = () => $$('[role=option]', pal).filter(x => !x.hidden);
    const say = text => { $('.none', pal).textContent = text; };
    const mark = n => {
      const v = vis();
      $$('[aria-selected=true]', pal).forEach(x => x.setAttribute('aria-selected', 'false'));
      if (!v.length) { inp.removeAttribute('aria-activedescendant'); return; }
      at = (n + v.length) % v.length; v[at].setAttribute('aria-selected', 'true'); inp.setAttribute('aria-activedescendant', v[at].id); v[at].scrollIntoView({ block: 'nearest' });
    };
    const row = (hit, terms) => make('li', { role: 'none' }, make('a', { id: `r-${++options}`, role: 'option', 'aria-selected': 'false', href: local(hit.url), tabindex: -1 },
      hit.kind === 'page' ? make('span', { class: 'glyph', 'data-state': hit.state, 'aria-hidden': 'true' }) : icon(hit.icon),
      make('span', { class: 'grow' }, ...(hit.ref ? [make('span', { class: 'id' }, hit.ref), ' '] : []), ...marked(hit.title, terms), ' ', make('span', { class: 'dim' }, ...marked(hit.subtitle, terms)))));
    const group = (label, rows, more) => [make('h3', { 'aria-hidden': 'true' }, label), make('ul', { role: 'group', 'aria-label': label }, ...rows,
      ...(more ? [make('li', { role: 'none' }, make('a', { id: `r-${++options}`, role: 'option', 'aria-selected': 'false', href: more, tabindex: -1, class: 'sm' }, icon('arrow-right'), `See all in ${label.toLowerCase()}`))] : []))];
    const show = (found, terms) => {
      options = 0;
      const q = encodeURIComponent(found.query), others = found.groups.filter(g => g.name !== 'commands');
      out.replaceChildren(...(found.best ? group('Best match', [row(found.best, terms)]) : []), ...others.flatMap(g => group(g.label, g.hits.map(h => row(h, terms)), g.more ? `/search?q=${q}&group=${g.name}` : '')));
      const best = found.best && local(found.best.url);
      own.forEach(a => { if (found.best?.kind === 'command' && a.getAttribute('href') === best && $('.ell', a).textContent === found.best.title) a.hidden = true; });
      heading();
      say(vis().length ? '' : `No results for “${inp.value.trim()}”. Try fewer words, or only their first letters.`);
      if (!moved) mark(0); else mark(Math.max(0, vis().findIndex(x => x.getAttribute('aria-selected') === 'true')));
    };
    const heading = () => { $('#pal-c').previousElementSibling.hidden = own.every(a => a.hidden); };
    const ask = async text => {
      search?.abort();
      const mine = search = new AbortController(), timeout = setTimeout(() => mine.abort('late'), 8000);
      slow = setTimeout(() => say('Still searching…'), 1500);
      try {
        const answer = await fetch('/api/v1/search?q=' + encodeURIComponent(text), { signal: mine.signal });
        if (answer.status === 401) { location.reload(); return; }
        if (!answer.ok) throw new Error(answer.status);
        const found = await answer.json();
        if (mine === search) { clearTimeout(slow); show(found, wordsOf(text)); }
      } catch {
        if (mine === search) { clearTimeout(slow); out.replaceChildren(); say('Search isn’t answering. The commands here still work.'); if (!moved) mark(0); }
      }
      clearTimeout(timeout);
      if (mine !== search) return;
      search = null;
    };
    const narrow = () => {
      const text = inp.value.trim(), terms = wordsOf(text);
      clearTimeout(wait); clearTimeout(slow); search?.abort(); search = null; moved = false;
      own.forEach(a => { const known = wordsOf(`${a.textContent} ${a.dataset.words || ''}`); a.hidden = !terms.every(t => known.some(w => w.startsWith(t))); });
      $('footer a', pal).href = text ? '/search?q=' + encodeURIComponent(text) : '/search';
      heading(); say('');
      if (text.length < 2) out.replaceChildren(); else wait = setTimeout(ask, 120, text);
      mark(0);
    };
    const open = e => { e?.preventDefault(); if (pal.open) return; pal.showModal(); inp.value = ''; narrow(); };
    const go = (address, e) => { if (e.metaKey || e.ctrlKey) window.open(address); else location.href = address; };
    inp.addEventListener('input', narrow);
    pal.addEventListener('keydown', e => {
      const step = { ArrowDown: 1, ArrowUp: -1 }[e.key];
      if (step) { e.preventDefault(); moved = true; mark(at + step); }
      if (e.key !== 'Enter' || e.isComposing || e.target !== inp) return;
      e.preventDefault();
      const ref = /^\s*(pg|inc)[\s-]*(\d+)\s*$/i.exec(inp.value), marked = $('[aria-selected=true]', pal);
      go(ref && !moved ? (ref[1].toLowerCase() === 'pg' ? '/pages/PG-' : '/incidents/INC-') + ref[2] : marked ? marked.href : $('footer a', pal).href, e);
    });
    pal.addEventListener('click', e => { if (e.target === pal) pal.close(); });
    pal.addEventListener('close', () => { clearTimeout(wait); search?.abort(); search = null; });
    $$('[data-pal]').forEach(b => { b.addEventListener('click', e => { if (!e.metaKey && !e.ctrlKey) open(e); }); if (!mac) $('kbd', b)?.replaceChildren('Ctrl K'); });
    addEventListener('keydown', e => { if ((e.metaKey || e.ctrlKey) && e.key === 'k') open(e); });
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
        const rows = $$(pane ? '#list a.pg' : 'main .rows a, main .tbl a.t').filter(x => x.offsetParent);
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
      $('#go').classList.toggle('urgent', sev === '0' || sev === '1');
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
  /* The sheet of a phone is part of its page: it opens without a connection. */
  const sheet = $('#sheet');
  document.addEventListener('click', e => {
    if (!sheet || e.target === sheet) { sheet?.close(); return; }
    if (!e.target.closest('[data-sheet]') || e.metaKey || e.ctrlKey || e.shiftKey) return;
    e.preventDefault(); sheet.showModal();
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

  /* Menus close on Escape, on Cancel and on a click outside; the focus goes back to what opened them. */
  const menus = () => $$('details.menu[open]');
  document.addEventListener('click', e => menus().forEach(menu => { if (!menu.contains(e.target)) menu.open = false; }));
  const shut = menu => { const held = menu.contains(document.activeElement); menu.open = false; if (held) $('summary', menu).focus(); };
  document.addEventListener('click', e => { if (e.target.closest('[data-no]')) shut(e.target.closest('details')); });
  addEventListener('keydown', e => { if (e.key === 'Escape') menus().forEach(shut); });

  /* The message of a save is announced by being written again. It goes after 10 s, but not while the pointer or
     the focus rests on it, for as long as the server accepts its undo. */
  function flash() {
    const box = $('#flash'), said = box && $('[role=status]', box);
    if (!box) return;
    const text = said.textContent, born = Date.now(); let left = 10000;
    said.textContent = ''; setTimeout(() => { said.textContent = text; }, 50);
    const clock = setInterval(() => {
      if (!box.matches(':hover, :focus-within')) left -= 250;
      if (left <= 0 || Date.now() - born > 55000) { clearInterval(clock); box.remove(); }
    }, 250);
  }

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
  /* A form that is sent into nothing would leave the browser's own error page in place of what was typed. */
  const reachable = async () => {
    try { return (await fetch('/livez', { cache: 'no-store', signal: AbortSignal.timeout?.(4000) })).status < 500; } catch { return false; }
  };
  document.addEventListener('submit', async e => {
    if (e.target.method !== 'post') return;
    if (e.target.dataset.sent) { e.preventDefault(); return; }
    if (!e.target.dataset.tried && (!connected || !navigator.onLine)) {
      const form = e.target, button = e.submitter;
      e.preventDefault();
      if (await reachable()) { form.dataset.tried = '1'; form.requestSubmit(button); delete form.dataset.tried; }
      else document.dispatchEvent(new Event('unsent'));
      return;
    }
    e.target.dataset.sent = '1'; setTimeout(() => { delete e.target.dataset.sent; }, 4000);
  });
  addEventListener('online', () => { pulse(); soon(); });
  addEventListener('offline', () => pulse());
  pulse();
  /* Without a copy the server is asked until it answers; the address is still that of the page. */
  if ($('[data-unreachable]') && location.pathname !== '/offline') {
    const retry = async () => { if (await reachable()) location.reload(); };
    setInterval(retry, 3000); addEventListener('online', retry);
  }
  /* Secure contexts only: elsewhere pages are not kept. */
  addEventListener('load', () => navigator.serviceWorker?.register('/sw.js', { updateViaCache: 'none' }).catch(() => {}));
  flash();
  window.firebell = { $, $$, root, parse, load, soon, pulse, keysOff: off };
})();
