/* What axe finds wrong in a page. Of texts that look alike on backdrops that look alike, few are judged for contrast:
   that rule takes most of the time of all of them. A look counts as known once axe has passed a text of it. */
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

  const judge = async (options, texts) => {
    texts.forEach(el => el.setAttribute('data-judged', ''));
    axe.configure({ rules: [{ id: 'color-contrast', selector: '[data-judged]' }] });
    const { violations, passes } = await axe.run(document, { ...options, elementRef: true, selectors: false, resultTypes: ['violations', 'passes'] });
    texts.forEach(el => el.removeAttribute('data-judged'));
    const passed = passes.find(rule => rule.id === 'color-contrast')?.nodes.map(node => node.element) || [];
    return { isSound: !violations.length, passed: new Set(passed) };
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

  /* Violations in the page, and the looks that are known from now on; without `layout`, only rules about colors run. */
  const inspect = async (options, layout, known) => {
    const unknown = unknownTexts(new Set(known)), texts = [...unknown.values()];
    const first = texts.flatMap(each => each.slice(0, AT_ONCE));
    let { isSound, passed } = await judge(layout ? options : onlyColors(options), first);
    const rest = texts.filter(each => !each.some(el => passed.has(el))).flatMap(each => each.slice(AT_ONCE));
    if (isSound && rest.length) {
      const more = await judge(onlyColors(options), rest);
      isSound = more.isSound;
      passed = passed.union(more.passed);
    }
    axe.configure({ rules: [{ id: 'color-contrast', selector: '*' }] });
    const violations = isSound ? [] : await violationsOf(options);
    return {
      violations,
      isSound: !violations.length,
      known: [...unknown].filter(([, each]) => each.some(el => passed.has(el))).map(([name]) => name),
    };
  };
  return { inspect };
})();
