/* Contents: the part that is being read is the current one. */
import { $$ } from './dom.js';

const parts = $$('[data-toc] a').map(a => [a, document.getElementById(decodeURIComponent(a.hash.slice(1)))]);
if (parts.length) {
  const follow = () => {
    const at = parts.filter(([, h]) => h && h.getBoundingClientRect().top < 140).pop() || parts[0];
    parts.forEach(([a]) => a === at[0] ? a.setAttribute('aria-current', 'true') : a.removeAttribute('aria-current'));
  };
  addEventListener('scroll', follow, { passive: true }); follow();
}
