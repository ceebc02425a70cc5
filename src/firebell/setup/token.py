"""Who may do the first run: someone on this machine, or someone with the token that the terminal printed."""

from collections.abc import Mapping
from datetime import timedelta
from ipaddress import ip_address
from urllib.parse import urlsplit

from fastapi import Request

from firebell.kit import html
from firebell.kit.context import Context
from firebell.kit.errors import Forbidden, Invalid

PURPOSE = "setup"
LIFETIME = timedelta(days=1)
PROXY_HEADERS = (
    *("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip"),
)


def _is_loopback(host: str) -> bool:
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback


def is_local(client: str, headers: Mapping[str, str]) -> bool:
    """Return True if a request comes from this machine, past no proxy, for a name of this machine.

    The name keeps out a web page whose own name was made to point here (DNS rebinding).
    """
    if not _is_loopback(client) or any(name in headers for name in PROXY_HEADERS):
        return False
    try:
        host = urlsplit(f"//{headers.get('host', '')}").hostname or ""
    except ValueError:
        return False
    return host == "localhost" or _is_loopback(host)


def token(ctx: Context) -> str:
    """Return a token that opens the first run for a day."""
    return ctx.signer.sign(PURPOSE, {}, ctx.clock.now() + LIFETIME)


def link(ctx: Context) -> str:
    """Return the address at which the first run can be done from anywhere."""
    return f"{ctx.public_url}/setup?token={token(ctx)}"


def check_token(ctx: Context, given: str) -> None:
    """Raise `Forbidden` unless the token was made here and has not expired."""
    try:
        ctx.signer.open(PURPOSE, given, ctx.clock.now())
    except Invalid as error:
        raise Forbidden(
            "Setting up Firebell from another machine needs a token.",
            hint="Open the address that Firebell printed when it started; after a day, start it again.",
        ) from error


def check(request: Request, given: str) -> None:
    """Raise `Forbidden` unless the request is local or carries the token."""
    client = request.client.host if request.client else ""
    if given or not is_local(client, request.headers):
        check_token(html.ctx(request), given)
