/* Shorthands for the document, shared by every behavior. */
export const $ = (selector, parent = document) => parent.querySelector(selector);
export const $$ = (selector, parent = document) => [...parent.querySelectorAll(selector)];
export const root = document.documentElement;
export const parse = text => new DOMParser().parseFromString(text, 'text/html');
