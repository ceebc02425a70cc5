/* Marks the section being read in the table of contents. */
import { $$, setCurrent } from './dom.js';

const parts = $$('[data-toc] a').map(a => [a, document.getElementById(decodeURIComponent(a.hash.slice(1)))]);
if (parts.length) {
  const follow = () => {
    const at = parts.filter(([, h]) => h && h.getBoundingClientRect().top < 140).pop() || parts[0];
    parts.forEach(([a]) => setCurrent(a, a === at[0]));
  };
  addEventListener('scroll', follow, { passive: true }); follow();
}
