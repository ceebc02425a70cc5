/* Shows the last copy of a page while the server can't be reached. Pages are stored only if the server marks them with
   the id of the signed-in person, and for that person alone. The server writes RELEASE before this text. */
const ASSETS = 'assets-' + RELEASE.version, PAGES = 'pages', OWNER = '/owner', PERSON = 'Firebell-Offline';
const COPY_AFTER = 4000, GIVE_UP_AFTER = 20000, KEPT_FOR = 24 * 3600000, MOST_PAGES = 60;

addEventListener('install', event => event.waitUntil((async () => {
  const cache = await caches.open(ASSETS);
  await cache.addAll(RELEASE.assets.map(address => new Request(address, { cache: 'no-cache' })));
  await skipWaiting();
})()));

addEventListener('activate', event => event.waitUntil((async () => {
  for (const name of await caches.keys()) if (name.startsWith('assets-') && name !== ASSETS) await caches.delete(name);
  await registration.navigationPreload?.enable();
  await clients.claim();
})()));

const pages = () => caches.open(PAGES);

/* Selections of the inbox share one copy, as do a page and its short link. */
const addressOf = text => {
  const url = new URL(text), short = /^\/p\/(?:PG-)?(\d+)$/i.exec(url.pathname);
  url.searchParams.delete('show');
  return short ? new URL('/pages/PG-' + short[1], url).href : url.origin + url.pathname + url.search;
};

/* Responses to requests from before the copies were deleted are not stored. */
let generation = 0;
const forget = () => { generation += 1; return caches.delete(PAGES); };

const keep = async (request, answer, asked) => {
  const address = addressOf(answer.url || request.url), person = answer.headers.get(PERSON);
  if (new URL(address).pathname === '/login' && answer.ok) { await forget(); return; }
  if ([401, 403, 404, 410].includes(answer.status)) { await (await pages()).delete(addressOf(request.url)); return; }
  if (answer.status !== 200 || !person) return;
  const body = await answer.text(), headers = new Headers(answer.headers);
  let cache = await pages();
  const owner = await cache.match(OWNER);
  if (owner && await owner.text() !== person) { await forget(); asked = generation; cache = await pages(); }
  if (asked !== generation) return;
  for (const name of ['Content-Encoding', 'Content-Length']) headers.delete(name);
  headers.set('Kept-At', Date.now());
  await cache.put(OWNER, new Response(person));
  await cache.put(address, new Response(body, { headers }));
  const rest = (await cache.keys()).filter(kept => new URL(kept.url).pathname !== OWNER);
  for (const old of rest.slice(0, -MOST_PAGES)) await cache.delete(old);
};

/* Downloads are not held in memory. */
const copied = answer => answer.headers.has(PERSON) ? answer.clone() : answer;

/* Pages of an older release get the files of this one. */
const present = text => text.replace(/\/static\/[0-9a-f]{10}\//g, `/static/${RELEASE.files}/`);

/* The clock of a copy goes on, so that its countdowns are right. */
const copyOf = async request => {
  const copy = await (await pages()).match(addressOf(request.url));
  const at = copy && +copy.headers.get('Kept-At');
  if (!at || Date.now() - at > KEPT_FOR) return null;
  const html = present(await copy.text())
    .replace(/data-now="([\d.]+)"/, (_, now) => `data-now="${+now + (Date.now() - at) / 1000}" data-kept="${at}"`);
  return new Response(html, { headers: copy.headers });
};
const offlinePage = async () => {
  const page = await caches.match('/offline', { cacheName: ASSETS });
  return page ? new Response(await page.text(), { status: 503, headers: page.headers }) : Response.error();
};

/* The open pages and who is on call are copied once an hour, also if they are not visited. */
const WANTED = ['/pages', '/oncall'], AGAIN_AFTER = 3600000;
const copyWanted = async () => {
  for (const path of WANTED) {
    const copy = await (await pages()).match(location.origin + path);
    if (copy && Date.now() - copy.headers.get('Kept-At') < AGAIN_AFTER) continue;
    const request = new Request(path, { headers: { 'X-Live': '1' } }), asked = generation, answer = await fetch(request);
    if (!answer.redirected && !isDown(answer)) await keep(request, answer, asked);
  }
};

const isDown = answer => [502, 503, 504].includes(answer.status) && !answer.headers.has('X-Firebell-Page');
const pause = time => new Promise(done => setTimeout(done, time));

const navigate = async event => {
  const { request } = event, asked = generation;
  const network = (async () => await event.preloadResponse || fetch(request))();
  const settled = network.then(answer => isDown(answer) ? null : answer, () => null);
  event.waitUntil(settled.then(async answer => {
    if (!answer) return;
    await keep(request, copied(answer), asked);
    if (answer.headers.has(PERSON)) await copyWanted();
  }).catch(() => {}));
  const first = await Promise.race([settled, pause(COPY_AFTER)]);
  if (first) return first;
  return await copyOf(request) || await Promise.race([settled, pause(GIVE_UP_AFTER)]) || offlinePage();
};

const live = async event => {
  const asked = generation, answer = await fetch(event.request);
  if (!isDown(answer)) event.waitUntil(keep(event.request, copied(answer), asked).catch(() => {}));
  return answer;
};

const asset = async request => {
  const kept = address => caches.match(address, { cacheName: ASSETS }), hit = await kept(request.url);
  if (hit) return hit;
  try {
    const answer = await fetch(request);
    if (!isDown(answer)) return answer;
  } catch { /* an older page names older files */ }
  return await kept(present(request.url)) || Response.error();
};

addEventListener('fetch', event => {
  const { request } = event, url = new URL(request.url);
  if (request.method !== 'GET' || url.origin !== location.origin) return;
  if (request.mode === 'navigate') event.respondWith(navigate(event));
  else if (request.headers.has('X-Live')) event.respondWith(live(event));
  else if (url.pathname.startsWith('/static/')) event.respondWith(asset(request));
});

/* Every message that the server pushes is shown; one about the same page replaces the one before, and rings again. */
const show = (title, message, more = {}) => {
  const { body = '', tag, urgent, at, actions = [] } = message, icon = `/static/${RELEASE.files}/icons/icon-192.png`;
  return registration.showNotification(title, {
    body, tag, icon, badge: icon, timestamp: at, renotify: true, requireInteraction: urgent, data: { ...message, title },
    actions: actions.slice(0, 2).map((action, i) => ({ action: String(i), title: action.label })), ...more,
  });
};
const received = data => {
  try { return data.json(); } catch { return { title: 'Firebell has a message for you', tag: 'message', url: '/pages' }; }
};
/* The page on it was answered elsewhere. A browser wants to see something for each push: what is new to it is closed. */
const replace = async message => {
  const shown = () => registration.getNotifications({ tag: message.tag }), before = await shown();
  /* It was on its way while the page was opened again. */
  if (before.some(each => each.data?.at > message.at)) return;
  await show(message.title, message, { renotify: false, silent: true });
  if (!before.length) for (const each of await shown()) each.close();
};
const reportSeen = token => fetch('/in/channel/web_push/device/seen', { method: 'POST', body: token }).catch(() => {});
/* Until a page is opened, which knows better, the badge counts the notifications. */
const badge = async () => navigator.setAppBadge?.((await registration.getNotifications()).length).catch(() => {});
addEventListener('push', event => {
  const message = received(event.data), seen = message.seen && reportSeen(message.seen);
  const shown = message.quiet ? replace(message) : show(message.title, message);
  event.waitUntil(Promise.all([seen, shown.then(badge)]));
});

const own = address => { const url = new URL(address, location); return location.origin + url.pathname + url.search; };
const openWindow = async address => {
  const shown = (await clients.matchAll({ type: 'window' })).find(each => each.url === address);
  return shown ? shown.focus() : clients.openWindow(address);
};
const answer = async (message, { label, url }) => {
  for (const wait of [0, 1000, 2000, 4000, 8000]) {
    await pause(wait);
    try {
      const result = await fetch(own(url), { method: 'POST', headers: { Accept: 'text/plain' } });
      if (result.ok) {
        const done = { ...message, body: await result.text(), urgent: false, actions: [] };
        return await show(message.title, done, { renotify: false, silent: true });
      }
      if (!isDown(result)) break;
    } catch { /* offline */ }
  }
  return show(message.title, { ...message, body: `Couldn’t ${label.toLowerCase()}. Open Firebell.`, urgent: true });
};
addEventListener('notificationclick', event => {
  const message = event.notification.data, action = message.actions?.[+event.action];
  event.notification.close();
  event.waitUntil((event.action && action ? answer(message, action) : openWindow(own(message.url || '/pages'))).then(badge));
});
