"""Who may run setup: someone on this machine, or someone with the token printed in the terminal."""

from collections.abc import Mapping
from datetime import timedelta
from ipaddress import ip_address
from urllib.parse import urlsplit

from fastapi import Request

from firebell.kit.context import Context
from firebell.kit.errors import Forbidden, Invalid
from firebell.kit.web import html

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
    """Return True if a request comes from this machine without a proxy, for a local host name.

    Checking the host name prevents DNS rebinding.
    """
    if not _is_loopback(client) or any(name in headers for name in PROXY_HEADERS):
        return False
    try:
        host = urlsplit(f"//{headers.get('host', '')}").hostname or ""
    except ValueError:
        return False
    return host == "localhost" or _is_loopback(host)


def token(ctx: Context) -> str:
    """Return a token that gives access to setup for a day."""
    return ctx.signer.sign(PURPOSE, {}, ctx.clock.now() + LIFETIME)


def link(ctx: Context) -> str:
    """Return the link with which setup can be run from any machine."""
    return f"{ctx.public_url}/setup?token={token(ctx)}"


def check_token(ctx: Context, presented: str) -> None:
    """Raise `Forbidden` unless the token is valid and not expired."""
    try:
        ctx.signer.open(PURPOSE, presented, ctx.clock.now())
    except Invalid as error:
        raise Forbidden(
            "Setting up Firebell from another machine needs a token.",
            hint="Open the link that Firebell printed at startup. It is valid for a day; restart for a new one.",
        ) from error


def check(request: Request, presented: str) -> None:
    """Raise `Forbidden` unless the request is local or carries the token."""
    client = request.client.host if request.client else ""
    if presented or not is_local(client, request.headers):
        check_token(html.ctx(request), presented)
