"""Who may read a private status page (pure; spec 7.9): the one check before every path of a page."""

import hashlib
import hmac
import ipaddress
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from functools import lru_cache

from firebell.kit.ip_addresses import Network, is_in, parse_ip
from firebell.status_pages.hosting.model import PageAccess
from firebell.status_pages.model import PageVisibility

COOKIE_LIFETIME = timedelta(hours=12)
PASSWORD_MIN_CHARS = 10
_COOKIE_PURPOSE = b"firebell status page reader"


class Admission(Enum):
    """What a reader of a page gets."""

    ADMITTED = "admitted"
    MUST_SIGN_IN = "must_sign_in"
    HIDDEN = "hidden"
    """The answer is that of a page that does not exist."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """What a request proves about its reader."""

    address: str = ""
    cookie: str = ""
    """The value of the page's cookie."""
    feed_key: str = ""
    """The key in the query; only what machines read takes it."""


def admission(
    visibility: PageVisibility, slug: str, access: PageAccess, visitor: Visitor, now: datetime
) -> Admission:
    """Return what a reader of a page gets; everyone is admitted to a page that is not private."""
    if visibility is not PageVisibility.PRIVATE:
        return Admission.ADMITTED
    if access.networks:
        if not is_in_networks(visitor.address, access.networks):
            return Admission.HIDDEN
        if access.networks_suffice:
            return Admission.ADMITTED
    if visitor.feed_key and key_hash(visitor.feed_key) in access.feed_key_hashes:
        return Admission.ADMITTED
    if not access.password_hash:
        return Admission.HIDDEN
    if is_valid_cookie(visitor.cookie, slug, access.password_hash, now):
        return Admission.ADMITTED
    return Admission.MUST_SIGN_IN


def parse_network(text: str) -> Network:
    """Return a network; raise `ValueError`."""
    return ipaddress.ip_network(text.strip(), strict=False)


def is_in_networks(address: str, networks: tuple[str, ...]) -> bool:
    """Return True if an address belongs to one of the networks; an IPv4 address mapped to IPv6 counts as itself."""
    try:
        ip = parse_ip(address)
    except ValueError:
        return False
    return is_in(ip, map(parse_network, networks))


@lru_cache(maxsize=4096)
def is_outside(address: str) -> bool:
    """Return True if an address is one of the public internet; an IPv4 address mapped to IPv6 counts as itself.

    Cached: every view of a status page asks, and the comparison with all reserved networks takes as long as the view.
    """
    try:
        ip = parse_ip(address)
    except ValueError:
        return False
    return ip.is_global and not ip.is_multicast


def failure_network(address: str) -> str:
    """Return what counts as one address for wrong passwords: an IPv6 host is given a /64."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is None:
        return str(ipaddress.ip_network((ip, 64), strict=False))
    return str(ip)


def key_hash(key: str) -> str:
    """Return the hash of a feed key, as it is stored."""
    return hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()


def cookie_name(slug: str, *, is_secure: bool) -> str:
    """Return the name of a page's cookie; with the prefix, neither a subdomain nor plain HTTP can set it."""
    return f"__Host-fbp-{slug}" if is_secure else f"fbp-{slug}"


def new_cookie(slug: str, password_hash: str, now: datetime) -> str:
    """Return the cookie of a reader who knows the password; it is worthless once the password changes."""
    expires = int((now + COOKIE_LIFETIME).timestamp())
    return f"{expires}.{_cookie_mac(slug, password_hash, expires)}"


def is_valid_cookie(cookie: str, slug: str, password_hash: str, now: datetime) -> bool:
    """Return True if this cookie was made with the page's present password and has not expired."""
    expires, _, mac = cookie.partition(".")
    if (
        not (expires.isascii() and expires.isdigit() and len(expires) <= 12)
        or int(expires) <= now.timestamp()
    ):
        return False
    return hmac.compare_digest(mac.encode(), _cookie_mac(slug, password_hash, int(expires)).encode())


def _cookie_mac(slug: str, password_hash: str, expires: int) -> str:
    """Return the code of a cookie, keyed by the salted hash of the password, which no reader knows."""
    return hmac.new(
        hashlib.sha256(_COOKIE_PURPOSE + password_hash.encode()).digest(),
        f"{slug}\0{expires}".encode(),
        hashlib.sha256,
    ).hexdigest()
