"""Outbound HTTP that cannot reach internal addresses (SSRF guard)."""

import asyncio
import contextlib
import ipaddress
import re
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urlsplit

import httpcore
import httpx

from firebell.kit.errors import Invalid, Unavailable
from firebell.kit.http_exchange import IDLE_LIMIT_S, KeepAliveClient, Origin, connect_to, request_bytes
from firebell.kit.ip_addresses import Network, allowed
from firebell.kit.resolver import Resolver

T = TypeVar("T")

_REPLY_BYTES = 64 * 1024
"""Maximum number of bytes read from a response."""
LIMIT_S = 10.0
"""Total time limit of one request, however slowly bytes arrive."""
_NEXT_ADDRESS_S = 3.0
"""Connect timeout for an address while its host has others left to try."""
_VALIDATOR = 1000
"""Maximum length of a stored ETag or Last-Modified; a longer one is dropped."""
_REFUSED_ENCODING = "firebell_refused_encoding"
_HOST_LABEL = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)")
_HEADER_CHARS = 2000
_PORTS = {"http": 80, "https": 443}
_WITHOUT_A_BODY = ("GET", "DELETE")
_RESERVED_HEADERS = frozenset(
    {"host", "accept-encoding", "content-length", "transfer-encoding", "connection"}
)
"""Headers that callers can't set."""
_DEFAULTS = (("Accept", b"*/*"), ("User-Agent", b"firebell"))
_NOT_CONNECTED = (httpx.ConnectError, httpx.ConnectTimeout, httpcore.ConnectError, httpcore.ConnectTimeout)
NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.LocalProtocolError, httpx.UnsupportedProtocol)
"""Errors that mean that the receiver never got the request."""


def reason_of(error: httpx.HTTPError) -> str:
    """Return why a request failed; some errors have no text."""
    return str(error) or type(error).__name__


def parse_networks(text: str) -> tuple[Network, ...]:
    """Return the networks of a comma-separated list; raise `ValueError`."""
    return tuple(ipaddress.ip_network(part.strip()) for part in text.split(",") if part.strip())


def _can_be_host(host: str) -> bool:
    """Return True for an IP address, and for a valid DNS name (RFC 1035)."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        labels = host.removesuffix(".").split(".")
        # a name that ends in digits is read as an IPv4 address
        return len(host) <= 253 and all(map(_HOST_LABEL.fullmatch, labels)) and not labels[-1].isdecimal()
    return True


def check_url(url: str, field: str = "address") -> str:
    """Return `url`; raise `Invalid` unless it is an http(s) address with a host and no credentials."""
    text = url.strip()
    wrong = Invalid(f"{url!r} is not a web address.", fields={field: "Use https://host/path."})
    try:
        parts = urlsplit(text)
        port_known = parts.port != 0
        host = httpx.URL(text).raw_host.decode("ascii")
    except (ValueError, httpx.InvalidURL):
        raise wrong from None
    if parts.scheme not in ("http", "https") or not parts.hostname or not port_known or len(text) > 2000:
        raise wrong
    if not text.isprintable() or " " in text or not _can_be_host(host):
        raise wrong
    if parts.username or parts.password:
        raise Invalid(
            "A web address must not carry a user name or password.", fields={field: "Leave them out."}
        )
    return text


class _Guard:
    """Resolves a name once, checks every address, and connects to a checked one (no DNS rebinding)."""

    def __init__(self, networks: tuple[Network, ...], resolver: Resolver) -> None:
        self.networks = networks
        self._resolver = resolver

    async def addresses(self, host: str) -> list[str]:
        """Return the addresses that may be connected to; raise `httpx.ConnectError` or `httpx.ConnectTimeout`."""
        try:
            addresses = await self._resolver.resolve(host)
        except TimeoutError as exc:
            raise httpx.ConnectTimeout(f"{host} cannot be resolved in time") from exc
        except (OSError, UnicodeError, Unavailable) as exc:
            raise httpx.ConnectError(f"{host} cannot be resolved") from exc
        allowed_addresses = [a for a in addresses if allowed(a, self.networks)]
        if not allowed_addresses:
            raise httpx.ConnectError(f"{host} is a private address; FIREBELL_ALLOWED_NETWORKS can allow it")
        return allowed_addresses

    async def connect_to_first(
        self, host: str, limit_s: float, connect: Callable[[str, float], Awaitable[T]]
    ) -> T:
        """Return the connection to the first address of a host that accepts one."""
        ends_at = time.monotonic() + limit_s
        try:
            async with asyncio.timeout(limit_s):
                *others, last = await self.addresses(host)
        except TimeoutError as exc:
            raise httpx.ConnectTimeout(f"{host} cannot be resolved in time") from exc
        for address in others:
            with contextlib.suppress(*_NOT_CONNECTED):
                return await connect(address, min(ends_at - time.monotonic(), _NEXT_ADDRESS_S))
        return await connect(last, ends_at - time.monotonic())

    async def connect(self, origin: Origin, protocol: Callable[[], asyncio.Protocol], limit_s: float) -> None:
        """Connect a protocol, as `http_exchange.Connect` declares."""
        await self.connect_to_first(
            origin.host,
            limit_s,
            lambda address, left_s: connect_to(address, origin, protocol, _trusted_authorities(), left_s),
        )


class _GuardedBackend(httpcore.AsyncNetworkBackend):
    """The guard for responses that are streamed."""

    def __init__(self, guard: _Guard) -> None:
        self._inner = httpcore.AnyIOBackend()
        self._guard = guard

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's interface
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        return await self._guard.connect_to_first(
            host,
            LIMIT_S if timeout is None else timeout,
            lambda address, left_s: self._inner.connect_tcp(
                address, port, left_s, local_address, socket_options
            ),
        )

    async def connect_unix_socket(self, *args: Any, **kwargs: Any) -> httpcore.AsyncNetworkStream:
        raise httpcore.ConnectError("local sockets are never dialed")

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class _GuardedTransport(httpx.AsyncHTTPTransport):
    """Requests uncompressed responses; the body of a compressed one is discarded unread, so it never expands.

    `client` sends whole requests at a tenth of the CPU time; the rest is for responses that are streamed.
    """

    def __init__(self, guard: _Guard) -> None:
        super().__init__(verify=_trusted_authorities())
        self.client = KeepAliveClient(guard.connect)
        self.networks = guard.networks
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=_trusted_authorities(),
            max_connections=None,
            keepalive_expiry=IDLE_LIMIT_S,
            network_backend=_GuardedBackend(guard),
        )

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

    async def aclose(self) -> None:
        await self.client.aclose()
        await super().aclose()


@cache
def _trusted_authorities() -> ssl.SSLContext:
    """Return the cached TLS context; loading the certificate authorities takes longer than creating a client."""
    return httpx.create_ssl_context()


def guarded_client(networks: tuple[Network, ...], resolver: Resolver | None = None) -> httpx.AsyncClient:
    """Return a client that follows no redirects, connects only to allowed addresses and decompresses nothing."""
    transport = _GuardedTransport(_Guard(networks, resolver or Resolver()))
    return httpx.AsyncClient(transport=transport, timeout=LIMIT_S, follow_redirects=False, trust_env=False)


def reachable_networks(http: httpx.AsyncClient) -> tuple[Network, ...]:
    """Return the private networks that a guarded client may connect to."""
    transport = http._transport
    assert isinstance(transport, _GuardedTransport)
    return transport.networks


@dataclass(frozen=True, slots=True)
class OutboundResponse:
    """The response of a receiver; `text` is the beginning of its body, empty if it was compressed."""

    status: int
    retry_after: str
    text: str
    headers: Mapping[str, str] = field(default_factory=dict)
    """The headers by lower-case name, each cut to 2,000 characters."""

    @property
    def ok(self) -> bool:
        """Whether it is a 2xx."""
        return 200 <= self.status < 300

    @property
    def retry_after_s(self) -> float | None:
        """The seconds of `Retry-After`; None for a date, and for more digits than a wait can have."""
        text = self.retry_after
        return float(text) if text.isascii() and text.isdecimal() and len(text) < 10 else None


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
    """Send a request of any method and return the response, as `post` does, of at most `max_bytes`.

    `content` are the headers and one of `content`, `json` and `data`, as `httpx` takes them.
    """
    transport = http._transport
    assert isinstance(transport, _GuardedTransport)
    address = _parsed(url)
    headers, body = _encoded(method, url, address.host, content)
    request = request_bytes(method, address.target, headers, body)
    response = await transport.client.exchange(address.origin, request, max_bytes=max_bytes, limit_s=limit_s)
    answered = {name: value[:_HEADER_CHARS] for name, value in httpx.Headers(response.headers).items()}
    return OutboundResponse(
        response.status,
        answered.get("retry-after", "")[:100],
        response.body.decode("utf-8", "replace"),
        answered,
    )


class _Address(NamedTuple):
    """A URL as it is requested."""

    origin: Origin
    target: bytes
    host: bytes


@lru_cache(maxsize=1024)
def _parsed(url: str) -> _Address:
    """Return the address of a URL; raise `httpx.InvalidURL`, or `httpx.UnsupportedProtocol` unless it is http(s)."""
    parts = httpx.URL(url)
    if parts.scheme not in _PORTS or not parts.raw_host:
        raise httpx.UnsupportedProtocol("The address must be http:// or https:// and a host.")
    return _Address(
        Origin(parts.scheme, parts.raw_host.decode("ascii"), parts.port or _PORTS[parts.scheme]),
        parts.raw_path,
        parts.netloc,
    )


def host_header(url: str) -> str:
    """Return the `Host` that is sent with a request to `url`; raise as `send` does."""
    return _parsed(url).host.decode("ascii")


def _encoded(
    method: str, url: str, host: bytes, content: Mapping[str, Any]
) -> tuple[list[tuple[bytes, bytes]], bytes]:
    """Return the headers of a request, and its body."""
    body = content.get("content")
    if isinstance(body, bytes) and content.keys() <= {"content", "headers"}:
        caller_headers = content.get("headers", {}).items()
    else:
        request = httpx.Request(method, url, **content)
        body, caller_headers = request.read(), request.headers.multi_items()
    headers = [(b"Host", host), (b"Accept-Encoding", b"identity")]
    if body or method not in _WITHOUT_A_BODY:
        headers.append((b"Content-Length", b"%d" % len(body)))
    names = set()
    for name, value in caller_headers:
        names.add(lower := name.lower())
        if lower not in _RESERVED_HEADERS:
            try:
                headers.append((name.encode("ascii"), value.encode("ascii")))
            except UnicodeEncodeError as exc:
                raise httpx.LocalProtocolError("A header of the request is not ASCII.") from exc
    headers += [(name.encode(), value) for name, value in _DEFAULTS if name.lower() not in names]
    return headers, body


@contextlib.asynccontextmanager
async def open_stream(
    http: httpx.AsyncClient,
    method: str,
    url: str,
    *,
    headers: Mapping[str, str],
    content: bytes | None,
    limit_s: float,
) -> AsyncIterator[httpx.Response]:
    """Send a request and yield the response with its body unread; the caller limits what it reads of it."""
    async with http.stream(method, url, headers=headers, content=content, timeout=limit_s) as response:
        yield response


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
