"""What each route requires: a verb that the caller may do, or the reason why it is open to everyone."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.params import Depends as Needed
from fastapi.security import HTTPBearer
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from firebell.kit.errors import Forbidden, Unauthenticated
from firebell.kit.web import csrf, typed_texts
from firebell.people import authentication, permissions
from firebell.people.authentication import Caller
from firebell.people.permissions import RULES, Verb

_LARGEST_FIELD = 4 * 1024 * 1024
_MAX_STRANGER_FILES = 20


@dataclass(frozen=True, slots=True)
class PageDecision:
    """Allows a request for an HTML route if the signed-in person may do the verb."""

    verb: Verb

    async def __call__(self, request: Request) -> None:
        permissions.check(authentication.rights_of(await authentication.signed_in(request)), self.verb)
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
    await authentication.signed_in(request)
    if not hasattr(request.state, "verb"):
        raise RuntimeError(f"{request.url.path} takes a form but declares no verb.")
    data = await request.form(max_files=files, max_fields=fields, max_part_size=_LARGEST_FIELD)
    request.state.typed_texts = typed_texts.of_form(data.multi_items())
    if not csrf.matches(data.get("csrf"), request.state.csrf):
        await data.close()
        raise Forbidden("Your session changed.", hint="Reload the page and try again.")
    return data


async def texts_of_stranger(request: Request) -> list[tuple[str, str]]:
    """Return the texts that a signed-out person typed into a form; empty if it can't be read."""
    if request.method in authentication.SAFE_METHODS:
        return []
    try:
        data = await request.form(max_files=_MAX_STRANGER_FILES, max_fields=500, max_part_size=_LARGEST_FIELD)
    except (HTTPException, ClientDisconnect):
        return []
    texts = typed_texts.of_form(data.multi_items())
    await data.close()
    return texts


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
        has_key = bool(authentication.bearer_secret(request))
        caller = await (authentication.by_key if has_key else authentication.by_session)(request)
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
