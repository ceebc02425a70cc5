"""Browser: a device is set up for push, shows a page that arrives, and acknowledges it without a window."""

import asyncio
import json
import os
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from playwright.async_api import Browser, CDPSession, Route, expect

from firebell.kit.clock import FakeClock
from firebell.kit.push_encryption import CURVE, public_bytes, to_base64
from firebell.paging.model import PageState
from tests.browser.conftest import first_run, sound
from tests.browser.test_acting_on_pages import PHONE
from tests.servers import serve, until
from tests.world import world

pytestmark = pytest.mark.browser

SUBSCRIBED = """
([p256dh, auth]) => {
  const bytes = text => Uint8Array.from(atob(text), letter => letter.charCodeAt(0)).buffer;
  const getKey = name => bytes(name === 'auth' ? auth : p256dh);
  const one = { endpoint: 'https://push.example.org/' + auth.slice(0, 6), getKey };
  PushManager.prototype.getSubscription = async () => null;
  PushManager.prototype.subscribe = async options => {
    if (!options.userVisibleOnly || options.applicationServerKey.length !== 65) throw new Error('not a key');
    return one;
  };
  Notification.requestPermission = async () => 'granted';
}
"""
"""The part of the browser that asks the push service of its vendor, which no test can reach."""
RENEWED = f"""
keys => {{
  if (!self.PushManager) return;
  ({SUBSCRIBED})(keys);
  PushManager.prototype.getSubscription = () =>
    PushManager.prototype.subscribe({{ userVisibleOnly: true, applicationServerKey: {{ length: 65 }} }});
}}
"""
"""The browser after its vendor has changed the subscription."""
RECORDED = """
() => {
  self.shown = [], self.posted = [];
  const send = fetch;
  self.fetch = (address, options) => { posted.push([address, options?.body]); return send(address, options); };
  ServiceWorkerRegistration.prototype.showNotification = async (title, options) => {
    shown.push({ title, actions: options.actions.map(each => each.title), data: options.data });
  };
  ServiceWorkerRegistration.prototype.getNotifications = async ({ tag } = {}) =>
    shown.filter(each => !tag || each.data.tag === tag).slice(-1).map(({ data }) => ({ data, close: () => {} }));
  WorkerNavigator.prototype.setAppBadge = async count => { self.badge_count = count; };
}
"""
"""What the system around the browser would show: a headless one has no notifications, and never sets a badge."""
SHOWN = "() => shown.map(({ title, actions }) => [title, actions])"
TAPPED = """
action => {
  const { data } = shown.at(-1), event = new Event('notificationclick');
  dispatchEvent(Object.assign(event, { action, notification: { data, close: () => {} }, waitUntil: () => {} }));
}
"""


async def _registration(session: CDPSession) -> str:
    """Return the id of the registration of the service worker."""
    found: list[str] = []

    def updated(event: dict[str, Any]) -> None:
        found.extend(each["registrationId"] for each in event["registrations"])

    session.on("ServiceWorker.workerRegistrationUpdated", updated)
    await session.send("ServiceWorker.enable")

    async def is_known() -> bool:
        return bool(found)

    await until(is_known, "the browser names the registration")
    return found[0]


async def test_a_device_is_set_up_with_one_button(dsn: str, browser: Browser) -> None:
    async with serve(dsn, FIREBELL_WEB_PUSH_CONTACT="mailto:ops@firebell.example") as server:
        page = await (await browser.new_context(base_url=server.url, viewport=PHONE)).new_page()
        await first_run(page)
        await page.goto("/settings/contact")
        await page.evaluate("navigator.serviceWorker.ready")
        key, auth = public_bytes(ec.generate_private_key(CURVE).public_key()), os.urandom(16)
        await page.evaluate(SUBSCRIBED, [_plain(key), _plain(auth)])
        await sound(page)
        await page.get_by_label("Name of this device").fill("Pixel")
        await page.get_by_role("button", name="Get pages on this device").click()
        await page.wait_for_url("**/verify**")
        methods = await (await page.context.request.get("/api/v1/me/contact-methods")).json()
        endpoint = f"https://push.example.org/{_plain(auth)[:6]}"
        keys = f"auth={to_base64(auth)}&p256dh={to_base64(key)}"
        assert [(m["kind"], m["label"], m["address"]) for m in methods if m["kind"] == "web_push"] == [
            ("web_push", "Pixel", f"{endpoint}#{keys}")
        ]


async def test_a_device_that_was_signed_out_reports_its_new_subscription_once_it_is_signed_in(
    dsn: str, browser: Browser
) -> None:
    async with serve(dsn, FIREBELL_WEB_PUSH_CONTACT="mailto:ops@firebell.example") as server:
        page = await (await browser.new_context(base_url=server.url, viewport=PHONE)).new_page()
        await first_run(page)
        await page.goto("/settings/contact")
        await page.evaluate("navigator.serviceWorker.ready")
        key = public_bytes(ec.generate_private_key(CURVE).public_key())
        first, second = os.urandom(16), os.urandom(16)
        await page.evaluate(SUBSCRIBED, [_plain(key), _plain(first)])
        await page.get_by_role("button", name="Get pages on this device").click()
        await page.wait_for_url("**/verify**")

        async def addresses() -> list[str]:
            methods = await (await page.context.request.get("/api/v1/me/contact-methods")).json()
            return [m["address"] for m in methods if m["kind"] == "web_push"]

        await page.add_init_script(f"({RENEWED})({json.dumps([_plain(key), _plain(second)])});")
        before, reports = await addresses(), 0

        async def answer_signed_out(route: Route) -> None:
            """Answer as the server does after the session ended."""
            nonlocal reports
            sent = route.request
            async with httpx.AsyncClient(timeout=60, follow_redirects=True) as http:
                kind = {"content-type": sent.headers["content-type"]}
                answer = await http.post(sent.url, content=sent.post_data, headers=kind)
            await route.fulfill(status=answer.status_code, body=answer.text)
            reports += 1

        await page.context.route("**/settings/contact/push", answer_signed_out)
        await page.goto("/pages")
        await until(lambda: asyncio.sleep(0, reports == 1), "the browser reports its subscription")
        assert await addresses() == before
        await page.context.unroute("**/settings/contact/push")
        await page.goto("/pages")

        async def is_renewed() -> bool:
            return _plain(second)[:6] in (await addresses())[0]

        await until(is_renewed, "the new subscription is stored")


async def test_a_pushed_page_is_acknowledged_from_its_notification(
    dsn: str, clock: FakeClock, browser: Browser
) -> None:
    async with world(dsn, clock) as w:
        clock.set(datetime.now(UTC))
        await w.alert()
        await w.settle()
        token = next(m["ack_url"] for m in w.sink.got if m.get("ack_url")).rpartition("/")[2]
        async with serve(dsn) as server:
            context = await browser.new_context(base_url=server.url, permissions=["notifications"])
            page = await context.new_page()
            await page.goto("/login")
            session = await context.new_cdp_session(page)
            registration = await _registration(session)
            await page.evaluate("navigator.serviceWorker.ready")
            pushed: dict[str, Any] = {
                "title": "SEV1 Checkout: disk full",
                "body": "db-1",
                "tag": "PG-1",
                "urgent": True,
                "seen": "a.token",
                "at": 1_795_749_120_000,
                "url": f"{server.url}/pages/PG-1",
                "actions": [{"label": "Acknowledge", "url": f"https://elsewhere.example/ack/{token}"}],
            }
            worker = context.service_workers[0]
            await worker.evaluate(RECORDED)

            async def push(message: dict[str, Any]) -> None:
                data = {"origin": server.url, "registrationId": registration, "data": json.dumps(message)}
                await session.send("ServiceWorker.deliverPushMessage", data)

            await push(pushed)

            async def is_shown() -> bool:
                return bool(await worker.evaluate(SHOWN))

            await until(is_shown, "the notification is shown")

            async def is_counted() -> bool:
                return bool(await worker.evaluate("self.badge_count === 1"))

            await until(is_counted, "the badge of the app counts it")
            assert await worker.evaluate("posted") == [["/in/channel/web_push/device/seen", "a.token"]]
            await worker.evaluate(TAPPED, "0")

            async def says_so() -> bool:
                return len(await worker.evaluate(SHOWN)) == 2

            await until(says_so, "the notification says what happened")
            title = "SEV1 Checkout: disk full"
            assert await worker.evaluate(SHOWN) == [[title, ["Acknowledge"]], [title, []]]
            assert (await w.page()).state is PageState.ACKED
            await expect(page).to_have_url(f"{server.url}/login")
            # another device of the person acknowledged: this one only shows it, unless the page is open again since
            quiet = {"title": title, "body": "Acknowledged by Jun.", "tag": "PG-1", "quiet": True}
            await push({**quiet, "at": pushed["at"] - 1})
            await push({**quiet, "at": pushed["at"] + 1})

            async def is_replaced() -> bool:
                return bool(await worker.evaluate("shown.at(-1).data.quiet"))

            await until(is_replaced, "the notification is replaced")
            assert len(await worker.evaluate(SHOWN)) == 3


def _plain(data: bytes) -> str:
    """Return bytes in the alphabet that `atob` reads."""
    text = to_base64(data).replace("-", "+").replace("_", "/")
    return text + "=" * (-len(text) % 4)
