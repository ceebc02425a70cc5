/* Calls of the API for a document, with the token of the page. */
import { $, limit, tokenOf } from '../dom.js';

const base = '/api/v1/post-mortems/' + $('[data-desk]')?.dataset.desk;
export const ask = async (method, path, body) => {
  const answer = await fetch(base + path, {
    method, signal: limit(20000), keepalive: method === 'PUT',
    headers: { 'X-CSRF': tokenOf(document), ...body && { 'Content-Type': 'application/json' } },
    body: body && JSON.stringify(body),
  });
  const problem = answer.ok ? null : await answer.json().catch(() => ({}));
  return { ok: answer.ok, status: answer.status, problem, data: answer.ok ? await answer.json() : null };
};
export const make = (tag, fields = {}, ...children) => {
  const el = Object.assign(document.createElement(tag), fields);
  el.append(...children);
  return el;
};
