/* The tree of whys as an outline: Enter adds a sibling, Tab and Shift+Tab indent, Alt+arrows move. It edits the text. */
import { $, $$ } from '../dom.js';
import { make } from './request.js';
import { areaOf, open, section } from './sections.js';

const ITEM = /^(\s*)[-*+]\s+(effect|why|root|open):\s*(.*)$/i, KINDS = ['effect', 'why', 'root', 'open'];
const NAMES = { effect: 'Effect', why: 'Why', root: 'Root', open: 'Open' };
const FACTOR = /\s*\(factor:\s*([^()]*)\)/;

/* Lines before the outline, its items and the lines after it. */
export const parse = text => {
  const lines = text.split('\n'), at = lines.flatMap((line, i) => ITEM.test(line) ? [i] : []);
  if (!at.length) return { before: lines, items: [], after: [] };
  const items = [], depths = [];
  for (const line of lines.slice(at[0], at.at(-1) + 1)) {
    const match = ITEM.exec(line);
    if (!match) { if (line.trim() && items.length) items.at(-1).text += ' ' + line.trim(); continue; }
    const indent = match[1].replace(/\t/g, '    ').length;
    while (depths.length && depths.at(-1) >= indent) depths.pop();
    items.push({ depth: depths.length, kind: match[2].toLowerCase(), text: match[3].replace(FACTOR, ''), factor: (FACTOR.exec(match[3]) || [])[1]?.trim() || '' });
    depths.push(indent);
  }
  return { before: lines.slice(0, at[0]), items, after: lines.slice(at.at(-1) + 1) };
};
const line = ({ depth, kind, text, factor }) => {
  const [words, actions] = text.split(/\s*->\s*(?=ACT-)/);
  return `${'  '.repeat(depth)}- ${kind}: ${words.trim()}${factor ? ` (factor: ${factor})` : ''}${actions ? ' -> ' + actions : ''}`;
};
export const write = ({ before, items, after }) => [...before, ...items.map(line), ...after].join('\n');

const start = sec => {
  const area = areaOf(sec), place = $('[data-outline]', sec);
  const tree = parse(area.value);
  if (!tree.items.length) {
    if (tree.before.at(-1)?.trim()) tree.before.push('');
    tree.items.push({ depth: 0, kind: 'effect', text: '', factor: '' });
  }
  const { items } = tree;
  const store = () => { area.value = write(tree); area.dispatchEvent(new Event('input', { bubbles: true })); };
  const end = i => { let j = i + 1; while (j < items.length && items[j].depth > items[i].depth) j++; return j; };
  const draw = focus => {
    const list = make('div', { className: 'ol' });
    items.forEach((item, i) => {
      const kind = make('select', { className: 'input', ariaLabel: 'Kind' }, ...KINDS.map(k => make('option', { value: k, textContent: NAMES[k], selected: k === item.kind })));
      const words = make('input', { className: 'input', value: item.text, ariaLabel: `${NAMES[item.kind]}, level ${item.depth + 1}`, placeholder: item.depth ? 'What made this possible?' : 'What happened?' });
      const row = make('div', {}, kind, words);
      row.style.setProperty('--d', item.depth);
      if (item.kind === 'root') {
        const factor = make('select', { className: 'input', ariaLabel: 'Factor' }, make('option', { value: '', textContent: 'Factor…' }), ...$$('option', $('#factors').content).map(o => o.cloneNode(true)));
        if (item.factor && ![...factor.options].some(o => o.value === item.factor)) factor.append(make('option', { value: item.factor, textContent: item.factor }));
        factor.value = item.factor;
        factor.addEventListener('change', () => { item.factor = factor.value; store(); });
        row.append(factor);
      }
      kind.addEventListener('change', () => { item.kind = kind.value; store(); draw(i); });
      words.addEventListener('input', () => { item.text = words.value; store(); });
      words.addEventListener('focus', () => { place.dataset.at = i; });
      words.addEventListener('keydown', e => key(e, i));
      list.append(row);
    });
    const button = (text, run) => {
      const el = make('button', { type: 'button', className: 'btn quiet', textContent: text });
      el.addEventListener('click', () => run(+place.dataset.at || 0));
      return el;
    };
    place.replaceChildren(list, make('div', { className: 'line' }, button('Ask why again', add), button('Indent', i => indent(i, 1)), button('Move out', i => indent(i, -1)), button('Up', i => move(i, -1)), button('Down', i => move(i, 1)), button('Remove', remove)));
    if (focus != null) $$('.ol > div > input', place)[focus]?.focus();
  };
  const change = (at, run) => { run(); store(); draw(at()); };
  const add = i => {
    const { depth, kind } = items[i], below = kind === 'effect' || depth === 0, at = below ? i + 1 : end(i);
    change(() => at, () => items.splice(at, 0, { depth: below ? depth + 1 : depth, kind: 'why', text: '', factor: '' }));
  };
  const indent = (i, by) => {
    const most = i ? items[i - 1].depth + 1 : 0, to = items[i].depth + by, last = end(i);
    if (to < 0 || to > most) return;
    change(() => i, () => {
      for (let j = i; j < last; j++) items[j].depth += by;
      if (to === 0) items[i].kind = 'effect'; else if (items[i].kind === 'effect') items[i].kind = 'why';
    });
  };
  const move = (i, by) => {
    const last = end(i);
    if (by < 0) {
      let j = i - 1;
      while (j >= 0 && items[j].depth > items[i].depth) j--;
      if (j < 0 || items[j].depth < items[i].depth) return;
      change(() => j, () => items.splice(j, 0, ...items.splice(i, last - i)));
    } else if (last < items.length && items[last].depth === items[i].depth) {
      const next = end(last);
      change(() => i + next - last, () => items.splice(i, 0, ...items.splice(last, next - last)));
    }
  };
  const remove = i => { if (items.length > 1) change(() => Math.max(0, i - 1), () => { for (let j = i + 1, last = end(i); j < last; j++) items[j].depth--; items.splice(i, 1); }); };
  const key = (e, i) => {
    const run = e.key === 'Enter' && !e.ctrlKey && !e.metaKey ? () => add(i)
      : e.key === 'Tab' && !e.altKey ? () => indent(i, e.shiftKey ? -1 : 1)
      : e.altKey && e.key === 'ArrowUp' ? () => move(i, -1)
      : e.altKey && e.key === 'ArrowDown' ? () => move(i, 1)
      : e.key === 'Backspace' && !items[i].text ? () => remove(i) : null;
    // where Tab can't indent, it leaves the outline
    if (run && !(e.key === 'Tab' && (e.shiftKey ? items[i].depth === 0 : !i || items[i].depth > items[i - 1].depth))) { e.preventDefault(); run(); }
  };
  place.hidden = false; area.hidden = true; draw(0);
};
document.addEventListener('click', e => {
  const link = e.target.closest('[data-tree]'), sec = link && section(link.dataset.tree);
  if (!sec) return;
  e.preventDefault(); open(sec); start(sec);
});
