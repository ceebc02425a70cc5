"""A client of the inbound addresses, on a real database."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from firebell import app
from firebell.alerts import actions as alerts
from firebell.alerts import read_store
from firebell.alerts.model import Alert, StoredMessage
from firebell.kit.clock import FakeClock
from tests.standins.pinned_api import Description
from tests.standins.pinned_opsgenie import OPSGENIE
from tests.standins.pinned_pagerduty import PAGERDUTY
from tests.world import World, world

DESCRIBED: tuple[tuple[str, Description], ...] = (
    ("/v2/alerts", OPSGENIE),
    ("/v2/heartbeats", OPSGENIE),
    ("/v2/enqueue", PAGERDUTY),
    ("/v2/change/enqueue", PAGERDUTY),
    ("/generic/2010-04-15/create_event.json", PAGERDUTY),
)
"""The official description of each API that Firebell answers in place of another product, by the start of its paths."""


@dataclass(slots=True)
class Door:
    """A world and a client that posts to it."""

    world: World
    http: httpx.AsyncClient

    async def post(self, source: str, body: Any, **more: Any) -> httpx.Response:
        """Post JSON or bytes to `/in/<key>/<source>`."""
        content = {"content": body} if isinstance(body, bytes) else {"json": body}
        return await self.http.post(f"/in/{self.world.key}/{source}", **content, **more)

    async def enqueue(self, body: Any) -> httpx.Response:
        """Post to the PagerDuty address; KEY stands for the integration's key."""
        if isinstance(body, dict) and body.get("routing_key") == "KEY":
            body = {**body, "routing_key": self.world.key}
        content = {"content": body} if isinstance(body, bytes) else {"json": body}
        return await self.http.post("/v2/enqueue", **content)

    async def alerts(self) -> list[Alert]:
        """Return every alert, oldest first."""
        async with self.world.ctx.db.tx() as tx:
            return (await alerts.newest_alerts(tx, 5000))[::-1]

    async def raw(self) -> list[StoredMessage]:
        """Return every stored request, newest first."""
        async with self.world.ctx.db.tx() as tx:
            ids = [row["id"] for row in await tx.fetch("select id from event order by id")]
            return (await read_store.messages(tx, self.world.integration, ids))[::-1]

    async def states(self) -> list[str]:
        """Return the state of every page, oldest first."""
        return [page.state for page in await self.world.pages()]


async def check_answer(answer: httpx.Response) -> None:
    """Fail if an answer differs from the official description of its API."""
    path = answer.request.url.raw_path.decode().partition("?")[0].rstrip("/")
    description = next((api for start, api in DESCRIBED if path.startswith(start)), None)
    if description is None:
        return
    await answer.aread()
    method, status = answer.request.method, answer.status_code
    is_described = description.describes(method, path, status)
    assert is_described or status >= 400, f"{method} {path} -> {status}"
    wrong = description.wrong_answer(method, path, status, answer.json()) if is_described else []
    assert not wrong, wrong


@asynccontextmanager
async def door(dsn: str, clock: FakeClock, *, share_pool: bool = True) -> AsyncIterator[Door]:
    """Yield the inbound client of a small organization."""
    async with world(dsn, clock, share_pool=share_pool) as w:
        transport = httpx.ASGITransport(app.build(w.ctx))
        hooks = {"response": [check_answer]}
        async with httpx.AsyncClient(
            transport=transport, base_url="http://firebell.test", event_hooks=hooks
        ) as http:
            yield Door(w, http)
