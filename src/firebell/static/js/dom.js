/* Shorthands for the document, shared by every behavior. */
export const $ = (selector, parent = document) => parent.querySelector(selector);
export const $$ = (selector, parent = document) => [...parent.querySelectorAll(selector)];
export const root = document.documentElement;
// older browsers wait without a limit
export const limit = time => AbortSignal.timeout?.(time);
export const parse = text => new DOMParser().parseFromString(text, 'text/html');
