"""A world whose people are reached by text messages and calls of both providers."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from email.utils import format_datetime
from typing import Any

import httpx

from firebell.kit.clock import FakeClock
from firebell.paging import actions as paging
from firebell.people import actions as people
from firebell.people.model import ContactMethod, MethodState
from firebell.people.verification import actions as verification
from tests.api.api_clients import browser
from tests.standins import phone_providers
from tests.standins.phone_providers import Message, PhoneProviders, twilio_post, vonage_headers
from tests.world import World, world

BASE_URL = "https://firebell.example.org"
MARA = "+4915123456789"
JUN = "+14155552671"


@dataclass(slots=True)
class Phones:
    """The world, its providers, and who posts to Firebell for them."""

    w: World
    providers: PhoneProviders
    http: httpx.AsyncClient

    @property
    def last(self) -> Message:
        """What a provider took last."""
        return self.providers.taken[-1]

    async def twilio(self, channel: str, hook: str, query: dict[str, str], **form: str) -> httpx.Response:
        """Post as Twilio does."""
        path, headers, body = twilio_post(BASE_URL, channel, hook, query, **form)
        return await self.http.post(path, headers=headers, content=body)

    async def vonage(self, channel: str, hook: str, query: str = "", **fields: Any) -> httpx.Response:
        """Post as Vonage does."""
        body = json.dumps(fields).encode()
        headers = vonage_headers(body, int(self.w.now.timestamp()))
        return await self.http.post(
            f"/in/channel/{channel}/vonage/{hook}{query}", headers=headers, content=body
        )

    async def reply(self, text: str, key: str, sender: str = MARA) -> str:
        """Send a text from a phone, and return what Firebell answers."""
        answer = await self.twilio(
            "sms", "reply", {}, From=sender, To=phone_providers.SENDER, Body=text, MessageSid=key
        )
        assert answer.status_code == 200
        return answer.text.partition("<Message>")[2].partition("</Message>")[0]

    async def add(self, person: int, kind: str, address: str) -> ContactMethod:
        """Add a number and verify it with the code that arrives."""
        w = self.w
        actor = await w.actor(person)
        whole = await people.typed_address(kind, address, w.ctx.channel_settings)
        async with w.ctx.db.tx() as tx:
            method = await people.add_contact_method(
                *(tx, actor),
                person_id=person,
                kind=kind,
                address=whole,
                label="",
                now=w.now,
            )
            await people.request_code(tx, actor, method.id, person, w.now)
        await w.settle()
        code = "".join(c for c in self.last.text.partition("Your code is")[2][:20] if c.isdecimal())
        code = code or self.last.text.split()[0]
        async with w.ctx.db.tx() as tx:
            (await verification.enter_code(tx, actor, w.ctx.signer, method.id, person, code, w.now)).check()
        return method

    async def rules(self, person: int, *rules: tuple[int, ContactMethod]) -> None:
        """Set how a person is notified of urgent pages."""
        actor = await self.w.actor(person)
        async with self.w.ctx.db.tx() as tx:
            pairs = [(delay_s, method.id) for delay_s, method in rules]
            await people.set_rules(tx, actor, person_id=person, urgency="high", rules=pairs, now=self.w.now)

    async def state_of(self, method: ContactMethod) -> MethodState:
        """Return the state of a contact method."""
        async with self.w.ctx.db.tx() as tx:
            current = await people.method(tx, method.id)
        assert current
        return current.state

    async def receipts(self) -> list[tuple[str, str, str]]:
        """Return channel, state and receipt of each delivery of the newest page."""
        page = await self.w.page()
        async with self.w.ctx.db.tx() as tx:
            deliveries = await paging.deliveries(tx, page.id)
        return [(d.channel, str(d.state), str(d.receipt.state) if d.receipt else "") for d in deliveries]

    async def fire(self, *names: str) -> None:
        """Send alerts, each of which has a page of its own."""
        labels = [{"alertname": name, "service": name, "severity": "critical"} for name in names]
        alerts = [{"labels": each, "status": "firing", "fingerprint": each["alertname"]} for each in labels]
        body = {"version": "4", "status": "firing", "alerts": alerts}
        await self.w.receive("alertmanager", json.dumps(body).encode())

    async def delivery_ids(self, page_id: int) -> list[int]:
        """Return the ids of the deliveries of a page, oldest first."""
        async with self.w.ctx.db.tx() as tx:
            return [d.id for d in await paging.deliveries(tx, page_id)]

    async def states(self) -> list[str]:
        """Return the state of each page, oldest first."""
        return [str(page.state) for page in await self.w.pages()]

    async def delivery_id(self, channel: str) -> str:
        """Return the id of the newest message about the newest page on a channel."""
        page = await self.w.page()
        async with self.w.ctx.db.tx() as tx:
            return str(max(d.id for d in await paging.deliveries(tx, page.id) if d.channel == channel))


@asynccontextmanager
async def phones(dsn: str, clock: FakeClock, **more: str) -> AsyncIterator[Phones]:
    """Run a world with both providers."""
    async with phone_providers.serving(BASE_URL) as providers:
        channel_settings = {**providers.settings, **more}
        async with (
            world(dsn, clock, base_url=BASE_URL, channel_settings=channel_settings) as w,
            browser(w) as http,
        ):
            providers.date_created = format_datetime(w.now)
            async with w.ctx.db.tx() as tx:
                for method in await people.methods_of(tx, [w.mara, w.jun]):
                    await people.mark_method_verified(tx, method.id, w.now)
            yield Phones(w, providers, http)
            assert providers.refused == []
