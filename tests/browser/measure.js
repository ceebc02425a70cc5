/* What tests measure in a page: what sticks out, what is covered, what wraps, and what a name says. */
globalThis.measure = (() => {
  const visible = el => el.checkVisibility({ checkVisibilityCSS: true });
  const all = selector => [...document.querySelectorAll(selector)].filter(visible);
  const short = text => text.trim().slice(0, 30);
  const said = el => `${el.nodeName}.${el.className} ${short(el.textContent || el.name || '')}`;
  const lines = node => {
    const range = document.createRange();
    range.selectNodeContents(node);
    return [...range.getClientRects()].filter(r => r.width >= 1 && r.height >= 1);
  };

  /* What the boxes around an element do to its texts: which of them clips, with its edges, whether one scrolls sideways
     or has a shape, and whether one floats. Each element is asked once. */
  const surroundings = () => {
    const known = new Map(), none = { isLeftOut: false, floats: false, edge: undefined, hasEllipsis: false };
    const around = el => {
      if (!el || el === document.body) return none;
      if (known.has(el)) return known.get(el);
      const { overflowX, clipPath, position, textOverflow } = getComputedStyle(el), outer = around(el.parentElement);
      const clip = overflowX === 'visible' ? outer : { edge: el.getBoundingClientRect(), hasEllipsis: textOverflow === 'ellipsis' };
      const own = {
        isLeftOut: outer.isLeftOut || ['auto', 'scroll'].includes(overflowX) || clipPath !== 'none',
        floats: outer.floats || ['fixed', 'sticky', 'absolute'].includes(position),
        edge: clip.edge, hasEllipsis: clip.hasEllipsis,
      };
      known.set(el, own);
      return own;
    };
    return around;
  };

  /* Each visible line of text, as wide as it is shown; what scrolls sideways by itself is left out. */
  const texts = () => {
    const found = [], around = surroundings(), walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const unread = 'script, datalist, option, .vh, .skip, dialog:not([open]), .agenda, .rota';
    for (let node; (node = walker.nextNode());) {
      const el = node.parentElement;
      if (!node.data.trim() || el.closest(unread) || !visible(el)) continue;
      const { isLeftOut, floats, edge, hasEllipsis } = around(el);
      if (isLeftOut) continue;
      for (const { left, right, top, bottom } of lines(node)) {
        const line = { el, text: short(node.data), floats, left, right, top, bottom, cut: false };
        if (hasEllipsis) Object.assign(line, { left: Math.max(left, edge.left), right: Math.min(right, edge.right) });
        else if (edge) line.cut = right > edge.right + 1 || left < edge.left - 1;
        found.push(line);
      }
    }
    return found;
  };

  /* Texts that end outside of the window, are cut without an ellipsis, or lie under another text. */
  const misplaced = () => {
    const width = document.documentElement.clientWidth, out = [];
    const found = texts().sort((a, b) => a.top - b.top), still = found.filter(line => !line.floats);
    if (document.documentElement.scrollWidth > width) out.push(`the page is ${document.documentElement.scrollWidth} wide`);
    for (const line of found) {
      if (line.cut) out.push(`cut: ${said(line.el)}`);
      if (line.right > width + 1 || line.left < -1) out.push(`outside: ${said(line.el)}`);
    }
    still.forEach((a, i) => {
      for (let j = i + 1; j < still.length; j++) {
        const b = still[j];
        if (b.top >= a.bottom - 4) break;
        const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left), high = Math.min(a.bottom, b.bottom) - b.top;
        if (wide > 2 && high > 4 && !a.el.contains(b.el) && !b.el.contains(a.el)) out.push(`${said(a.el)} is under ${said(b.el)}`);
      }
    });
    return [...new Set(out)].slice(0, 8);
  };

  /* Words of at most 14 letters that are broken in the middle. */
  const brokenWords = () => {
    const out = [], walker = document.createTreeWalker(document.querySelector('main'), NodeFilter.SHOW_TEXT);
    const rows = range => new Set([...range.getClientRects()].filter(r => r.width >= 1).map(r => Math.round(r.top))).size;
    for (let node; (node = walker.nextNode());) {
      if (/:\/\/|@/.test(node.data) || !visible(node.parentElement) || node.parentElement.closest('code, pre, .id, textarea, option, .vh, .agenda, .rota')) continue;
      const range = document.createRange();
      range.selectNodeContents(node);
      // a text of one row breaks no word
      if (rows(range) < 2) continue;
      for (const { 0: word, index } of node.data.matchAll(/[\p{L}\p{N}]{2,14}/gu)) {
        range.setStart(node, index); range.setEnd(node, index + word.length);
        if (rows(range) > 1) out.push(`${word} in ${said(node.parentElement)}`);
      }
    }
    return out;
  };

  /* Titles of rows that take more than two lines although less than half of the window's width is theirs. */
  const squeezed = () => all('main .rows .t').filter(el => {
    const box = el.getBoundingClientRect();
    return el.getClientRects().length && box.width < innerWidth / 2 && new Set(lines(el).map(r => Math.round(r.top))).size > 2;
  }).map(said);

  /* Present tabs that are not in sight. */
  const hiddenTabs = () => all('.tabs [aria-current]').filter(el => el.getBoundingClientRect().right > innerWidth + 1).map(said);

  /* Times whose text takes more than one line. */
  const wrappedTimes = () => all('time').filter(el => !el.closest('.agenda'))
    .filter(el => new Set(lines(el).map(r => Math.round(r.top))).size > 1).map(said);

  /* The share of the window's height that no fixed or sticky bar lies over. */
  const uncovered = () => {
    const bars = all('body *')
      .filter(el => ['fixed', 'sticky'].includes(getComputedStyle(el).position) && !el.closest('.side'))
      .map(el => el.getBoundingClientRect()).filter(r => r.width > innerWidth / 2);
    const free = [...Array(innerHeight).keys()].filter(y => !bars.some(r => r.top <= y && r.bottom > y));
    return free.length / innerHeight;
  };

  /* What covers the focused element: null at the end of the page, empty when nothing does. */
  const coveredFocus = () => {
    const el = document.activeElement;
    if (!el || el === document.body) return null;
    const target = el.matches('.kinds input, .pick input') ? el.nextElementSibling : el;
    const r = target.getBoundingClientRect(), inside = (n, limit) => Math.min(Math.max(n, 0), limit - 1);
    if (r.bottom <= 0 || r.top >= innerHeight) return `${said(el)} is out of sight`;
    const middle = (Math.max(r.top, 0) + Math.min(r.bottom, innerHeight)) / 2;
    const top = document.elementFromPoint(inside(r.left + r.width / 2, innerWidth), inside(middle, innerHeight));
    const shown = top && (target.contains(top) || top.contains(target) || top.closest('label')?.contains(el));
    return shown ? '' : `${said(el)} is under ${top && said(top)}`;
  };

  /* Whether the focused element shows that it has the focus. */
  const focusShown = () => {
    const el = document.activeElement;
    const marked = el.matches('.kinds input, .pick input') ? el.nextElementSibling : el.closest('.composer, .pal') || el;
    const style = getComputedStyle(marked);
    return style.outlineStyle !== 'none' || marked !== el ? '' : said(el);
  };

  /* Controls that are smaller than `least` pixels, except links within a sentence, and bars of a chart, whose links are also in
     the table below it. */
  const smallTargets = least => all('a[href], button, summary, input:not([type=hidden]), select, textarea').filter(el => {
    if (el.closest('.vh, .skip, .agenda, .md, .rota, .hist') || el.matches('.kinds input, .pick input')) return false;
    const label = el.matches('[type=checkbox], [type=radio]') && el.closest('label');
    const r = (label || el).getBoundingClientRect();
    const sentence = getComputedStyle(el).display === 'inline'
      && [...el.parentElement.childNodes].some(n => n.nodeType === 3 && n.data.trim().length > 1);
    return r.width > 0 && !sentence && (r.height < least - .5 || r.width < least - .5);
  }).map(el => `${said(el)} ${Math.round(el.getBoundingClientRect().width)}x${Math.round(el.getBoundingClientRect().height)}`);

  /* What a screen reader would say wrongly: images, keys, groups, headings and buttons of one name. */
  const names = () => {
    const out = [];
    if (document.querySelectorAll('h1').length !== 1) out.push('not one h1');
    for (const el of all('[role=img]')) if (!/^[\p{Lu}\d]/u.test(el.getAttribute('aria-label') || '')) out.push(`image named ${el.getAttribute('aria-label')}`);
    for (const { parentElement: control, ariaHidden } of all('button kbd, a kbd, summary kbd')) {
      if (ariaHidden !== 'true') out.push(`a key in the name: ${said(control)}`);
      if (!control.hasAttribute('aria-keyshortcuts')) out.push(`no aria-keyshortcuts: ${said(control)}`);
    }
    for (const el of all('aside, [role=group], [role=region], fieldset, nav')) {
      if (!el.ariaLabel && !el.hasAttribute('aria-labelledby') && !el.querySelector(':scope > legend')) out.push(`no name: ${said(el)}`);
    }
    const buttons = all('#now form button, #rest form button').map(button => button.textContent.trim());
    const shared = buttons.filter((name, i) => buttons.indexOf(name) !== i);
    if (shared.length) out.push(`buttons of one name: ${shared}`);
    return out;
  };

  return { misplaced, wrappedTimes, brokenWords, squeezed, hiddenTabs, uncovered, coveredFocus, focusShown, smallTargets, names };
})();
