"""The two cookies: the session, and the browser's proof that a person has signed in there before."""

from datetime import datetime, timedelta
from urllib.parse import urlsplit

from fastapi import Request, Response

from firebell.kit import signing
from firebell.kit.context import Context
from firebell.kit.errors import Invalid
from firebell.people.sessions.actions import AGE_LIMIT

SESSION, DEVICE = "firebell_session", "firebell_device"
DEVICE_LIFETIME = timedelta(days=400)
"""The longest lifetime that browsers allow."""
_MAX_ACCOUNTS = 5
"""Maximum number of people known in one browser."""
_PURPOSE = "device"


def is_secure(request: Request) -> bool:
    """Return True if the request came over HTTPS, or to the HTTPS address that people use."""
    ctx: Context = request.app.state.ctx
    public = urlsplit(ctx.public_url)
    return request.url.scheme == "https" or (
        public.scheme == "https" and request.url.hostname == public.hostname
    )


def _name(request: Request, name: str) -> str:
    """Return a cookie's name; with the prefix neither a subdomain nor plain HTTP can set it (RFC 6265bis)."""
    return f"__Host-{name}" if is_secure(request) else name


def _set(request: Request, response: Response, name: str, value: str, lifetime: timedelta) -> None:
    response.set_cookie(
        _name(request, name),
        value,
        max_age=int(lifetime.total_seconds()),
        path="/",
        httponly=True,
        samesite="lax",
        secure=is_secure(request),
    )


def session_token(request: Request) -> str:
    """Return the session token that the browser sent, or an empty string."""
    return request.cookies.get(_name(request, SESSION), "")


def set_session(request: Request, response: Response, token: str) -> None:
    """Set the session cookie."""
    _set(request, response, SESSION, token, AGE_LIMIT)


def clear_session(request: Request, response: Response) -> None:
    """Delete the session cookie."""
    response.delete_cookie(_name(request, SESSION), path="/", secure=is_secure(request), httponly=True)


def _device(request: Request, now: datetime) -> tuple[str, list[int]]:
    """Return the browser's name and the ids of people who have signed in with it; ignore an unsigned cookie."""
    ctx: Context = request.app.state.ctx
    try:
        value = ctx.signer.open(_PURPOSE, request.cookies.get(_name(request, DEVICE), ""), now)
    except Invalid:
        return "", []
    return str(value["name"]), [int(person_id) for person_id in value["people"]]


def known_device(request: Request, person_id: int | None, now: datetime) -> str:
    """Return the name of a browser in which the person has signed in before, or an empty string."""
    name, people = _device(request, now)
    return name if person_id in people else ""


def set_device(request: Request, response: Response, person_id: int, now: datetime) -> None:
    """Remember that a person has signed in with this browser."""
    ctx: Context = request.app.state.ctx
    name, people = _device(request, now)
    known = [person_id, *(i for i in people if i != person_id)][:_MAX_ACCOUNTS]
    value = {"name": name or signing.random_token(12), "people": known}
    _set(request, response, DEVICE, ctx.signer.sign(_PURPOSE, value, now + DEVICE_LIFETIME), DEVICE_LIFETIME)
