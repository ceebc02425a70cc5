/* What axe finds wrong in a page. Of texts that look alike on backdrops that look alike, few are judged for contrast:
   that rule takes most of the time of all of them. A look counts as known once axe has passed a text of it, or could
   not judge one because of a gradient behind it, which is part of the look. */
globalThis.audit = (() => {
  const COLORS = ['color-contrast', 'link-in-text-block'];
  const AT_ONCE = 3;
  const CONTROLS = 'input:not([type=hidden]), select, textarea';
  const isOutOfFlow = position => ['absolute', 'fixed', 'sticky'].includes(position);
  const isOpaque = color => !/\/|^rgba|^transparent/.test(color);

  /* How a text looks: all that decides about its contrast. */
  const looks = () => {
    const backdrops = new Map(), opacities = new Map();
    const opacity = el => {
      if (!el) return '';
      if (!opacities.has(el)) {
        const style = getComputedStyle(el);
        opacities.set(el, opacity(el.parentElement) + (style.opacity === '1' ? '' : `/${style.opacity}`) + (style.filter === 'none' ? '' : style.filter));
      }
      return opacities.get(el);
    };
    const backdrop = el => {
      if (!el) return '';
      if (!backdrops.has(el)) {
        const { backgroundColor, backgroundImage, mixBlendMode, position } = getComputedStyle(el);
        const isPlain = backgroundImage === 'none' && mixBlendMode === 'normal';
        let own = isPlain && /, 0\)$|\/ 0\)$/.test(backgroundColor) ? '' : [backgroundColor, backgroundImage, mixBlendMode].join();
        if (!isPlain || !isOpaque(backgroundColor)) own += (isOutOfFlow(position) ? el.className : '') + backdrop(el.parentElement);
        backdrops.set(el, own);
      }
      return backdrops.get(el);
    };
    return el => {
      const style = getComputedStyle(el), text = el.matches(CONTROLS) ? el.value || el.placeholder : ownText(el);
      const isDisabled = Boolean(el.closest(':disabled, [aria-disabled]') || el.closest('label')?.control?.disabled);
      return [
        el.nodeName, isDisabled, /[\p{L}\p{N}].*[\p{L}\p{N}]/su.test(text),
        style.color, style.fontSize, style.fontWeight, style.textShadow, backdrop(el), opacity(el),
      ].join('|');
    };
  };

  const ownText = el => [...el.childNodes].filter(node => node.nodeType === 3).map(node => node.data).join(' ').trim();

  /* The visible texts whose looks are not known, by look. */
  const unknownTexts = known => {
    const unknown = new Map(), look = looks();
    for (const el of document.querySelectorAll('body *')) {
      if (!el.matches(CONTROLS) && !ownText(el) || !el.checkVisibility({ checkVisibilityCSS: true })) continue;
      const name = look(el);
      if (!known.has(name)) unknown.set(name, unknown.get(name) || []).get(name).push(el);
    }
    return unknown;
  };

  const CANNOT_JUDGE = 'bgGradient';

  /* Whether the texts break no rule, and those of them whose contrast is settled. */
  const judge = async (options, texts) => {
    texts.forEach(el => el.setAttribute('data-judged', ''));
    axe.configure({ rules: [{ id: 'color-contrast', selector: '[data-judged]' }] });
    const { violations, passes, incomplete } = await axe.run(document, {
      ...options, elementRef: true, selectors: false, resultTypes: ['violations', 'passes', 'incomplete'],
    });
    texts.forEach(el => el.removeAttribute('data-judged'));
    const contrasts = rules => rules.find(rule => rule.id === 'color-contrast')?.nodes || [];
    const unjudged = contrasts(incomplete).filter(node => node.any[0]?.data?.messageKey === CANNOT_JUDGE);
    const settled = [...contrasts(passes), ...unjudged].map(node => node.element);
    return { isSound: !violations.length, settled: new Set(settled) };
  };

  const onlyColors = options => ({ ...options, runOnly: { type: 'rule', values: COLORS }, rules: {} });

  /* Whether a target is too small where it is after it is scrolled to: a bar at the edge of the screen hides what is
     behind it until then. */
  const isTooSmall = async target => {
    document.querySelector(target).scrollIntoView({ block: 'center' });
    const { violations } = await axe.run(document, { runOnly: { type: 'rule', values: ['target-size'] } });
    return violations.some(rule => rule.nodes.some(node => node.target[0] === target));
  };

  const violationsOf = async options => {
    const { violations } = await axe.run(document, options), { scrollX, scrollY } = globalThis;
    for (const rule of violations.filter(({ id }) => id === 'target-size')) {
      const small = [];
      for (const node of rule.nodes) if (await isTooSmall(node.target[0])) small.push(node);
      rule.nodes = small;
    }
    scrollTo(scrollX, scrollY);
    return violations.filter(({ nodes }) => nodes.length);
  };

  /* Violations in the page, and by name the looks that are settled from now on and those that a text of this page left
     open; without `layout`, only rules about colors run. Of a look that was open before, all texts are judged at once:
     each run of axe reads the whole page. */
  const inspect = async (options, layout, known) => {
    const unknown = unknownTexts(new Set(known.settled)), open = new Set(known.open);
    const atOnce = name => open.has(name) ? Infinity : AT_ONCE;
    const first = [...unknown].flatMap(([name, texts]) => texts.slice(0, atOnce(name)));
    let { isSound, settled } = await judge(layout ? options : onlyColors(options), first);
    const isOpen = ([, texts]) => !texts.some(el => settled.has(el));
    const rest = [...unknown].filter(isOpen).flatMap(([name, texts]) => texts.slice(atOnce(name)));
    if (isSound && rest.length) {
      const more = await judge(onlyColors(options), rest);
      isSound = more.isSound;
      settled = settled.union(more.settled);
    }
    axe.configure({ rules: [{ id: 'color-contrast', selector: '*' }] });
    const violations = isSound ? [] : await violationsOf(options);
    const names = looks => looks.map(([name]) => name);
    return {
      violations,
      isSound: !violations.length,
      settled: names([...unknown].filter(look => !isOpen(look))),
      open: names([...unknown].filter(isOpen)),
    };
  };
  return { inspect };
})();
