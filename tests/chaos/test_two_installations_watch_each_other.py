"""Two installations expect each other's heartbeat: one is killed, the other pages its people until it is back."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
import pytest

from firebell.kit.clock import FakeClock, SystemClock
from firebell.kit.context import Context
from firebell.process import connected
from firebell.self_watch import rules, watcher
from tests.api.api_clients import key_of
from tests.databases import Databases
from tests.servers import Server, serve, until
from tests.world import Sink, organize, settings, sink

pytestmark = pytest.mark.chaos

SILENCE = timedelta(minutes=5)
"""Longer than the period and the grace of a heartbeat together; moved in the database rather than waited for."""


def send_every_second() -> None:
    """Let a process that starts send its outbound heartbeats at once, and again a second later."""
    rules.FIRST_PAUSE = timedelta(seconds=0)
    watcher.LOOK_INTERVAL = rules.PING_INTERVAL = timedelta(seconds=1)


@dataclass(slots=True)
class Installation:
    """An installation with its database, and the people whom it pages."""

    name: str
    dsn: str
    ctx: Context
    people: Sink
    integration_key: str
    headers: dict[str, str]
    http: httpx.AsyncClient
    server: Server | None = None

    def start(self) -> Any:
        """Run `firebell serve` on the database."""
        return serve(self.dsn, prepare=send_every_second)

    async def api(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """Return what a request of an admin answers."""
        assert self.server
        address = f"{self.server.url}/api/v1{path}"
        answer = await self.http.request(method, address, json=body, headers=self.headers)
        assert answer.is_success, answer.text
        return answer.json()

    async def watch(self, other: "Installation") -> None:
        """Expect the heartbeat of another installation, and let that send it."""
        assert self.server
        heartbeat = {"service": "checkout", "name": other.name, "period_s": 60, "grace_s": 30}
        await self.api("POST", "/heartbeats", heartbeat)
        address = f"{self.server.url}/in/{self.integration_key}/heartbeat/{other.name}"
        await other.api("POST", "/health/outbound-heartbeats", {"name": self.name, "url": address})

    async def let_silence_pass(self) -> None:
        """Move what arrived here into the past, as if nothing had come since."""
        async with self.ctx.db.tx() as tx:
            await tx.execute(
                """
                update heartbeat
                set armed_at = armed_at - $1::interval,
                    last_ping_at = last_ping_at - $1::interval
                """,
                SILENCE,
            )
            # recorded by a lane that looks once a minute until there is a heartbeat
            await tx.execute(
                """
                insert into heartbeat_reception (since, recorded_at)
                values ($1::timestamptz - $2::interval, $1)
                on conflict (id) do update
                set since = excluded.since, recorded_at = excluded.recorded_at
                """,
                self.ctx.clock.now(),
                SILENCE,
            )
            await tx.execute(
                "update due set due_at = due_at - $1::interval where kind = 'heartbeats.check'", SILENCE
            )
            await tx.wake("timers")

    def pages(self) -> list[str]:
        """Return the titles of the messages about pages that the people got."""
        return [message["title"] for message in self.people.got if message["event"] == "page"]


@asynccontextmanager
async def installation(name: str, dsn: str) -> AsyncIterator[Installation]:
    """Set up an organization on a database of its own, without running processes."""
    async with AsyncExitStack() as stack:
        people = await stack.enter_async_context(sink())
        http = await stack.enter_async_context(httpx.AsyncClient(timeout=60))
        ctx = await stack.enter_async_context(connected(settings(), dsn, SystemClock()))
        _, integration = await organize(ctx, people.url)
        headers = {"Authorization": f"Bearer {await key_of(ctx.db, FakeClock(ctx.clock.now()), 1)}"}
        yield Installation(name, dsn, ctx, people, integration.key, headers, http)


async def test_of_two_installations_the_one_that_lives_pages_for_the_one_that_was_killed(
    databases: Databases, dsn: str
) -> None:
    async with AsyncExitStack() as stack:
        paris = await stack.enter_async_context(installation("paris", dsn))
        oslo = await stack.enter_async_context(installation("oslo", stack.enter_context(databases.lend())))
        async with paris.start() as paris.server, oslo.start() as oslo.server:
            await paris.watch(oslo)
            await oslo.watch(paris)

            async def each_knows_the_other() -> bool:
                states = [await each.api("GET", "/health") for each in (paris, oslo)]
                return all(state["watched"] and state["heartbeats"][0]["health"] == "ok" for state in states)

            await until(each_knows_the_other, "each is sent the other's heartbeat")
            (watched,) = (await oslo.api("GET", "/health"))["watched"]
            assert (watched["name"], watched["service"]) == ("paris", "checkout")
            assert watched["address"].startswith("http")
            assert watched["last_ping_at"]

            assert paris.server
            await paris.server.kill()
            await oslo.let_silence_pass()

            async def oslo_pages() -> bool:
                return bool(oslo.pages())

            await until(oslo_pages, "Oslo pages its people for Paris")
            assert all("paris" in title for title in oslo.pages())
            (page,) = await oslo.api("GET", "/pages")
            assert page["state"] == "triggered"

            # it comes back: its heartbeat arrives, and the page ends without anyone
            async with paris.start() as paris.server:

                async def resolved() -> bool:
                    return bool((await oslo.api("GET", f"/pages/{page['ref']}"))["state"] == "resolved")

                await until(resolved, "the page is resolved")
                assert paris.pages() == []
                (watched,) = (await oslo.api("GET", "/health"))["watched"]
                assert watched["state"] == "Up"
