/* Calls of the API for a document, with the token of the page. */
import { $, here, limit, tokenOf } from '../dom.js';
import { load } from '../live.js';

const base = '/api/v1/post-mortems/' + $('[data-desk]')?.dataset.desk;
const send = (method, path, body) => fetch(base + path, {
  method, signal: limit(20000), keepalive: method === 'PUT',
  headers: { 'X-CSRF': tokenOf(document), ...body && { 'Content-Type': 'application/json' } },
  body: body && JSON.stringify(body),
});
export const ask = async (method, path, body) => {
  let answer = await send(method, path, body);
  // signing in again changes the token
  if (answer.status === 403) { await load(here()); answer = await send(method, path, body); }
  const problem = answer.ok ? null : await answer.json().catch(() => ({}));
  return { ok: answer.ok, status: answer.status, problem, data: answer.ok ? await answer.json() : null };
};
export const make = (tag, fields = {}, ...children) => {
  const el = Object.assign(document.createElement(tag), fields);
  el.append(...children);
  return el;
};
