/* The palette filters commands here, so that they work while the server's search is slow or fails. */
import { $, $$ } from './dom.js';
import { leave } from './live.js';

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
  const option = (attributes, ...inside) => make('li', { role: 'none' }, make('a', { id: `r-${++options}`, role: 'option', 'aria-selected': 'false', tabindex: -1, ...attributes }, ...inside));
  const row = (hit, terms) => option({ href: local(hit.url) },
    hit.kind === 'page' ? make('span', { class: 'glyph', 'data-state': hit.state, 'aria-hidden': 'true' }) : icon(hit.icon),
    make('span', { class: 'grow' }, ...(hit.ref ? [make('span', { class: 'id' }, hit.ref), ' '] : []), ...marked(hit.title, terms), ' ', make('span', { class: 'dim' }, ...marked(hit.subtitle, terms))));
  const group = (label, rows, more) => [make('h3', { 'aria-hidden': 'true' }, label), make('ul', { role: 'group', 'aria-label': label }, ...rows,
    ...(more ? [option({ href: more }, icon('arrow-right'), `See all in ${label.toLowerCase()}`)] : []))];
  const show = (results, terms) => {
    options = 0;
    const q = encodeURIComponent(results.query), others = results.groups.filter(g => g.name !== 'commands');
    out.replaceChildren(...(results.best ? group('Best match', [row(results.best, terms)]) : []), ...others.flatMap(g => group(g.label, g.hits.map(h => row(h, terms)), g.more ? `/search?q=${q}&group=${g.name}` : '')));
    const best = results.best && local(results.best.url);
    own.forEach(a => { if (results.best?.kind === 'command' && a.getAttribute('href') === best && $('.ell', a).textContent === results.best.title) a.hidden = true; });
    heading();
    say(vis().length ? '' : `No results for “${inp.value.trim()}”. Try fewer words, or only their first letters.`);
    mark(moved ? Math.max(0, vis().findIndex(x => x.getAttribute('aria-selected') === 'true')) : 0);
  };
  const heading = () => { $('#pal-c').previousElementSibling.hidden = own.every(a => a.hidden); };
  const ask = async text => {
    const mine = search = new AbortController(), timeout = setTimeout(() => mine.abort('late'), 8000);
    slow = setTimeout(() => say('Still searching…'), 1500);
    try {
      const answer = await fetch('/api/v1/search?q=' + encodeURIComponent(text), { signal: mine.signal });
      if (answer.status === 401) { leave(); return; }
      if (!answer.ok) throw new Error(answer.status);
      const results = await answer.json();
      if (mine === search) { clearTimeout(slow); show(results, wordsOf(text)); }
    } catch {
      if (mine === search) { clearTimeout(slow); out.replaceChildren(); say('Search isn’t answering. The commands here still work.'); if (!moved) mark(0); }
    }
    clearTimeout(timeout);
  };
  const stop = () => { clearTimeout(wait); clearTimeout(slow); search?.abort(); search = null; };
  const narrow = () => {
    const text = inp.value.trim(), terms = wordsOf(text);
    stop(); moved = false;
    own.forEach(a => { const known = wordsOf(`${a.textContent} ${a.dataset.words || ''}`); a.hidden = !terms.every(t => known.some(w => w.startsWith(t))); });
    $('footer a', pal).href = text ? '/search?q=' + encodeURIComponent(text) : '/search';
    heading(); say('');
    if (text.length < 2) out.replaceChildren(); else wait = setTimeout(ask, 120, text);
    mark(0);
  };
  const open = e => { e?.preventDefault(); if (pal.open) return; pal.showModal(); inp.value = ''; narrow(); };
  inp.addEventListener('input', narrow);
  pal.addEventListener('keydown', e => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[e.key];
    if (step) { e.preventDefault(); moved = true; mark(at + step); }
    if (e.key !== 'Enter' || e.isComposing || e.target !== inp) return;
    e.preventDefault();
    const ref = /^\s*(pg|inc)[\s-]*(\d+)\s*$/i.exec(inp.value), marked = $('[aria-selected=true]', pal);
    const address = ref && !moved ? (ref[1].toLowerCase() === 'pg' ? '/pages/PG-' : '/incidents/INC-') + ref[2] : (marked || $('footer a', pal)).href;
    if (e.metaKey || e.ctrlKey) window.open(address); else location.href = address;
  });
  pal.addEventListener('click', e => { if (e.target === pal) pal.close(); });
  pal.addEventListener('close', stop);
  $$('[data-pal]').forEach(b => { b.addEventListener('click', e => { if (!e.metaKey && !e.ctrlKey) open(e); }); if (!mac) $('kbd', b)?.replaceChildren('Ctrl K'); });
  addEventListener('keydown', e => { if ((e.metaKey || e.ctrlKey) && e.key === 'k') open(e); });
}
