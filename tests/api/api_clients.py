"""API clients: the whole app over ASGI, with keys of people in every role."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from starlette.types import ASGIApp

from firebell.app import build
from firebell.kit import signing
from firebell.kit.clock import FakeClock
from firebell.kit.db.database import Db
from firebell.kit.db.events import Actor
from firebell.people import actions as people
from firebell.people.model import Role, Session
from firebell.people.permissions import ROLE_SCOPES
from firebell.people.sessions import actions as sessions
from firebell.people.sessions import cookies
from firebell.people.sessions import store as session_store
from tests.world import World, world

TEST = Actor("system", "Test")
UNCOMPRESSED = {"Accept-Encoding": "identity"}
"""Spares both ends the work; tests of compression ask for it."""


async def key_of(db: Db, clock: FakeClock, person: int, scopes: Sequence[str] = ()) -> str:
    """Return the secret of a new key of a person, with these scopes, or with all that their role includes."""
    async with db.tx() as tx:
        if not scopes:
            scopes = sorted(ROLE_SCOPES[Role((await people.person(tx, person)).role)])
        _, secret = await people.create_api_key(
            tx, TEST, name="test", scopes=list(scopes), person_id=person, now=clock.now()
        )
    return secret


@dataclass(slots=True)
class Api:
    """Calls the app with one key and asserts the expected status."""

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
async def browser(
    w: World, address: str = "127.0.0.1", app: ASGIApp | None = None
) -> AsyncIterator[httpx.AsyncClient]:
    """Yield a client of `app`, or of a new one, that keeps cookies and comes from `address`."""
    if app is None:
        app = built = build(w.ctx)
        # no test measures how long that takes
        await built.load()
    transport = httpx.ASGITransport(app=app, client=(address, 50_000))
    async with httpx.AsyncClient(
        transport=transport, base_url="http://127.0.0.1:8080", headers=UNCOMPRESSED
    ) as http:
        yield http


async def sign_in(w: World, http: httpx.AsyncClient, person: int) -> str:
    """Give the client a session of the person, and return the session's CSRF value."""
    token, csrf = signing.random_token(), signing.random_token(18)
    session = Session(0, "a test", "127.0.0.1", w.now, w.now, sessions.expires_at(w.now, w.now))
    async with w.ctx.db.tx() as tx:
        owner = await people.person(tx, person)
        assert await session_store.insert_session(tx, signing.token_hash(token), owner, session, csrf, None)
    http.cookies.set(cookies.SESSION, token)
    return csrf


@asynccontextmanager
async def organization(dsn: str, clock: FakeClock) -> AsyncIterator[tuple[World, Api]]:
    """Yield the small organization and its admin's key with every scope."""
    async with world(dsn, clock) as w, browser(w) as http:
        yield w, Api(http, await key_of(w.ctx.db, clock, w.mara))


_documents: list[dict[str, Any]] = []


async def openapi_document(dsn: str, clock: FakeClock) -> dict[str, Any]:
    """Return the OpenAPI document, which must not be changed; every app serves the same, and takes seconds for it."""
    if not _documents:
        async with organization(dsn, clock) as (_, api):
            return await document_of(api)
    return _documents[0]


async def document_of(api: Api) -> dict[str, Any]:
    """Return the OpenAPI document, for a test that has an organization already."""
    if not _documents:
        _documents.append(await api("GET", "/openapi.json"))
    return _documents[0]
