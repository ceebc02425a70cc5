/* Lets this device get pages by push. In the inbox too, it tells the server when the browser changed the subscription. */
import { $, root, tokenOf } from './dom.js';

const STORED = 'push';
const base64 = key => btoa(String.fromCharCode(...new Uint8Array(key))).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
const addressOf = one => `${one.endpoint}#auth=${base64(one.getKey('auth'))}&p256dh=${base64(one.getKey('p256dh'))}`;
const bytes = text => Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), letter => letter.charCodeAt(0));
const device = () => {
  const known = ['iPhone', 'iPad', 'Android', 'Windows', 'Mac', 'Linux'].find(name => navigator.userAgent.includes(name));
  return known === 'Android' ? 'Android device' : known || '';
};

const box = $('#push-here');
if (box) {
  const supported = 'PushManager' in window && 'Notification' in window && navigator.serviceWorker;
  const form = $('form', box), button = $('button', form), problem = $('[data-problem]', box);
  box.hidden = false; form.hidden = !supported; $('[data-unsupported]', box).hidden = supported;
  form.elements.label.value ||= device();
  button.addEventListener('click', async () => {
    problem.hidden = true;
    try {
      if (await Notification.requestPermission() !== 'granted') throw new Error('permission');
      const { pushManager } = await navigator.serviceWorker.ready;
      const options = { userVisibleOnly: true, applicationServerKey: bytes(box.dataset.key) };
      const address = addressOf(await pushManager.getSubscription() || await pushManager.subscribe(options));
      localStorage[STORED] = JSON.stringify({ me: root.dataset.me, address });
      form.elements.address.value = address; form.requestSubmit();
    } catch { problem.hidden = false; }
  });
}

const renew = async () => {
  const { me, address: before } = JSON.parse(localStorage[STORED] || '{}');
  if (!before || me !== root.dataset.me) return;
  const one = await (await navigator.serviceWorker.ready).pushManager.getSubscription(), address = one && addressOf(one);
  if (!address || address === before) return;
  const body = new URLSearchParams({ csrf: tokenOf(document), before, address });
  const { status } = await fetch('/settings/contact/push', { method: 'POST', body });
  // not the sign-in form
  if ([204, 404, 409].includes(status)) localStorage[STORED] = JSON.stringify({ me, address });
};
addEventListener('load', () => renew().catch(() => {}));
