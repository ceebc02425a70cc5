"""Outbound HTTP that cannot be aimed at the inside of the network (SSRF guard)."""

import asyncio
import contextlib
import ipaddress
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpcore
import httpx

from firebell.kit.errors import Invalid

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_ENOUGH = 64 * 1024
_TUNNELS = [ipaddress.ip_network(n) for n in ("::/96", "64:ff9b::/96", "2001::/32", "2002::/16")]
"""IPv4 in IPv6 (compatible, NAT64, Teredo, 6to4): a gateway would dial the inner address, whatever it is."""


def parse_networks(text: str) -> tuple[Network, ...]:
    """Parse a comma-separated list of networks that may be reached although they are private."""
    return tuple(ipaddress.ip_network(part.strip()) for part in text.split(",") if part.strip())


def allowed(address: str, networks: Iterable[Network]) -> bool:
    """Say whether an IP address may be dialled: public, or inside an allowed network."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped:
        ip = ip.ipv4_mapped
    if any(ip.version == net.version and ip in net for net in networks):
        return True
    if isinstance(ip, ipaddress.IPv6Address) and (ip.is_site_local or any(ip in net for net in _TUNNELS)):
        return False
    return ip.is_global and not ip.is_multicast


def check_url(url: str, field: str = "address") -> str:
    """Return `url` when it is an http(s) address with a host and no credentials, else raise `Invalid`."""
    text = url.strip()
    wrong = Invalid(f"{url!r} is not a web address.", fields={field: "Use https://host/path."})
    try:
        parts = urlsplit(text)
        port_known = parts.port != 0
        httpx.URL(text)
    except (ValueError, httpx.InvalidURL):
        raise wrong from None
    if parts.scheme not in ("http", "https") or not parts.hostname or not port_known or len(text) > 2000:
        raise wrong
    if not text.isprintable() or " " in text:
        raise wrong
    if parts.username or parts.password:
        raise Invalid(
            "A web address must not carry a user name or password.", fields={field: "Leave them out."}
        )
    return text


class _GuardedBackend(httpcore.AsyncNetworkBackend):
    """Resolves a name once, checks every address, and dials what was checked (no DNS rebinding)."""

    def __init__(self, networks: tuple[Network, ...]) -> None:
        self._inner = httpcore.AnyIOBackend()
        self._networks = networks

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's interface
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        try:
            infos = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as exc:
            raise httpcore.ConnectError(f"{host} cannot be resolved") from exc
        addresses = dict.fromkeys(str(info[4][0]) for info in infos)
        good = [a for a in addresses if allowed(a, self._networks)]
        if not good:
            raise httpcore.ConnectError(
                f"{host} is a private address; FIREBELL_ALLOWED_NETWORKS can allow it"
            )
        for address in good[:-1]:
            with contextlib.suppress(httpcore.ConnectError, httpcore.ConnectTimeout):
                return await self._inner.connect_tcp(address, port, timeout, local_address, socket_options)
        return await self._inner.connect_tcp(good[-1], port, timeout, local_address, socket_options)

    async def connect_unix_socket(self, *args: Any, **kwargs: Any) -> httpcore.AsyncNetworkStream:
        raise httpcore.ConnectError("local sockets are never dialled")

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


def guarded_client(networks: tuple[Network, ...]) -> httpx.AsyncClient:
    """Return a client without redirects, with a 10 s limit, that dials only allowed addresses."""
    transport = httpx.AsyncHTTPTransport(retries=0, limits=httpx.Limits(max_keepalive_connections=50))
    transport._pool._network_backend = _GuardedBackend(networks)
    return httpx.AsyncClient(transport=transport, timeout=10, follow_redirects=False, trust_env=False)


@dataclass(frozen=True, slots=True)
class Reply:
    """What a receiver answered; `text` is the beginning of its body."""

    status: int
    retry_after: str
    text: str

    @property
    def ok(self) -> bool:
        """Whether it is a 2xx."""
        return 200 <= self.status < 300


async def post(http: httpx.AsyncClient, url: str, **given: Any) -> Reply:
    """Post and return the answer, of which at most 64 KiB are read however much is sent."""
    read = bytearray()
    async with http.stream("POST", url, **given) as response:
        async for chunk in response.aiter_bytes():
            read += chunk
            if len(read) > _ENOUGH:
                break
        text = bytes(read[:_ENOUGH]).decode(response.encoding or "utf-8", "replace")
        return Reply(response.status_code, response.headers.get("retry-after", ""), text)


@dataclass(frozen=True, slots=True)
class Got:
    """What a server has at an address; `body` is None when it is as it was (304)."""

    body: bytes | None
    etag: str
    modified: str


async def get(http: httpx.AsyncClient, url: str, etag: str, modified: str, limit: int) -> Got:
    """Return what is at `url` unless it is as it was, following at most three redirects.

    Raises `Invalid` for any other answer and for more than `limit` bytes, `httpx.HTTPError` for none.
    """
    headers = {"Accept-Encoding": "identity", "User-Agent": "firebell"}
    headers |= {"If-None-Match": etag} if etag else {}
    headers |= {"If-Modified-Since": modified} if modified else {}
    for _ in range(4):
        async with http.stream("GET", url, headers=headers) as response:
            if response.status_code == httpx.codes.NOT_MODIFIED:
                return Got(None, etag, modified)
            if response.has_redirect_location:
                url = check_url(str(httpx.URL(url).join(response.headers["location"])))
                continue
            if response.status_code != httpx.codes.OK:
                raise Invalid(f"The server answered {response.status_code} {response.reason_phrase}.")
            read = bytearray()
            async for chunk in response.aiter_bytes(64 * 1024):
                read += chunk
                if len(read) > limit:
                    raise Invalid(f"There are more than {limit // 1024**2} MB.")
            return Got(
                bytes(read), response.headers.get("etag", ""), response.headers.get("last-modified", "")
            )
    raise Invalid("The address redirects more than three times.")
