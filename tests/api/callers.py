"""The API as its callers see it: the whole app over ASGI, keys of people in every role."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from firebell.app import build
from firebell.kit.clock import FakeClock
from firebell.kit.db import Db
from firebell.kit.events import Actor
from firebell.people import actions as people
from firebell.people.model import SCOPES
from tests.world import World, world

TEST = Actor("system", "Test")


async def key_of(db: Db, clock: FakeClock, person: int, scopes: Sequence[str] = SCOPES) -> str:
    """Return the secret of a new key of a person."""
    async with db.tx() as tx:
        _, secret = await people.create_api_key(
            tx, TEST, name="test", scopes=list(scopes), person_id=person, now=clock.now()
        )
    return secret


@dataclass(slots=True)
class Api:
    """Calls the app with one key and insists on the status that is expected."""

    http: httpx.AsyncClient
    key: str

    async def __call__(
        self, method: str, path: str, body: Any = None, *, status: int = 200, **query: Any
    ) -> Any:
        answer = await self.answer(method, path, body, **query)
        assert answer.status_code == status, f"{method} {path}: {answer.status_code} {answer.text}"
        if status >= 400:
            assert answer.headers["content-type"] == "application/problem+json"
        return answer.json() if answer.content else None

    async def answer(self, method: str, path: str, body: Any = None, **query: Any) -> httpx.Response:
        """Return the whole answer."""
        headers = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        return await self.http.request(
            method, f"/api/v1{path}", json=body, params=query or None, headers=headers
        )

    def with_key(self, key: str) -> "Api":
        """Return the same app called with another key."""
        return Api(self.http, key)


@asynccontextmanager
async def browser(w: World, address: str = "127.0.0.1") -> AsyncIterator[httpx.AsyncClient]:
    """Yield a client of the whole app that keeps cookies and comes from `address`."""
    transport = httpx.ASGITransport(app=build(w.ctx), client=(address, 50_000))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080") as http:
        yield http


@asynccontextmanager
async def organisation(dsn: str, clock: FakeClock) -> AsyncIterator[tuple[World, Api]]:
    """Yield the small organisation and its admin's key with every scope."""
    async with world(dsn, clock) as w, browser(w) as http:
        yield w, Api(http, await key_of(w.ctx.db, clock, w.mara))
