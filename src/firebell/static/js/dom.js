/* Helpers that several behaviors import. */
export const $ = (selector, parent = document) => parent.querySelector(selector);
export const $$ = (selector, parent = document) => [...parent.querySelectorAll(selector)];
export const root = document.documentElement;
// older browsers wait without a limit
export const limit = time => AbortSignal.timeout?.(time);
export const parse = text => new DOMParser().parseFromString(text, 'text/html');
export const fetchPage = async (address, options) => parse(await (await fetch(address, options)).text());
export const setCurrent = (el, is) => is ? el.setAttribute('aria-current', 'true') : el.removeAttribute('aria-current');
export const opensTab = e => e.metaKey || e.ctrlKey || e.shiftKey;
// the answer to a form can't be loaded again
export const here = () => 'posted' in root.dataset && sessionStorage.here || location.href;
export const tokenOf = page => $('[name=csrf]', page)?.value || '';
export const setToken = (token, page) => token && $$('[name=csrf]', page).forEach(field => field.form?.dataset.held || field.setAttribute('value', token));
