/* Makes an element equal to a fresh one in place: focus, typed text and open details survive. Rows are matched by their
   links, so that no button becomes that of another row. */
import { $, $$, root } from './dom.js';

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
export const inUse = form => form.contains(document.activeElement) && document.activeElement.matches('input,textarea,select')
  || $$('textarea,select,input:not([type=hidden])', form).some(dirty)
  // a refused form is shown as if it were saved
  || 'posted' in root.dataset && form.getAttribute('action') === location.pathname;
export const morph = (a, b) => {
  if (a.isEqualNode(b)) return;
  if (a.nodeType !== 1) { a.data = b.data; return; }
  if (a.nodeName === 'FORM' && (a.dataset.held || inUse(a))) return;
  for (const { name } of [...a.attributes]) if (!b.hasAttribute(name) && !(a.nodeName === 'DETAILS' && name === 'open')) a.removeAttribute(name);
  for (const { name, value } of [...b.attributes]) if (a.getAttribute(name) !== value && !(a.nodeName === 'DETAILS' && name === 'open')) a.setAttribute(name, value);
  let at = a.firstChild;
  for (const want of [...b.childNodes]) {
    let match = at;
    if (!match || !alike(match, want)) {
      const k = key(want);
      match = k ? [...a.childNodes].find(n => n.nodeType === 1 && n.nodeName === want.nodeName && key(n) === k) : null;
      if (match && (!at || match.compareDocumentPosition(at) & Node.DOCUMENT_POSITION_FOLLOWING)) match = null;
      a.insertBefore(match || document.importNode(want, true), at);
    }
    if (match) { morph(match, want); if (match === at) at = at.nextSibling; }
  }
  while (at) { const next = at.nextSibling; at.remove(); at = next; }
};
