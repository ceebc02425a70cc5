"""Sign-in with a password, and the sessions that it starts and ends."""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

from fastapi import Request, Response

from firebell.kit import signing
from firebell.kit.context import Context
from firebell.kit.db.database import Tx
from firebell.kit.errors import Invalid, TooMany
from firebell.kit.text import clean_text
from firebell.kit.threads import PASSWORDS
from firebell.people import authentication, store
from firebell.people.model import Person, Session
from firebell.people.sessions import actions as sessions
from firebell.people.sessions import cookies
from firebell.people.sessions import store as session_store
from firebell.people.sign_in import attempts as sign_in_attempts
from firebell.people.sign_in import limits as sign_in_limits
from firebell.people.sign_in import password_hashing

log = logging.getLogger("firebell.web")


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
    account, address, now = (
        email.strip().lower()[:254],
        authentication.client_address(request),
        ctx.clock.now(),
    )
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


_AGENT_MAX_CHARS = 300
"""How much of the name of a browser is kept."""
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
    """Return the token of a new session; raise `Invalid` when `password_hash` is not in force anymore."""
    token = signing.random_token()
    agent = clean_text(request.headers.get("user-agent", "")[:_AGENT_MAX_CHARS], _AGENT_MAX_CHARS)
    session = Session(
        0, agent, authentication.client_address(request), now, now, sessions.expires_at(now, now)
    )
    await session_store.prune_sessions(tx, now)
    stored = await session_store.insert_session(
        tx, signing.token_hash(token), person, session, signing.random_token(18), password_hash
    )
    if not stored:
        raise Invalid("The email address or the password is wrong.")
    await tx.audit(
        authentication.actor_of(person),
        "person.signed_in",
        f"person:{person.id}",
        now,
        address=session.address,
    )
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
    person, session = await authentication.visitor(request), authentication.current_session(request)
    if person is not None and session is not None:
        async with ctx.db.tx() as tx:
            await sessions.end(tx, authentication.actor_of(person), person.id, session.id, ctx.clock.now())
    cookies.clear_session(request, response)
