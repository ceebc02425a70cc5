"""Detects cross-site requests, and checks the Host header (pure)."""

import ipaddress
from collections.abc import Collection
from urllib.parse import urlsplit

_SAFE = ("GET", "HEAD", "OPTIONS")
_LOCAL = ("localhost", "ip6-localhost")


def host_name(host: str) -> str:
    """Return the name in a Host header, in lower case and without its port."""
    try:
        return (urlsplit(f"//{host.strip()}").hostname or "").rstrip(".")
    except ValueError:
        return ""


def is_ip(name: str) -> bool:
    """Return True if a host name is a literal IP address."""
    try:
        ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return False
    return True


def is_allowed_host(host: str, allowed: Collection[str]) -> bool:
    """Return True if a request for this Host may be answered, which prevents DNS rebinding.

    Literal addresses and loopback names are always allowed, and so is a client without a Host header, which is
    not a browser. `*.example.org` in `allowed` matches every name below example.org.
    """
    if not host:
        return True
    name = host_name(host)
    if is_ip(name) or name in _LOCAL or name.endswith(".localhost"):
        return True
    return any(name.endswith(a[1:]) if a.startswith("*.") else name == a for a in allowed)


def is_cross_site(method: str, host: str, site: str, origin: str, public_url: str) -> bool:
    """Return True if another site made the browser send this request and it could change something.

    `site` is Sec-Fetch-Site, which browsers send to HTTPS and loopback addresses; elsewhere `origin` decides.
    A client that sends neither is not a current browser.
    """
    if method in _SAFE:
        return False
    if site:
        return site not in ("same-origin", "none")
    if not origin:
        return False
    try:
        netloc = urlsplit(origin).netloc.lower()
    except ValueError:
        return True
    return netloc not in (host.lower(), urlsplit(public_url).netloc.lower()) or not netloc
