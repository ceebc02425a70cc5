"""A small organization on a real database, a worker that runs on demand, and real receivers."""

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import msgspec

from firebell import event_subscriptions
from firebell.alerts import actions as alerts
from firebell.alerts.ingest.ingest_queue import Ingest
from firebell.alerts.model import InboundRequest, Integration, Rejected
from firebell.alerts.source_base.registry import registry
from firebell.alerts.source_base.source import PathAddress
from firebell.channels import registry as channel_registry
from firebell.kit.clock import FakeClock
from firebell.kit.context import Context
from firebell.kit.db.events import Actor
from firebell.kit.http_out import parse_networks
from firebell.kit.timing import REAL, Pace
from firebell.paging import actions as paging
from firebell.paging.model import Page
from firebell.paging.night_limit.actions import set_limit
from firebell.paging.night_limit.rules import NightLimit
from firebell.people import actions as people
from firebell.people import store as people_store
from firebell.process import connected
from firebell.settings import Settings
from firebell.setup import organization
from firebell.worker import Worker, timer_handlers
from tests import databases, wake_ups
from tests.servers import listening

_MINUTE = timedelta(minutes=1)
POLLING = ("status_pages", "metrics")
"""Lanes that look for work every minute, so that their next time says nothing."""


@dataclass(slots=True)
class Sink:
    """A real HTTP server on the loopback address that records requests."""

    port: int = 0
    got: list[dict[str, Any]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    status: int = 200
    body: bytes = b"{}"
    delay_s: float = 0

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}/hook"

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        while head := await reader.readuntil(b"\r\n\r\n"):
            request, *lines = head.decode().split("\r\n")[:-2]
            headers = {k.lower(): v for k, v in (line.split(": ", 1) for line in lines)}
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            self.got.append(msgspec.json.decode(body))
            self.paths.append(request.split()[1])
            self.headers.append(headers)
            self.raw.append(body)
            await asyncio.sleep(self.delay_s)
            line = f"HTTP/1.1 {self.status} X\r\nContent-Length: {len(self.body)}\r\n\r\n"
            writer.write(line.encode() + self.body)
            await writer.drain()

    def people(self) -> list[str]:
        """Return the person of each message, in order."""
        return [message["person"] for message in self.got]


@asynccontextmanager
async def sink() -> AsyncIterator[Sink]:
    """Run a sink until the block ends."""
    receiver = Sink()
    async with listening(receiver.answer) as receiver.port:
        yield receiver


@dataclass(slots=True)
class World:
    """Mara (primary) and Jun (secondary) own Checkout; both are reached through the same sink."""

    ctx: Context
    clock: FakeClock
    ingest: Ingest
    sink: Sink
    mara: int
    jun: int
    integration: int
    service: int
    key: str
    woken: set[str] | None = None
    """The lanes that commits woke since they ran; None if every pass runs all of them."""
    _worker: Worker | None = field(default=None, init=False)

    @property
    def worker(self) -> Worker:
        """The worker, created when a test first needs it: many tests never do."""
        if self._worker is None:
            self._worker = Worker(self.ctx, timer_handlers(), event_subscriptions.outbox_handlers())
        return self._worker

    @property
    def now(self) -> datetime:
        """The present instant of this world."""
        return self.clock.now()

    async def alert(self, title: str = "5xx above 5 %", **more: Any) -> None:
        """Send a generic alert."""
        body = msgspec.json.encode({"title": title, "severity": "critical", "key": title, **more})
        await self.receive("generic", body)

    async def receive(self, source: str, body: bytes) -> None:
        """Post a body to the integration."""
        address = registry().by_name[source].address
        assert isinstance(address, PathAddress)
        events = address.normalize(body, self.now, "", "")
        assert not isinstance(events, Rejected)
        await self.ingest.submit(InboundRequest(self.integration, self.service, source, body, events))

    async def settle(self) -> None:
        """Run everything that is due now."""
        if self.woken:
            self.woken.clear()
        await self.worker.settle(self.now)

    async def after(self, **by: float) -> None:
        """Advance the clock minute by minute, running the worker in each minute in which something is due."""
        await self.until(self.now + timedelta(**by), _MINUTE)

    async def until(self, end: datetime, step: timedelta) -> None:
        """Advance the clock in steps, running after each the lanes that have work, and in the end all of them."""
        await self.settle()
        while self.now < end:
            due = [at for lane, at in self.worker.upcoming.items() if at and lane not in POLLING]
            steps = math.ceil((min(due, default=end) - self.now) / step)
            self.clock.set(min(self.now + max(1, steps) * step, end))
            await self.worker.settle(self.now, self.woken)
        await self.settle()

    async def lift_night_limit(self) -> None:
        """Let a person be paged as often at night as by day, without the secondary."""
        async with self.ctx.db.tx() as tx:
            await set_limit(tx, await self.actor(self.mara), 1, NightLimit(is_on=False), self.now)

    async def page(self) -> Page:
        """Return the newest page."""
        async with self.ctx.db.tx() as tx:
            return max(await paging.pages(tx), key=lambda p: p.id)

    async def pages(self) -> list[Page]:
        """Return every page."""
        async with self.ctx.db.tx() as tx:
            return sorted(await paging.pages(tx), key=lambda p: p.id)

    async def ack(self, person: int, page_id: int | None = None) -> None:
        """Acknowledge the newest page as a person."""
        target, actor = page_id or (await self.page()).id, await self.actor(person)
        async with self.ctx.db.tx() as tx:
            await paging.ack(tx, actor, target, self.now)

    async def resolve(self, person: int) -> None:
        """Resolve the newest page as a person."""
        page, actor = await self.page(), await self.actor(person)
        async with self.ctx.db.tx() as tx:
            await paging.resolve(tx, actor, page.id, self.now)

    async def set_password(self, person_id: int, password: str) -> None:
        """Give a person a password to sign in on the web with."""
        password_hash = await people.hash_secret(password)
        async with self.ctx.db.tx() as tx:
            await people_store.set_password_hash(tx, person_id, password_hash)

    async def actor(self, person: int) -> Actor:
        """Return a person as an actor."""
        async with self.ctx.db.tx() as tx:
            return Actor("person", (await people.person(tx, person)).name, person)

    async def story(self) -> list[str]:
        """Return the log of the newest page."""
        page = await self.page()
        async with self.ctx.db.tx() as tx:
            return [entry.text for entry in await paging.log(tx, page.id)]


ANSWERS = organization.Answers(
    organization="Kestrel",
    name="Mara Lindqvist",
    email="mara@example.org",
    password="a quiet night please",
    tz="Europe/Stockholm",
    team="Payments",
    service="Checkout",
    second_name="Jun Okafor",
    second_email="jun@example.org",
)


_CHANNEL_SETTINGS = ("smtp_url", "mail_from", "ntfy_url")


def settings(**more: Any) -> Settings:
    """Return settings that let webhooks reach the loopback address."""
    named = {f"FIREBELL_{name.upper()}": more.pop(name, "") for name in _CHANNEL_SETTINGS}
    channels = channel_registry.settings({**named, **more.pop("channel_settings", {})})
    return Settings(allowed_networks=parse_networks("127.0.0.0/8"), channels=channels, **more)


async def organize(ctx: Context, receiver: str) -> tuple[organization.Organization, Integration]:
    """Create the organization; both people are reached only by webhook at `receiver`, at once."""
    now, actor = ctx.clock.now(), Actor("system", "Test")
    password_hash = await people.hash_secret(ANSWERS.password)
    async with ctx.db.tx() as tx:
        made = await organization.create_organization(tx, ANSWERS, password_hash, now)
        for person in made.people:
            method = await people.add_contact_method(
                tx, actor, person_id=person, kind="webhook", address=receiver, label="", now=now
            )
            for urgency in ("high", "low"):
                await people.set_rules(
                    tx, actor, person_id=person, urgency=urgency, rules=[(0, method.id)], now=now
                )
        return made, (await alerts.integrations(tx))[0]


@dataclass(frozen=True, slots=True)
class Made:
    """What an organized database holds."""

    mara: int
    jun: int
    integration: int
    service: int
    key: str


async def _organize(ctx: Context, receiver: str) -> Made:
    organized, integration = await organize(ctx, receiver)
    mara, jun = organized.people
    return Made(mara, jun, integration.id, integration.service_id, integration.key)


async def _prepare(dsn: str, instant: datetime) -> Made | None:
    """Organize the database by a copy, if that can be; nothing receives what its people are sent."""

    async def build(address: str) -> Made:
        async with connected(settings(), address, FakeClock(instant)) as ctx:
            return await _organize(ctx, "http://127.0.0.1:1/hook")

    return await databases.prepare(dsn, instant, build)


async def _receive(ctx: Context, receiver: str) -> None:
    """Let a receiver get what the people of a prepared organization are sent."""
    async with ctx.db.single_statement() as tx:
        await tx.row("update contact_method set address = $1 where kind = 'webhook'", receiver)


@asynccontextmanager
async def world(
    dsn: str, clock: FakeClock, pace: Pace = REAL, *, share_pool: bool = True, **more: Any
) -> AsyncIterator[World]:
    """Create the organization with a worker that runs only when a test asks.

    Unless a test measures them, web, worker and inbound routes share one pool: each connection is a process of
    PostgreSQL that reads the catalogs and plans every statement anew.
    """
    made = await _prepare(dsn, clock.now())
    async with connected(settings(**more), dsn, clock, pace=pace) as ctx, sink() as receiver:
        woken = None
        if share_pool:
            ctx = replace(ctx, work_db=ctx.db, ingest_db=ctx.db)
            woken = wake_ups.watch(ctx.db)
        if made:
            await _receive(ctx, receiver.url)
        else:
            made = await _organize(ctx, receiver.url)
        yield World(
            ctx,
            clock,
            Ingest(ctx),
            receiver,
            made.mara,
            made.jun,
            made.integration,
            made.service,
            made.key,
            woken,
        )
