"""What is measured in a page: what sticks out, what is covered, what wraps, and what a name says."""

MISPLACED = """
() => {
  const width = document.documentElement.clientWidth, out = [], boxes = [];
  const scrolls = s => ['auto', 'scroll'].includes(s.overflowX);
  if (document.documentElement.scrollWidth > width) out.push(`the page is ${document.documentElement.scrollWidth} wide`);
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node; (node = walker.nextNode());) {
    const el = node.parentElement, text = node.data.trim();
    if (!text || el.closest('script, datalist, option, .vh, .skip, [hidden], dialog:not([open]), .agenda, .rota')) continue;
    if (!el.checkVisibility({ checkVisibilityCSS: true })) continue;
    const range = document.createRange(); range.selectNodeContents(node);
    let clip = null, free = false, floats = false;
    for (let up = el; up && up !== document.body; up = up.parentElement) {
      const style = getComputedStyle(up);
      if (['fixed', 'sticky', 'absolute'].includes(style.position)) floats = true;
      if (style.clipPath !== 'none') free = true;
      if (scrolls(style)) { free = true; continue; }
      if (style.overflowX !== 'visible' && !clip) clip = { box: up.getBoundingClientRect(), style };
    }
    if (free) continue;
    for (const r of range.getClientRects()) {
      if (r.width < 1 || r.height < 1) continue;
      let [left, right] = [r.left, r.right];
      if (clip && clip.style.textOverflow === 'ellipsis') [left, right] = [Math.max(left, clip.box.left), Math.min(right, clip.box.right)];
      else if (clip && (right > clip.box.right + 1 || left < clip.box.left - 1)) out.push(`cut: ${text.slice(0, 30)} in ${clip.style.display} .${el.className}`);
      if (right > width + 1 || left < -1) out.push(`outside by ${Math.round(Math.max(right - width, -left))}: ${text.slice(0, 30)} in ${el.nodeName}.${el.className}`);
      if (!floats && right > left) boxes.push({ el, text, left, right, top: r.top, bottom: r.bottom });
    }
  }
  boxes.sort((a, b) => a.top - b.top);
  boxes.forEach((a, i) => {
    for (let j = i + 1; j < boxes.length && boxes[j].top < a.bottom - 3; j++) {
      const b = boxes[j];
      if (a.el === b.el || a.el.contains(b.el) || b.el.contains(a.el)) continue;
      const x = Math.min(a.right, b.right) - Math.max(a.left, b.left), y = Math.min(a.bottom, b.bottom) - b.top;
      if (x > 2 && y > 4) out.push(`${a.text.slice(0, 20)} (${a.el.nodeName}.${a.el.className}) is under ${b.text.slice(0, 20)} (${b.el.nodeName}.${b.el.className})`);
    }
  });
  return [...new Set(out)].slice(0, 8);
}
"""
"""Texts that end outside of the window, are cut without an ellipsis, or lie under another text."""

UNCOVERED = """
() => {
  const bars = [...document.querySelectorAll('body *')].filter(el => {
    const style = getComputedStyle(el);
    return ['fixed', 'sticky'].includes(style.position) && el.checkVisibility({ checkVisibilityCSS: true }) && !el.closest('.side');
  }).map(el => el.getBoundingClientRect()).filter(r => r.width > innerWidth / 2 && r.top < innerHeight && r.bottom > 0);
  let free = 0;
  for (let y = 0; y < innerHeight; y++) if (!bars.some(r => r.top <= y && r.bottom > y)) free++;
  return free / innerHeight;
}
"""
"""The share of the window's height that no fixed or sticky bar lies over."""

COVERED_FOCUS = """
() => {
  const el = document.activeElement;
  if (!el || el === document.body) return null;
  const target = el.matches('.kinds input, .pick input') ? el.nextElementSibling : el, r = target.getBoundingClientRect();
  const x = Math.min(Math.max(r.left + r.width / 2, 0), innerWidth - 1), y = r.top + r.height / 2;
  const name = `${el.nodeName}.${el.className} ${(el.textContent || el.name || '').trim().slice(0, 30)}`;
  if (r.bottom <= 0 || r.top >= innerHeight) return `${name} is out of sight`;
  const at = document.elementFromPoint(x, Math.min(Math.max(y, 0), innerHeight - 1));
  return !at || target.contains(at) || at.contains(target) || at.closest('label')?.contains(el) ? '' : `${name} is under ${at.nodeName}.${at.className}`;
}
"""
"""What covers the focused element: null at the end of the page, empty when nothing does."""

WRAPPED_TIMES = """
() => [...document.querySelectorAll('time')].filter(el => el.checkVisibility() && !el.closest('.agenda, .vh')).filter(el => {
  const range = document.createRange(); range.selectNodeContents(el);
  return new Set([...range.getClientRects()].filter(r => r.width > 1).map(r => Math.round(r.top))).size > 1;
}).map(el => el.textContent)
"""
"""Times whose text takes more than one line."""

SMALL_TARGETS = """
least => [...document.querySelectorAll('a[href], button, summary, input:not([type=hidden]), select, textarea')].filter(el => {
  if (!el.checkVisibility({ checkVisibilityCSS: true }) || el.closest('.vh, .skip, .agenda, .md, .rota') || el.matches('.vh, .skip, .kinds input, .pick input')) return false;
  const label = el.matches('[type=checkbox], [type=radio]') && el.closest('label');
  const r = (label || el).getBoundingClientRect();
  // a link in the middle of a sentence is as high as its line
  const inline = getComputedStyle(el).display === 'inline' && [...el.parentElement.childNodes].some(n => n.nodeType === 3 && n.data.trim().length > 1);
  return r.width > 0 && !inline && (r.height < least - .5 || r.width < least - .5);
}).map(el => { const r = el.getBoundingClientRect(); return `${el.nodeName}.${el.className} ${el.textContent.trim().slice(0, 30)} ${Math.round(r.width)}x${Math.round(r.height)}`; })
"""
"""Controls that are smaller than `least` pixels, except links within a sentence."""

NAMES = """
() => {
  const visible = el => el.checkVisibility({ checkVisibilityCSS: true }), all = s => [...document.querySelectorAll(s)].filter(visible), out = [];
  if (document.querySelectorAll('h1').length !== 1) out.push('not one h1');
  const raw = ['acked', 'late', 'ok', 'warn', 'idle', 'firing', 'resolved', 'snoozed', 'done', 'outage', 'error', 'warning', 'gap'];
  all('[role=img]').forEach(el => { const name = el.getAttribute('aria-label') || ''; if (!name || raw.includes(name)) out.push(`image named ${name}`); });
  all('button kbd, a kbd, summary kbd').forEach(el => {
    if (el.getAttribute('aria-hidden') !== 'true') out.push(`key in the name: ${el.parentElement.textContent.trim()}`);
    if (!el.parentElement.hasAttribute('aria-keyshortcuts')) out.push(`no aria-keyshortcuts: ${el.parentElement.textContent.trim()}`);
  });
  all('aside, [role=group], fieldset, main nav').forEach(el => {
    if (!el.getAttribute('aria-label') && !el.getAttribute('aria-labelledby') && !el.querySelector(':scope > legend')) out.push(`no name: ${el.nodeName}.${el.className}`);
  });
  const takes = all('#rest form button, #now form button').map(b => b.textContent.trim()), twice = takes.filter((t, i) => takes.indexOf(t) !== i);
  if (twice.length) out.push(`buttons with one name: ${twice}`);
  return out;
}
"""
"""What a screen reader would say wrongly: names, groups and headings."""
