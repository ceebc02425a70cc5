"""Authentication for every slice's web and API routes: sessions, CSRF tokens, API keys and sign-in."""

import contextlib
import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache, partial
from typing import Annotated
from urllib.parse import quote

from fastapi import Depends, Request, Response, Security
from fastapi.params import Depends as Needed
from fastapi.security import HTTPBearer
from starlette.datastructures import FormData

from firebell.kit import signing
from firebell.kit.context import Context
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import FirebellError, Forbidden, Invalid, TooMany, Unauthenticated, Unavailable
from firebell.kit.text import clean_text
from firebell.kit.threads import PASSWORDS
from firebell.kit.web import csrf
from firebell.people import (
    cookies,
    key_store,
    password_hashing,
    permissions,
    session_store,
    sessions,
    sign_in_attempts,
    sign_in_limits,
    store,
)
from firebell.people.model import Person, Role, Session
from firebell.people.permissions import RULES, Rights, Verb

log = logging.getLogger("firebell.web")

_LARGEST_FIELD = 4 * 1024 * 1024
_SAFE = ("GET", "HEAD", "OPTIONS")


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
    """The page requires a session; the handler redirects to /login."""

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
                await _touch(request, session)
    me: Person | None = request.state.me
    return me


def _address(request: Request) -> str:
    return request.client.host if request.client else ""


async def _touch(request: Request, session: Session) -> None:
    """Record that a session was used, at most once per interval; a read-only database is ignored."""
    ctx: Context = request.app.state.ctx
    now, address = ctx.clock.now(), _address(request)
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


_RECHECK_INTERVAL = timedelta(minutes=1)
"""How often a stream rechecks its session in the database: a notification can be lost."""


class SessionWatch:
    """Ends an event stream when its session ends: by sign-out, deactivation or expiry."""

    def __init__(self, ctx: Context, token: str, person: Person, session: Session) -> None:
        self.topic = sessions.topic(person.id)
        self._ctx = ctx
        self._token_hash = signing.token_hash(token)
        self._expires_at = session.expires_at
        self._asked_at = ctx.clock.now()

    async def may_go_on(self, *, ask: bool) -> bool:
        """Return True while the session is in force; the database is asked when that may have changed."""
        now = self._ctx.clock.now()
        if not ask and now < min(self._expires_at, self._asked_at + _RECHECK_INTERVAL):
            return True
        try:
            async with self._ctx.db.reads() as tx:
                people = await session_store.session(tx, self._token_hash, now)
        except Unavailable:
            return now < self._expires_at
        if people is None:
            return False
        self._asked_at, self._expires_at = now, people[2].expires_at
        return True


async def watch(request: Request) -> SessionWatch:
    """Return the watch that ends an event stream when the session of the request ends."""
    person, session = await signed_in(request), current_session(request)
    assert session is not None
    return SessionWatch(request.app.state.ctx, cookies.session_token(request), person, session)


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
        raise SignInNeeded(target if request.method in _SAFE else "/")
    return person


@dataclass(frozen=True, slots=True)
class PageDecision:
    """Allows a request for an HTML route if the signed-in person may do the verb."""

    verb: Verb

    async def __call__(self, request: Request) -> None:
        permissions.check(rights_of(await signed_in(request)), self.verb)
        request.state.verb = self.verb


@dataclass(frozen=True, slots=True)
class Public:
    """Declares a route that is open to everyone, with the reason."""

    reason: str

    async def __call__(self) -> None:
        """Let everyone pass."""


def needs(verb: Verb) -> list[Needed]:
    """Return the dependencies of an HTML route: only people who may do the verb get in."""
    return [Depends(PageDecision(verb))]


def public(reason: str) -> list[Needed]:
    """Return the dependencies of a route that needs no one signed in, because of `reason`."""
    return [Depends(Public(reason))]


async def form(request: Request, files: int = 0, fields: int = 500) -> FormData:
    """Return the posted form of a signed-in person after checking its CSRF value.

    It may have at most `files` files and `fields` fields. Raises `RuntimeError` on a route that declares no verb
    with `needs`.
    """
    await signed_in(request)
    if not hasattr(request.state, "verb"):
        raise RuntimeError(f"{request.url.path} takes a form but declares no verb.")
    data = await request.form(max_files=files, max_fields=fields, max_part_size=_LARGEST_FIELD)
    if not csrf.matches(data.get("csrf"), request.state.csrf):
        await data.close()
        raise Forbidden("Your session changed.", hint="Reload the page and try again.")
    return data


_bearer = HTTPBearer(
    auto_error=False,
    scheme_name="key",
    description="A key from Settings, API keys; or the cookie of a browser session and its X-CSRF header.",
)


@dataclass(frozen=True, slots=True)
class ApiDecision:
    """Authorizes an API request by its key or its session for one verb."""

    verb: Verb

    async def __call__(
        self, request: Request, _shown_in_openapi: Annotated[object, Security(_bearer)]
    ) -> Caller:
        # a key that does not work is refused, also beside a session that would
        caller = await (_by_key(request) if _bearer_secret(request) else _by_session(request))
        if caller is None:
            raise Unauthenticated(
                "The request has no valid API key.",
                hint="Send 'Authorization: Bearer fb_...' with a key from Settings, API keys.",
            )
        permissions.check(caller.rights, self.verb)
        return caller


def may(verb: Verb) -> Needed:
    """Return the dependency of an API route: its `Caller`, who may do the verb."""
    scope = RULES[verb].scope
    needed: Needed = Security(ApiDecision(verb), scopes=[scope] if scope else [])
    return needed


_KEY_TOUCH_INTERVAL = timedelta(minutes=1)
"""The use of a key is recorded at most once per interval."""


def _bearer_secret(request: Request) -> str:
    """Return the API key that a request carries, or nothing."""
    kind, _, secret = request.headers.get("authorization", "").partition(" ")
    return secret.strip() if kind.lower() == "bearer" else ""


async def _by_key(request: Request) -> Caller | None:
    ctx: Context = request.app.state.ctx
    async with ctx.db.reads() as tx:
        stored = await key_store.key(tx, signing.token_hash(_bearer_secret(request)))
    if stored is None:
        return None
    owner, key = stored
    if key.last_used_at is None or ctx.clock.now() - key.last_used_at >= _KEY_TOUCH_INTERVAL:
        async with ctx.db.tx() as tx:
            await key_store.touch_key(tx, key.id, ctx.clock.now())
    rights = Rights(Role(owner.role), frozenset(key.scopes))
    return Caller(Actor("key", f"{owner.name} ({key.name})", owner.id, rights), owner.id, rights)


async def _by_session(request: Request) -> Caller | None:
    person = await visitor(request)
    if person is None:
        return None
    if request.method not in _SAFE and not csrf.matches(request.headers.get("x-csrf"), request.state.csrf):
        raise Forbidden(
            "The X-CSRF header is missing or belongs to another session.",
            hint="Reload the page and try again.",
        )
    return Caller(actor_of(person), person.id, rights_of(person))


@cache
def _dummy_hash() -> str:
    """Return a hash to verify against when the account is unknown, so that both cases take as long."""
    return password_hashing.hash_password("nobody has this password")


@dataclass(frozen=True, slots=True)
class Verified:
    """The person who gave the right password, and the hash it matched: a session requires that it still holds."""

    person: Person
    password_hash: str


async def sign_in(request: Request, email: str, password: str) -> Verified:
    """Return the person with this email and password; raise `Invalid`, alike for a wrong password and an unknown email.

    Raise `TooMany` without checking the password after too many failed attempts.
    """
    ctx: Context = request.app.state.ctx
    account, address, now = email.strip().lower()[:254], _address(request), ctx.clock.now()
    _warn_of_proxy(request, address, now)
    async with ctx.db.tx() as tx:
        credentials = await store.credentials(tx, account) if account.isprintable() else None
        person, password_hash = credentials or (None, None)
        person_id = person.id if person else None
        device = cookies.known_device(request, person_id, now)
        attempt = await sign_in_attempts.begin(tx, account, address, device, person_id, now)
    if isinstance(attempt, TooMany):
        raise attempt
    matches = await PASSWORDS.run(lambda: password_hashing.verify(password_hash or _dummy_hash(), password))
    async with ctx.db.tx() as tx:
        if person is not None and password_hash is not None and matches:
            await sign_in_attempts.succeed(tx, attempt)
            return Verified(person, password_hash)
        await sign_in_attempts.fail(tx, attempt, person_id, now)
    raise Invalid("The email address or the password is wrong.")


_PROXY_WARNING_INTERVAL = timedelta(hours=1)
_proxy_warned_at: dict[str, datetime] = {}


def _warn_of_proxy(request: Request, address: str, now: datetime) -> None:
    """Log at most once an hour that an untrusted proxy hides the addresses of sign-ins."""
    if not sign_in_limits.is_untrusted_proxy(address, request.headers.get("x-forwarded-for", "")):
        return
    warned_at = _proxy_warned_at.get(address)
    if warned_at is None or now - warned_at >= _PROXY_WARNING_INTERVAL:
        _proxy_warned_at.clear()
        _proxy_warned_at[address] = now
        log.warning("untrusted_proxy", extra={"address": address, "hint": "Set FIREBELL_TRUSTED_PROXIES."})


async def open_session(
    tx: Tx, request: Request, person: Person, now: datetime, password_hash: str | None = None
) -> str:
    """Return the token of a new session; raise `Invalid` when `password_hash` is not in force any more."""
    token = signing.random_token()
    agent = clean_text(request.headers.get("user-agent", ""), 300)
    session = Session(0, agent, _address(request), now, now, sessions.expires_at(now, now))
    await session_store.prune_sessions(tx, now)
    stored = await session_store.insert_session(
        tx, signing.token_hash(token), person, session, signing.random_token(18), password_hash
    )
    if not stored:
        raise Invalid("The email address or the password is wrong.")
    await tx.audit(actor_of(person), "person.signed_in", f"person:{person.id}", now, address=session.address)
    return token


def keep_session(request: Request, response: Response, person: Person, token: str) -> None:
    """Set the session cookie and the cookie that marks this browser as known for the person."""
    ctx: Context = request.app.state.ctx
    cookies.set_session(request, response, token)
    cookies.set_device(request, response, person.id, ctx.clock.now())


async def start_session(
    request: Request, response: Response, person: Person, password_hash: str | None = None
) -> None:
    """Start a session in this browser; raise `Invalid` when `password_hash` is no longer the person's."""
    ctx: Context = request.app.state.ctx
    async with ctx.db.tx() as tx:
        token = await open_session(tx, request, person, ctx.clock.now(), password_hash)
    keep_session(request, response, person, token)


async def end_session(request: Request, response: Response) -> None:
    """Sign out on this browser."""
    ctx: Context = request.app.state.ctx
    person, session = await visitor(request), current_session(request)
    if person is not None and session is not None:
        async with ctx.db.tx() as tx:
            await sessions.end(tx, actor_of(person), person.id, session.id, ctx.clock.now())
    cookies.clear_session(request, response)
