"""Who is asking: sessions, CSRF, API keys and sign-in, for every slice's web edge."""

from dataclasses import dataclass
from datetime import timedelta
from functools import cache, partial
from typing import Annotated
from urllib.parse import quote

from argon2.exceptions import InvalidHashError, VerificationError
from fastapi import Depends, Request, Response, Security
from fastapi.params import Depends as Needed
from fastapi.security import HTTPBearer
from starlette.datastructures import FormData

from firebell.kit import signing
from firebell.kit.context import Context
from firebell.kit.errors import FirebellError, Forbidden, Invalid, Unauthenticated
from firebell.kit.events import Actor
from firebell.kit.threads import PASSWORDS
from firebell.people import permissions, store
from firebell.people.actions import hasher
from firebell.people.model import Person, Role
from firebell.people.permissions import RULES, Rights, Verb
from firebell.people.throttle import Throttle

COOKIE = "firebell_session"
LIFETIME = timedelta(days=30)
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
    """A page needs somebody to sign in first; answered with a redirect to /login."""

    def __init__(self, target: str) -> None:
        super().__init__("Please sign in.")
        self.location = "/login" if target in ("", "/") else f"/login?next={quote(target, safe='')}"


def actor_of(person: Person) -> Actor:
    """Return the person as the actor of what they do."""
    return Actor("person", person.name, person.id)


def rights_of(person: Person) -> Rights:
    """Return the rights of somebody who is signed in with a browser."""
    return Rights(Role(person.role))


async def visitor(request: Request) -> Person | None:
    """Return who is signed in, None for nobody; the answer is kept for the request."""
    if not hasattr(request.state, "me"):
        request.state.me, request.state.csrf = None, ""
        token = request.cookies.get(COOKIE, "")
        if token:
            ctx: Context = request.app.state.ctx
            async with ctx.db.reads() as tx:
                found = await store.session(tx, signing.token_hash(token), ctx.clock.now())
            if found:
                request.state.me, request.state.csrf = found
                request.state.may = partial(permissions.allows, rights_of(found[0]))
    person: Person | None = request.state.me
    return person


async def signed_in(request: Request) -> Person:
    """Return who is signed in; send others to /login."""
    person = await visitor(request)
    if person is None:
        target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        raise SignInNeeded(target if request.method in _SAFE else "/")
    return person


@dataclass(frozen=True, slots=True)
class PageDecision:
    """Lets a request for an HTML route pass if the person who is signed in may do the verb."""

    verb: Verb

    async def __call__(self, request: Request) -> None:
        permissions.check(rights_of(await signed_in(request)), self.verb)
        request.state.verb = self.verb


@dataclass(frozen=True, slots=True)
class Public:
    """Declares a route that anyone may ask, with the reason."""

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
    """Return the posted form of a signed-in person, of so many files and fields at most, its CSRF value checked.

    Raises `RuntimeError` on a route that does not declare with `needs` what it does.
    """
    await signed_in(request)
    if not hasattr(request.state, "verb"):
        raise RuntimeError(f"{request.url.path} takes a form but declares no verb.")
    data = await request.form(max_files=files, max_fields=fields, max_part_size=_LARGEST_FIELD)
    if not request.state.csrf or data.get("csrf") != request.state.csrf:
        await data.close()
        raise Forbidden(
            "This form is from another sign-in.", hint="Go back, load the page again and repeat it."
        )
    return data


_bearer = HTTPBearer(
    auto_error=False,
    scheme_name="key",
    description="A key from Settings, API keys; or the cookie of a browser session and its X-CSRF header.",
)


@dataclass(frozen=True, slots=True)
class ApiDecision:
    """Lets a request for an API route pass if its key, or its session, may do the verb."""

    verb: Verb

    async def __call__(
        self, request: Request, _shown_in_openapi: Annotated[object, Security(_bearer)]
    ) -> Caller:
        caller = await _by_key(request) or await _by_session(request)
        if caller is None:
            raise Unauthenticated(
                "The request carries no valid key.",
                hint="Send 'Authorization: Bearer fb_...' with a key from Settings, API keys.",
            )
        permissions.check(caller.rights, self.verb)
        return caller


def may(verb: Verb) -> Needed:
    """Return the dependency of an API route: its `Caller`, who may do the verb."""
    scope = RULES[verb].scope
    needed: Needed = Security(ApiDecision(verb), scopes=[scope] if scope else [])
    return needed


_NOTED = timedelta(minutes=1)
"""How often the use of a key is noted at most."""


async def _by_key(request: Request) -> Caller | None:
    kind, _, secret = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "bearer" or not secret:
        return None
    ctx: Context = request.app.state.ctx
    async with ctx.db.reads() as tx:
        found = await store.key(tx, signing.token_hash(secret.strip()))
    if found is None:
        return None
    owner, key = found
    if key.last_used_at is None or ctx.clock.now() - key.last_used_at >= _NOTED:
        async with ctx.db.tx() as tx:
            await store.touch_key(tx, key.id, ctx.clock.now())
    rights = Rights(Role(owner.role), frozenset(key.scopes))
    return Caller(Actor("key", f"{owner.name} ({key.name})", owner.id), owner.id, rights)


async def _by_session(request: Request) -> Caller | None:
    person = await visitor(request)
    if person is None:
        return None
    if request.method not in _SAFE and request.headers.get("x-csrf") != request.state.csrf:
        raise Forbidden("The X-CSRF header is missing or from another sign-in.")
    return Caller(actor_of(person), person.id, rights_of(person))


_throttle = Throttle()


@cache
def _nobodys_hash() -> str:
    return hasher.hash("nobody has this password")


def _right(stored: str, password: str) -> bool:
    try:
        return hasher.verify(stored, password)
    except (VerificationError, InvalidHashError):
        return False


async def sign_in(request: Request, email: str, password: str) -> Person:
    """Return the person whose password this is; a wrong one and an unknown address look the same."""
    ctx: Context = request.app.state.ctx
    account, address = email.strip().lower()[:254], request.client.host if request.client else ""
    _throttle.attempt(account, address, ctx.clock.now())
    async with ctx.db.tx() as tx:
        found = await store.credentials(tx, account) if account.isprintable() else None
    stored = found[1] if found else None
    good = await PASSWORDS.run(lambda: _right(stored or _nobodys_hash(), password))
    if found is None or stored is None or not good:
        raise Invalid("The e-mail address or the password is wrong.")
    _throttle.succeeded(account, address)
    return found[0]


async def start_session(request: Request, response: Response, person: Person) -> None:
    """Sign the person in on this browser for 30 days."""
    ctx: Context = request.app.state.ctx
    token, now = signing.random_token(), ctx.clock.now()
    async with ctx.db.tx() as tx:
        await store.insert_session(
            tx, signing.token_hash(token), person.id, signing.random_token(18), now, now + LIFETIME
        )
        await tx.audit(actor_of(person), "person.signed_in", f"person:{person.id}", now)
    response.set_cookie(
        COOKIE,
        token,
        max_age=int(LIFETIME.total_seconds()),
        httponly=True,
        samesite="lax",
        secure=ctx.public_url.startswith("https://"),
    )


async def end_session(request: Request, response: Response) -> None:
    """Sign out on this browser."""
    ctx: Context = request.app.state.ctx
    async with ctx.db.tx() as tx:
        await store.delete_session(tx, signing.token_hash(request.cookies.get(COOKIE, "")))
    response.delete_cookie(COOKIE)
