"""Outbound HTTP that cannot reach internal addresses (SSRF guard)."""

import asyncio
import contextlib
import ipaddress
import ssl
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from typing import Any
from urllib.parse import urlsplit

import httpx

from firebell.kit.errors import Invalid, Unavailable
from firebell.kit.http_transport import KeepAliveTransport
from firebell.kit.resolver import Resolver

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_REPLY_BYTES = 64 * 1024
"""Maximum number of bytes read from a response."""
LIMIT_S = 10.0
"""Total time limit of one request, however slowly bytes arrive."""
_NEXT_ADDRESS_S = 3.0
"""Connect timeout for an address while its host has others left to try."""
_NEVER = [
    ipaddress.ip_network(network)
    for network in (
        # IPv4 in IPv6 (compatible, SIIT, NAT64, local NAT64, Teredo, 6to4): a gateway connects to the inner address
        *("::/96", "::ffff:0:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "2001::/32", "2002::/16"),
        # reserved by IANA; only newer Python versions call them private
        *("192.0.0.0/24", "3fff::/20", "5f00::/16"),
        # the Azure host agent, reachable from every virtual machine
        "168.63.129.16/32",
    )
]
"""Networks never connected to, although Python may call them public."""
_VALIDATOR = 1000
"""Maximum length of a stored ETag or Last-Modified; a longer one is dropped."""
_REFUSED_ENCODING = "firebell_refused_encoding"


def parse_networks(text: str) -> tuple[Network, ...]:
    """Parse a comma-separated list of networks that may be reached although they are private."""
    return tuple(ipaddress.ip_network(part.strip()) for part in text.split(",") if part.strip())


def allowed(address: str, networks: Iterable[Network]) -> bool:
    """Return True if an IP address may be connected to: it is public or in an allowed network."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped:
        ip = ip.ipv4_mapped
    if any(ip.version == net.version and ip in net for net in networks):
        return True
    if any(ip.version == net.version and ip in net for net in _NEVER):
        return False
    if isinstance(ip, ipaddress.IPv6Address) and ip.is_site_local:
        return False
    return ip.is_global and not ip.is_multicast


def check_url(url: str, field: str = "address") -> str:
    """Return `url`; raise `Invalid` unless it is an http(s) address with a host and no credentials."""
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


class _GuardedConnect:
    """Resolves a name once, checks every address, and connects to a checked one (no DNS rebinding)."""

    def __init__(self, networks: tuple[Network, ...], resolver: Resolver) -> None:
        self._networks = networks
        self._resolver = resolver

    async def __call__(
        self,
        host: str,
        port: int,
        protocol: Callable[[], asyncio.Protocol],
        authorities: ssl.SSLContext | None,
        limit_s: float,
    ) -> None:
        try:
            addresses = await self._resolver.resolve(host)
        except TimeoutError as exc:
            raise httpx.ConnectTimeout(f"{host} cannot be resolved in time") from exc
        except (OSError, UnicodeError, Unavailable) as exc:
            raise httpx.ConnectError(f"{host} cannot be resolved") from exc
        good = [a for a in addresses if allowed(a, self._networks)]
        if not good:
            raise httpx.ConnectError(f"{host} is a private address; FIREBELL_ALLOWED_NETWORKS can allow it")
        server_name = host if authorities else None

        async def connect(address: str, limit_s: float) -> None:
            try:
                async with asyncio.timeout(limit_s):
                    await asyncio.get_running_loop().create_connection(
                        protocol, address, port, ssl=authorities, server_hostname=server_name
                    )
            except TimeoutError as exc:
                raise httpx.ConnectTimeout(f"No connection within {limit_s:g} s.") from exc
            except OSError as exc:
                raise httpx.ConnectError(str(exc)) from exc

        for address in good[:-1]:
            with contextlib.suppress(httpx.ConnectError, httpx.ConnectTimeout):
                return await connect(address, min(limit_s, _NEXT_ADDRESS_S))
        return await connect(good[-1], limit_s)


class _PlainTransport(KeepAliveTransport):
    """Requests uncompressed responses; the body of a compressed one is discarded unread, so it never expands."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        request.headers["Accept-Encoding"] = "identity"
        response = await super().handle_async_request(request)
        encoding = response.headers.get("content-encoding", "").strip()
        if encoding.lower() in ("", "identity"):
            return response
        await response.aclose()
        return httpx.Response(
            response.status_code,
            headers=[(k, v) for k, v in response.headers.raw if k.lower() != b"content-encoding"],
            stream=httpx.ByteStream(b""),
            extensions={**response.extensions, _REFUSED_ENCODING: encoding[:100]},
        )


@cache
def _trusted_authorities() -> ssl.SSLContext:
    """Return the cached TLS context; loading the certificate authorities takes longer than creating a client."""
    context = httpx.create_ssl_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


def guarded_client(networks: tuple[Network, ...], resolver: Resolver | None = None) -> httpx.AsyncClient:
    """Return a client that follows no redirects, connects only to allowed addresses and decompresses nothing."""
    transport = _PlainTransport(_GuardedConnect(networks, resolver or Resolver()), _trusted_authorities)
    return httpx.AsyncClient(transport=transport, timeout=LIMIT_S, follow_redirects=False, trust_env=False)


@dataclass(frozen=True, slots=True)
class OutboundResponse:
    """The response of a receiver; `text` is the beginning of its body, empty if it was compressed."""

    status: int
    retry_after: str
    text: str

    @property
    def ok(self) -> bool:
        """Whether it is a 2xx."""
        return 200 <= self.status < 300


@contextlib.asynccontextmanager
async def _within(limit_s: float) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(limit_s):
            yield
    except TimeoutError as exc:
        raise httpx.ReadTimeout(f"No answer within {limit_s:g} s.") from exc


async def post(
    http: httpx.AsyncClient, url: str, *, limit_s: float = LIMIT_S, **content: Any
) -> OutboundResponse:
    """Post and return the response, of which at most 64 KiB are read within `limit_s` seconds.

    A response whose headers arrived in time counts, however slow its body. Raises `httpx.HTTPError` otherwise.
    """
    return await send(http, "POST", url, limit_s=limit_s, **content)


async def send(
    http: httpx.AsyncClient,
    method: str,
    url: str,
    *,
    limit_s: float = LIMIT_S,
    max_bytes: int = _REPLY_BYTES,
    **content: Any,
) -> OutboundResponse:
    """Send a request of any method and return the response, as `post` does, of at most `max_bytes`."""
    body = bytearray()
    reply: OutboundResponse | None = None
    request = http.build_request(method, _parsed(url), **content)
    try:
        async with _within(limit_s):
            # the client would look for credentials, cookies and redirects, which messages never have
            response = await http._transport.handle_async_request(request)
            try:
                reply = OutboundResponse(
                    response.status_code, response.headers.get("retry-after", "")[:100], ""
                )
                async for chunk in response.aiter_raw():
                    body += chunk
                    if len(body) >= max_bytes:
                        break
            finally:
                await response.aclose()
    except httpx.HTTPError:
        if reply is None:
            raise
    assert reply
    return replace(reply, text=bytes(body[:max_bytes]).decode("utf-8", "replace"))


@lru_cache(maxsize=1024)
def _parsed(url: str) -> httpx.URL:
    """Return the cached parse of an address; raise `httpx.InvalidURL`."""
    return httpx.URL(url)


async def status_of(http: httpx.AsyncClient, url: str, *, limit_s: float = LIMIT_S) -> int:
    """Return the status of a GET of `url` without reading the body."""
    async with _within(limit_s), http.stream("GET", url) as response:
        return response.status_code


@dataclass(frozen=True, slots=True)
class Got:
    """A fetched document; `body` is None if it has not changed (304)."""

    body: bytes | None
    etag: str
    modified: str


async def get(
    http: httpx.AsyncClient, url: str, etag: str, modified: str, limit: int, *, limit_s: float = 30
) -> Got:
    """Return the document at `url`, following at most three redirects.

    Raises `Invalid` for any other answer, a compressed one and more than `limit` bytes,
    `httpx.HTTPError` for none within `limit_s` seconds.
    """
    headers = {"User-Agent": "firebell"}
    headers |= {"If-None-Match": etag} if etag else {}
    headers |= {"If-Modified-Since": modified} if modified else {}
    async with _within(limit_s):
        for _ in range(4):
            async with http.stream("GET", url, headers=headers) as response:
                if response.status_code == httpx.codes.NOT_MODIFIED:
                    return Got(None, etag, modified)
                if response.has_redirect_location:
                    url = check_url(str(httpx.URL(url).join(response.headers["location"])))
                    continue
                return await _got(response, limit)
    raise Invalid("The address redirects more than three times.")


async def _got(response: httpx.Response, limit: int) -> Got:
    if response.status_code != httpx.codes.OK:
        raise Invalid(f"The server answered {response.status_code} {response.reason_phrase[:200]}.")
    if encoding := response.extensions.get(_REFUSED_ENCODING):
        raise Invalid(f"The server answered compressed ({encoding}), although it was asked not to.")
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > limit:
            raise Invalid(f"There are more than {limit // 1024**2} MB.")
    validators = (response.headers.get(name, "") for name in ("etag", "last-modified"))
    return Got(bytes(body), *(value if len(value) <= _VALIDATOR else "" for value in validators))
