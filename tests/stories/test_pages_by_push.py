"""Story: a phone gets pages by push, acknowledges from its lock screen, and a lost phone loses no page."""

import asyncio
import json
import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from firebell.channels.callbacks import ReceiptState
from firebell.kit.clock import FakeClock
from firebell.kit.errors import Conflict, NotFound
from firebell.kit.push_encryption import CURVE, parse_public_key, public_bytes, to_base64
from firebell.paging import actions as paging
from firebell.paging.model import PageState
from firebell.people import actions as people
from firebell.people.model import ContactMethod, MethodState
from firebell.people.verification import actions as verification
from tests.api.api_clients import browser, sign_in
from tests.servers import listening
from tests.world import World, world

BASE_URL = "https://firebell.example.org"


@dataclass(slots=True)
class Phone:
    """A browser with its subscription, behind a push service that takes what RFC 8030 asks for."""

    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(CURVE))
    auth: bytes = field(default_factory=lambda: os.urandom(16))
    port: int = 0
    status: int = 201
    headers: list[dict[str, str]] = field(default_factory=list)
    shown: list[dict[str, Any]] = field(default_factory=list)

    @property
    def keys(self) -> str:
        """What the browser gives the site beside the endpoint."""
        return f"auth={to_base64(self.auth)}&p256dh={to_base64(public_bytes(self.key.public_key()))}"

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection of the push service."""
        while head := await reader.readuntil(b"\r\n\r\n"):
            lines = head.decode().split("\r\n")
            headers = {k.lower(): v for k, v in (line.split(": ", 1) for line in lines[1:-2])}
            body = await reader.readexactly(int(headers["content-length"]))
            assert lines[0] == "POST /wpush/mara HTTP/1.1"
            assert headers["content-encoding"] == "aes128gcm"
            assert re.fullmatch(r"vapid t=[\w-]+\.[\w-]+\.[\w-]+, k=[\w-]{87}", headers["authorization"])
            assert re.fullmatch(r"[\w-]{1,32}", headers["topic"])
            assert len(body) <= 4096
            self.headers.append(headers)
            if self.status == 201:
                self.shown.append(json.loads(self._decrypted(body)))
            writer.write(f"HTTP/1.1 {self.status} X\r\nContent-Length: 0\r\nLocation: /m/1\r\n\r\n".encode())
            await writer.drain()

    def _decrypted(self, body: bytes) -> bytes:
        """Read a body as a browser does: RFC 8188 and RFC 8291 from the other side."""
        salt, sender, sealed = body[:16], body[21 : 21 + body[20]], body[21 + body[20] :]
        own = public_bytes(self.key.public_key())
        shared = self.key.exchange(ec.ECDH(), parse_public_key(sender))

        def derived(secret: bytes, salted: bytes, info: bytes, size: int) -> bytes:
            return HKDF(hashes.SHA256(), size, salted, info).derive(secret)

        secret = derived(shared, self.auth, b"WebPush: info\x00" + own + sender, 32)
        key = derived(secret, salt, b"Content-Encoding: aes128gcm\x00", 16)
        nonce = derived(secret, salt, b"Content-Encoding: nonce\x00", 12)
        return AESGCM(key).decrypt(nonce, sealed, None).rstrip(b"\x02")


@asynccontextmanager
async def phone_of_mara(dsn: str, clock: FakeClock) -> AsyncIterator[tuple[World, Phone, ContactMethod]]:
    """Run a world in which Mara just set up her phone, and has the code."""
    phone = Phone()
    async with listening(phone.answer) as phone.port, world(dsn, clock, base_url=BASE_URL) as w:
        async with w.ctx.db.tx() as tx:
            actor = await w.actor(w.mara)
            method = await people.add_contact_method(
                *(tx, actor),
                person_id=w.mara,
                kind="web_push",
                address=f"https://push.example.org/wpush/mara#{phone.keys}",
                label="Pixel",
                now=w.now,
            )
            # the push service of the test listens without TLS
            await tx.execute(
                "update contact_method set address = replace(address, 'https://push.example.org', $2) where id = $1",
                method.id,
                f"http://127.0.0.1:{phone.port}",
            )
            await people.request_code(tx, actor, method.id, w.mara, w.now)
        await w.settle()
        yield w, phone, method


async def verify(w: World, phone: Phone, method: ContactMethod) -> None:
    """Enter the code, and be paged on the phone alone."""
    code = phone.shown[-1]["title"].split()[0]
    async with w.ctx.db.tx() as tx:
        actor = await w.actor(w.mara)
        (await verification.enter_code(tx, actor, w.ctx.signer, method.id, w.mara, code, w.now)).check()
        await people.set_rules(tx, actor, person_id=w.mara, urgency="high", rules=[(0, method.id)], now=w.now)


async def test_a_page_is_pushed_and_acknowledged_from_the_lock_screen(dsn: str, clock: FakeClock) -> None:
    async with phone_of_mara(dsn, clock) as (w, phone, method), browser(w) as http:
        assert phone.shown[0]["url"] == f"{BASE_URL}/settings/contact"
        await verify(w, phone, method)
        await w.alert("disk full", key="disk")
        await w.settle()
        pushed = phone.shown[-1]
        assert "disk full" in pushed["title"]
        assert (pushed["ref"], pushed["url"]) == ("PG-1", f"{BASE_URL}/pages/PG-1")
        assert pushed["urgent"]
        assert (phone.headers[-1]["urgency"], phone.headers[-1]["ttl"]) == ("high", "300")
        # the device says that it shows the page, once more, and someone else says so of another message
        for body, status in ((pushed["seen"], 204), (pushed["seen"], 204), (f"{pushed['seen']}x", 403)):
            answer = await http.post("/in/channel/web_push/device/seen", content=body)
            assert answer.status_code == status
        async with w.ctx.db.tx() as tx:
            receipts = [d.receipt for d in await paging.deliveries(tx, 1) if d.receipt]
        assert [(r.state, r.changed_at) for r in receipts] == [(ReceiptState.SEEN, w.now)]
        clock.advance(timedelta(minutes=4))
        await w.settle()
        [action] = pushed["actions"]
        ack = action["url"].removeprefix(BASE_URL)
        done = await http.post(ack, headers={"Accept": "text/plain"})
        assert (done.status_code, done.headers["content-type"]) == (200, "text/plain; charset=utf-8")
        assert (await w.page()).state is PageState.ACKED
        again = await http.post(ack, headers={"Accept": "text/plain"})
        assert again.status_code == 200
        assert again.text != done.text
        await w.settle()
        quiet = phone.shown[-1]
        assert (quiet["tag"], quiet["quiet"], quiet["actions"]) == (pushed["tag"], True, [])
        assert "Mara Lindqvist" in quiet["body"]
        # messages about one page replace each other on a phone that is off, and no others
        topics = [h["topic"] for h in phone.headers]
        # what became of a page replaces none that waits: the page may be open again
        assert len(set(topics)) == 3
        assert topics[-1] not in topics[:-1]


async def test_a_phone_that_was_wiped_is_disabled_and_its_owner_is_notified_by_another_way(
    dsn: str, clock: FakeClock
) -> None:
    async with phone_of_mara(dsn, clock) as (w, phone, method):
        await verify(w, phone, method)
        phone.status = 410
        before = len(w.sink.got)
        await w.alert("disk full", key="disk")
        await w.settle()
        async with w.ctx.db.tx() as tx:
            stored = await people.method(tx, method.id)
        assert stored
        assert stored.state is MethodState.DISABLED
        notified = [message["person"] for message in w.sink.got[before:]]
        assert "Mara Lindqvist" in notified


async def test_a_browser_that_changes_its_subscription_keeps_its_rules(dsn: str, clock: FakeClock) -> None:
    async with phone_of_mara(dsn, clock) as (w, phone, method):
        await verify(w, phone, method)
        renewed = Phone()
        async with w.ctx.db.tx() as tx:
            stored = await people.method(tx, method.id)
            assert stored
            actor = await w.actor(w.mara)
            address = f"https://push.example.org/wpush/mara#{renewed.keys}"

            async def renew(before: str) -> None:
                await people.renew_address(
                    *(tx, actor),
                    person_id=w.mara,
                    kind="web_push",
                    before=before,
                    address=address,
                    now=w.now,
                )

            await renew(stored.address)
            with pytest.raises(NotFound):
                await renew(stored.address)
            with pytest.raises(Conflict):
                await renew(address)
            now_stored = await people.method(tx, method.id)
            assert now_stored
            assert (now_stored.address, now_stored.state) == (address, MethodState.VERIFIED)
            rules = (await people.rules_of(tx, [w.mara], "high"))[w.mara]
        assert [rule.method.id for rule in rules] == [method.id]


async def test_a_message_to_the_earlier_subscription_disables_no_renewed_one(
    dsn: str, clock: FakeClock
) -> None:
    async with phone_of_mara(dsn, clock) as (w, phone, method):
        await verify(w, phone, method)
        phone.status = 503
        await w.alert("disk full", key="disk")
        await w.settle()
        refused = len(phone.headers)
        async with w.ctx.db.tx() as tx:
            stored = await people.method(tx, method.id)
            assert stored
            await people.renew_address(
                *(tx, await w.actor(w.mara)),
                person_id=w.mara,
                kind="web_push",
                before=stored.address,
                address=f"https://push.example.org/wpush/mara#{Phone().keys}",
                now=w.now,
            )
        phone.status = 410
        clock.advance(timedelta(minutes=1))
        await w.settle()
        assert len(phone.headers) == refused + 1, "the retry goes to the earlier subscription"
        async with w.ctx.db.tx() as tx:
            renewed = await people.method(tx, method.id)
        assert renewed
        assert renewed.state is MethodState.VERIFIED


async def test_no_screen_shows_the_subscription_of_a_device(dsn: str, clock: FakeClock) -> None:
    async with phone_of_mara(dsn, clock) as (w, phone, method), browser(w) as http:
        async with w.ctx.db.tx() as tx:
            await tx.execute("update contact_method set label = '' where id = $1", method.id)
        await sign_in(w, http, w.mara)
        for path in ("/settings/contact", f"/settings/contact/{method.id}/verify", "/oncall/me"):
            shown = await http.get(path)
            assert shown.status_code == 200
            assert phone.keys not in unescape(shown.text), path
