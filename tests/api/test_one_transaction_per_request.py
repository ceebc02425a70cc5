"""A request is authorized, opens one transaction, and answers after the commit; it never holds two connections."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx
import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from firebell import event_subscriptions
from firebell.app import build
from firebell.channels import apprise, apprise_process
from firebell.kit.clock import FakeClock
from firebell.kit.db.database import Db, Reads, Tx
from firebell.oncall.schedules import queries as oncall
from firebell.people import actions as people
from firebell.people.model import Role
from firebell.status_pages import actions as status_pages
from firebell.status_pages.model import PageVisibility
from tests.api.api_clients import browser, key_of, sign_in
from tests.api.full_organization import Entrance, entrances, everything
from tests.api.test_who_may_do_what import ENDS_THE_SESSION, Visitor
from tests.html_forms import form_of
from tests.world import World, world


class Recorded(Db):
    """A pool that records when connections are lent and how transactions end."""

    def __init__(self, inner: Db, events: list[str]) -> None:
        self._inner = inner
        self._events = events

    @asynccontextmanager
    async def tx(self) -> AsyncIterator[Tx]:
        self._events.append("begin")
        try:
            async with self._inner.tx() as tx:
                yield tx
        except BaseException:
            self._events.append("rollback")
            raise
        self._events.append("commit")

    @asynccontextmanager
    async def reads(self) -> AsyncIterator[Reads]:
        self._events.append("lent")
        async with self._inner.reads() as reads:
            yield reads
        self._events.append("returned")


def _recording(app: ASGIApp, events: list[str]) -> ASGIApp:
    async def recording(scope: Scope, receive: Receive, send: Send) -> None:
        async def recorded(message: Message) -> None:
            if message["type"] == "http.response.start":
                events.append(f"response {message['status']}")
            await send(message)

        await app(scope, receive, recorded)

    return recording


@asynccontextmanager
async def recorded(w: World) -> AsyncIterator[tuple[httpx.AsyncClient, list[str]]]:
    """Yield a client of the app, and a log of what its requests do, in order."""
    events: list[str] = []
    app = build(replace(w.ctx, db=Recorded(w.ctx.db, events)))
    transport = httpx.ASGITransport(app=_recording(app, events))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080") as http:
        # the hosts of status pages are read once, by the first request
        await http.get("/livez", headers={"Host": "status.example.org"})
        events.clear()
        yield http, events


WORK = ["lent", "returned", "begin"]
"""The authorization returns its connection before the transaction takes one."""


@pytest.mark.parametrize(
    ("method", "path", "body", "after"),
    [
        ("GET", "/pages/PG-1", None, ["commit", "response 200"]),
        ("POST", "/pages/PG-1/ack", None, ["commit", "response 200"]),
        ("POST", "/pages/PG-99/ack", None, ["rollback", "response 404"]),
        ("POST", "/pages/PG-1/notes", {"text": 1}, ["rollback", "response 422"]),
    ],
)
async def test_a_caller_reads_success_only_after_the_commit(
    dsn: str, clock: FakeClock, method: str, path: str, body: Any, after: list[str]
) -> None:
    async with world(dsn, clock) as w, recorded(w) as (http, events):
        await w.alert()
        await w.settle()
        headers = {"Authorization": f"Bearer {await key_of(w.ctx.db, w.clock, w.mara)}"}
        await http.get("/api/v1/me", headers=headers)  # records the first use of the key
        events.clear()
        await http.request(method, f"/api/v1{path}", json=body, headers=headers)
        assert events == [*WORK, *after]


@pytest.mark.parametrize(("key", "status"), [("", 401), ("fb_wrong", 401), ("narrow", 403)])
async def test_a_caller_who_is_refused_opens_no_transaction(
    dsn: str, clock: FakeClock, key: str, status: int
) -> None:
    async with world(dsn, clock) as w, recorded(w) as (http, events):
        narrow = await key_of(w.ctx.db, w.clock, w.mara, ["oncall:read"])
        headers = {"Authorization": f"Bearer {narrow if key == 'narrow' else key}"} if key else {}
        await http.get("/api/v1/oncall", headers=headers)
        events.clear()
        await http.post("/api/v1/pages/PG-1/ack", headers=headers)
        assert "begin" not in events
        assert events[-1] == f"response {status}"


async def test_a_browser_reads_success_only_after_the_commit(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w, recorded(w) as (http, events):
        await w.alert()
        await w.settle()
        csrf = await sign_in(w, http, w.mara)
        await http.post("/pages/PG-1/ack", data={"csrf": csrf})
        assert events == [*WORK, "commit", "response 303"]
        events.clear()
        await http.get("/pages/PG-1")
        assert events == [*WORK, "commit", "response 200"]


async def test_the_targets_of_an_address_are_counted_before_the_transaction(
    dsn: str, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that counts them can take 21 s, in which a transaction kept its connection from others."""
    channel_settings = {"FIREBELL_APPRISE_KINDS": "json"}
    async with world(dsn, clock, channel_settings=channel_settings) as w, recorded(w) as (http, events):

        async def recording_count(address: str) -> int | None:
            events.append("counted")
            return await apprise_process.targets_of(address)

        monkeypatch.setattr(apprise, "targets_of", recording_count)
        headers = {"Authorization": f"Bearer {await key_of(w.ctx.db, w.clock, w.mara)}"}
        csrf = await sign_in(w, http, w.mara)
        await http.get("/api/v1/me", headers=headers)  # records the first use of the key
        before = ["lent", "returned", "counted", "begin", "commit"]

        events.clear()
        body = {"kind": "apprise", "address": "json://127.0.0.1/one"}
        assert (await http.post("/api/v1/me/contact-methods", json=body, headers=headers)).status_code == 201
        assert events == [*before, "response 201"]

        events.clear()
        form = {"csrf": csrf, "kind": "apprise", "address": "json://127.0.0.1/two"}
        assert (await http.post("/settings/contact", data=form)).status_code == 303
        assert events == [*before, "response 303"]

        # one that is refused stores nothing, and is shown again with what was typed
        events.clear()
        refused = await http.post("/settings/contact", data={**form, "address": "ntfy://127.0.0.1/three"})
        assert (refused.status_code, events) == (422, [*WORK, "commit", "response 422"])
        assert form_of(refused.text, "/settings/contact")["address"] == ["ntfy://127.0.0.1/three"]


async def test_the_password_of_a_page_is_hashed_before_the_page_is_locked(
    dsn: str, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hashes wait for one another: a queue of them kept the page locked and its connection taken."""
    async with world(dsn, clock) as w, recorded(w) as (http, events):
        hash_secret, mara = people.hash_secret, await w.actor(w.mara)

        async def recording_hash(password: str) -> str:
            events.append("hashed")
            return await hash_secret(password)

        async with w.ctx.db.tx() as tx:
            page = await status_pages.create_status_page(
                tx,
                mara,
                slug="kestrel",
                name="Kestrel",
                tz="UTC",
                visibility=PageVisibility.PRIVATE,
                component_of=[w.service],
                now=w.now,
            )
        monkeypatch.setattr(people, "hash_secret", recording_hash)
        headers = {"Authorization": f"Bearer {await key_of(w.ctx.db, w.clock, w.mara)}"}
        csrf = await sign_in(w, http, w.mara)
        await http.get("/api/v1/me", headers=headers)  # records the first use of the key

        events.clear()
        address, body = f"/status-pages/{page.slug}", {"password": "lanterns over harbor"}
        await http.patch(f"/api/v1{address}/access", json=body, headers=headers)
        assert events == ["lent", "returned", "hashed", "begin", "commit", "response 200"]
        events.clear()
        await http.post(f"{address}/hosting/access", data={"csrf": csrf, **body})
        assert events == ["lent", "returned", "hashed", "begin", "commit", "response 303"]


async def test_a_form_that_is_refused_half_way_stores_nothing_and_is_shown_again(
    dsn: str, clock: FakeClock
) -> None:
    """The editor saves the layers before the name; a blank name must not leave the layers saved."""
    async with world(dsn, clock) as w, browser(w) as http:
        await sign_in(w, http, w.mara)
        address = "/oncall/payments-primary/edit"
        form = form_of((await http.get(address)).text, address)
        before = await _stored(w)
        answer = await http.post(address, data={**form, "name": [""], "tz": ["Asia/Tokyo"]})
        assert answer.status_code == 422
        assert form_of(answer.text, address)["tz"] == ["Asia/Tokyo"]
        assert await _stored(w) == before


async def _stored(w: World) -> tuple[int, int]:
    """Return the version of the schedule and the number of entries in the audit log."""
    async with w.ctx.db.tx() as tx:
        schedule = await oncall.by_slug(tx, "payments-primary")
        return schedule.version, int(await tx.value("select count(*) from audit"))


SKIPPED = {*ENDS_THE_SESSION, "/events", "/logout"}


async def test_one_connection_serves_many_requests_at_once(dsn: str, clock: FakeClock) -> None:
    """A request that held one connection while it waits for another could wait until it is refused with 503."""
    async with everything(dsn, clock) as e, AsyncExitStack() as stack:
        small = await Db.connect(dsn, event_subscriptions.build(), size=1)
        stack.push_async_callback(small.close)
        w = replace(e.w, ctx=replace(e.w.ctx, db=small))
        http = await stack.enter_async_context(browser(w))
        csrf = await sign_in(e.w, http, e.people[Role.ADMIN])
        admin = Visitor("admin", http, csrf=csrf)
        caller = Visitor("key", await stack.enter_async_context(browser(w)), key=e.keys[Role.ADMIN])
        known = [x for x in entrances(e.w) if x.path not in SKIPPED]

        at_once = asyncio.Semaphore(3)

        async def refused(x: Entrance, *, real: bool) -> str:
            async with at_once:
                answer = await (caller if x.is_api else admin).ask(x, real=real)
            return f"{x.method} {x.path}: {answer.status_code}" if answer.status_code >= 500 else ""

        reads = [x for x in known if x.method == "GET"]
        outcomes = await asyncio.gather(*(refused(x, real=True) for x in reads))
        outcomes += await asyncio.gather(*(refused(x, real=False) for x in known))
        assert [outcome for outcome in outcomes if outcome] == []
