"""Who makes a request: the person of its session, or the owner of its API key."""

import contextlib
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Annotated
from urllib.parse import quote

from fastapi import Depends, Request

from firebell.kit import private_reader, signing
from firebell.kit.context import Context
from firebell.kit.db.events import Actor
from firebell.kit.errors import FirebellError, Forbidden, Unavailable
from firebell.kit.web import csrf, html
from firebell.people import permissions
from firebell.people.api_keys import store as key_store
from firebell.people.model import Person, Role, Session
from firebell.people.permissions import Rights
from firebell.people.sessions import actions as sessions
from firebell.people.sessions import cookies
from firebell.people.sessions import store as session_store

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls the API, and with which rights."""

    actor: Actor
    person_id: int
    rights: Rights

    @property
    def scopes(self) -> frozenset[str]:
        """The scopes in force for this request."""
        return self.rights.scopes


class SignInNeeded(FirebellError):  # noqa: N818
    """The page requires a session; the handler redirects to /login, and from there to `target`."""

    def __init__(self, target: str) -> None:
        super().__init__("Please sign in.")
        self.location = "/login" if target in ("", "/") else f"/login?next={quote(target, safe='')}"


def actor_of(person: Person) -> Actor:
    """Return the actor for a person."""
    return Actor("person", person.name, person.id, rights_of(person))


def rights_of(person: Person) -> Rights:
    """Return the rights of a browser session: those of the person's role."""
    return Rights(Role(person.role))


async def visitor(request: Request) -> Person | None:
    """Return the signed-in person, or None; cached for the request."""
    if not hasattr(request.state, "me"):
        request.state.me, request.state.csrf, request.state.session = None, "", None
        token = cookies.session_token(request)
        if token:
            ctx: Context = request.app.state.ctx
            async with ctx.db.reads() as tx:
                stored = await session_store.session(tx, signing.token_hash(token), ctx.clock.now())
            if stored:
                request.state.me, request.state.csrf, request.state.session = person, _, session = stored
                request.state.may = partial(permissions.allows, rights_of(person))
                private_reader.restrict(permissions.private_reader(rights_of(person), person.id))
                await _touch(request, session)
    me: Person | None = request.state.me
    return me


def client_address(request: Request) -> str:
    """Return the address of the client, or nothing if the server does not know it."""
    return request.client.host if request.client else ""


async def _touch(request: Request, session: Session) -> None:
    """Record that a session was used, at most once per interval; a read-only database is ignored."""
    ctx: Context = request.app.state.ctx
    now, address = ctx.clock.now(), client_address(request)
    if now - session.last_used_at < sessions.TOUCH_INTERVAL:
        return
    with contextlib.suppress(Unavailable):
        async with ctx.db.tx() as tx:
            expires_at = sessions.expires_at(session.created_at, now)
            await session_store.touch_session(tx, session.id, address, expires_at, now)


def current_session(request: Request) -> Session | None:
    """Return the request's session after `visitor` or `signed_in`; None for an API key or a stranger."""
    session: Session | None = getattr(request.state, "session", None)
    return session


async def _session_id(request: Request) -> int:
    session = current_session(request)
    return session.id if session else 0


SessionIdOf = Annotated[int, Depends(_session_id)]
"""The id of the session that calls the API, 0 for a key."""


async def signed_in(request: Request) -> Person:
    """Return the signed-in person; redirect others to /login."""
    person = await visitor(request)
    if person is None:
        target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        raise SignInNeeded(target if request.method in SAFE_METHODS else html.came_from(request))
    return person


_KEY_TOUCH_INTERVAL = timedelta(minutes=1)
"""The use of a key is recorded at most once per interval."""


def bearer_secret(request: Request) -> str:
    """Return the API key that a request carries, or nothing."""
    kind, _, secret = request.headers.get("authorization", "").partition(" ")
    return secret.strip() if kind.lower() == "bearer" else ""


async def by_key(request: Request) -> Caller | None:
    """Return the caller for the API key in the request, or None; record the key's use if the database allows it."""
    ctx: Context = request.app.state.ctx
    async with ctx.db.reads() as tx:
        stored = await key_store.key(tx, signing.token_hash(bearer_secret(request)))
    if stored is None:
        return None
    owner, key = stored
    if key.last_used_at is None or ctx.clock.now() - key.last_used_at >= _KEY_TOUCH_INTERVAL:
        with contextlib.suppress(Unavailable):
            async with ctx.db.tx() as tx:
                await key_store.touch_key(tx, key.id, ctx.clock.now())
    rights = Rights(Role(owner.role), frozenset(key.scopes))
    private_reader.restrict(permissions.private_reader(rights, owner.id))
    return Caller(Actor("key", f"{owner.name} ({key.name})", owner.id, rights), owner.id, rights)


async def by_session(request: Request) -> Caller | None:
    """Return the caller of the session, or None; raise `Forbidden` if a change lacks its token."""
    person = await visitor(request)
    if person is None:
        return None
    token = request.headers.get("x-csrf")
    if request.method not in SAFE_METHODS and not csrf.matches(token, request.state.csrf):
        raise Forbidden(
            "The X-CSRF header is missing or belongs to another session.",
            hint="Reload the page and try again.",
        )
    return Caller(actor_of(person), person.id, rights_of(person))
