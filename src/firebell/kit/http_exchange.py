"""Whole HTTP/1.1 requests over connections that are kept alive: a client on `httptools` that costs little CPU time.

Nothing is sent twice: retries are left to the sender's ledger.
"""

import asyncio
import re
import select
import ssl
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import cast

import httptools
import httpx

IDLE_LIMIT_S = 4.0
"""How long a connection is kept without a request: less than servers keep theirs, Node 5 s."""
MAX_IDLE = 50
"""Number of connections that are kept without a request, to all servers together."""
_SWEEP_INTERVAL_S = 1.0
_MAX_HEAD_BYTES = 100 * 1024
"""Most that is read of a response before its body, interim responses included, and between two parts of its body."""
_MAX_CHUNK_OVERHEAD = 8
"""Maximum length of a response in multiples of its body's limit: a body in chunks of one byte is 6 times as long."""
_TOKEN = re.compile(rb"[-!#$%&'*+.^_`|~0-9a-zA-Z]+")
_NOT_IN_A_VALUE = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_NOT_IN_A_TARGET = re.compile(rb"[\x00-\x20\x7f]")


@dataclass(frozen=True, slots=True)
class Origin:
    """A server: where connections can be reused."""

    scheme: str
    host: str
    port: int


@dataclass(frozen=True, slots=True)
class WholeResponse:
    """A response; `body` is its beginning, empty if it was compressed."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


Connect = Callable[[Origin, Callable[[], asyncio.Protocol], float], Awaitable[None]]
"""Connects a protocol to a server within that many seconds; raises `httpx.ConnectError` or `httpx.ConnectTimeout`."""


class KeptConnection(asyncio.Protocol):
    """A connection that carries one request and its response at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._poll = select.poll()
        self._is_open = False
        self.idle_since = 0.0
        self._settled: asyncio.Future[None] | None = None
        """Set while a response is awaited."""
        self._begin(0)

    def _begin(self, max_bytes: int) -> None:
        """Forget the response before, and accept one with a body of up to `max_bytes`."""
        # a reused parser would still have the status of the response before
        self._parser = _lenient_parser(self)
        self._status, self._headers, self._body = 0, list[tuple[bytes, bytes]](), bytearray()
        self._bytes, self._bytes_since_body, self._max_bytes = 0, 0, max_bytes
        self._has_head = self._is_complete = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transport is not a subclass of it
        self._transport = cast("asyncio.Transport", transport)
        self._poll.register(transport.get_extra_info("socket"), select.POLLIN)
        self._is_open = True

    def connection_lost(self, exc: Exception | None) -> None:
        self._is_open = False
        if exc is None:
            self._settle(httpx.RemoteProtocolError("The server disconnected without a response."))
        else:
            self._settle(httpx.ReadError(str(exc)), cause=exc)

    def eof_received(self) -> None:
        """Carry no further request: over TLS, the connection is lost only some turns of the loop later."""
        self._is_open = False

    def data_received(self, data: bytes) -> None:
        if self._settled is None or self._settled.done():
            # unsolicited bytes must not be taken for the next response
            self.abort()
            return
        self._bytes += len(data)
        self._bytes_since_body += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._end(httpx.RemoteProtocolError("The server switched to another protocol."))
        except httptools.HttpParserInvalidStatusError as exc:
            self._end(httpx.RemoteProtocolError(str(exc)), cause=exc)
        except httptools.HttpParserError as exc:
            self._accept_status()
            self._end(httpx.RemoteProtocolError(str(exc)), cause=exc)
        # heads, trailers and the extensions of chunks have no other limit, and the parser copies them at each read
        if (
            self._bytes_since_body > _MAX_HEAD_BYTES
            or self._bytes > _MAX_HEAD_BYTES + _MAX_CHUNK_OVERHEAD * self._max_bytes
        ):
            self._accept_status()
            self._end(httpx.RemoteProtocolError("The head of the response is too long."))

    def on_message_begin(self) -> None:
        """Start the next response, as the parser calls all `on_` methods."""
        if self._is_complete:
            self.abort()
        else:
            self._headers = []

    def on_header(self, name: bytes, value: bytes) -> None:
        """Add a header; a trailer of a chunked body is dropped."""
        if not self._has_head:
            self._headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """Accept the head, unless it is of an interim response."""
        if self._is_complete:
            return
        self._status = self._parser.get_status_code()
        self._has_head = self._status >= 200
        if self._has_head and any(
            name == b"content-encoding" and value.strip().lower() not in (b"", b"identity")
            for name, value in self._headers
        ):
            # a compressed body is never expanded, so it is not read
            self._end()

    def on_body(self, body: bytes) -> None:
        """Keep the beginning of the body, and end the connection if there is more."""
        if self._settled is None or self._settled.done():
            return
        self._bytes_since_body = 0
        self._body += body
        if len(self._body) >= self._max_bytes:
            self._end()

    def on_message_complete(self) -> None:
        """End the exchange; a connection that the server will close is not used again."""
        if not self._has_head:
            return
        self._is_complete = True
        if not self._parser.should_keep_alive():
            self.abort()
        self._settle()

    async def exchange(self, request: bytes, max_bytes: int) -> None:
        """Send a request and return once its response, or its first `max_bytes`, has arrived.

        Raises `httpx.TransportError` if it ends before its head, `httpx.ConnectError` if nothing was sent.
        """
        assert self._transport
        if not self._is_open:
            raise httpx.ConnectError("The server closed the connection before the request.")
        self._begin(max_bytes)
        self._settled = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        await self._settled

    def response(self) -> WholeResponse | None:
        """Return what arrived of the response, None if its head did not."""
        if not self._has_head:
            return None
        return WholeResponse(self._status, self._headers, bytes(self._body[: self._max_bytes]))

    def can_carry_more(self) -> bool:
        """Return True if the response is complete and nothing of either side is left in the connection."""
        return (
            self._is_open
            and self._is_complete
            and self._transport is not None
            and not self._transport.get_write_buffer_size()
        )

    def is_quiet(self) -> bool:
        """Return True if the server has neither closed an idle connection nor sent anything."""
        is_closing = self._transport is None or self._transport.is_closing()
        # only an open transport has the file descriptor that is polled: a closed one may belong to another connection
        return self._is_open and not is_closing and not self._poll.poll(0)

    def abort(self) -> None:
        """Close the connection at once."""
        self._is_open = False
        if self._transport:
            self._transport.abort()

    def _accept_status(self) -> None:
        """Accept a response of which only the status line can be read: the receiver has the message."""
        if not self._has_head and self._parser.get_status_code() >= 200:
            self._status, self._headers, self._has_head = self._parser.get_status_code(), [], True

    def _end(self, failure: httpx.TransportError | None = None, *, cause: Exception | None = None) -> None:
        self.abort()
        self._settle(failure, cause=cause)

    def _settle(self, failure: httpx.TransportError | None = None, *, cause: Exception | None = None) -> None:
        if self._settled is None or self._settled.done():
            return
        # a response whose head arrived counts, however its body ends
        if failure is None or self._has_head:
            self._settled.set_result(None)
            return
        failure.__cause__ = cause
        self._settled.set_exception(failure)


def _lenient_parser(connection: KeptConnection) -> httptools.HttpResponseParser:
    """Return a parser that accepts malformed responses with only one possible meaning."""
    parser = httptools.HttpResponseParser(connection)
    parser.set_dangerous_leniencies(
        # a header in several lines, and control characters in one
        lenient_headers=True,
        # a length beside chunks, and sizes of chunks that are padded
        lenient_chunked_length=True,
        lenient_spaces_after_chunk_size=True,
        # lines that end with a bare LF
        lenient_optional_cr_before_lf=True,
    )
    return parser


class KeepAliveClient:
    """Sends each request over an idle connection to its server, else over a new one from `connect`."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect
        self._idle: dict[Origin, deque[KeptConnection]] = {}
        self._idle_count = 0
        self._in_use: set[KeptConnection] = set()
        self._sweeping: asyncio.TimerHandle | None = None

    async def exchange(
        self, origin: Origin, request: bytes, *, max_bytes: int, limit_s: float
    ) -> WholeResponse:
        """Send a request and return the response, of whose body at most `max_bytes` are read.

        A response whose head arrived within `limit_s` seconds counts, however slow its body. Raises
        `httpx.TransportError` otherwise, `httpx.ConnectError` or `httpx.ConnectTimeout` if nothing was sent.
        """
        ends_at = time.monotonic() + limit_s
        connection = self._take(origin) or await self._connected(origin, limit_s)
        self._in_use.add(connection)
        try:
            async with asyncio.timeout(ends_at - time.monotonic()):
                await connection.exchange(request, max_bytes)
        except TimeoutError as exc:
            if not connection.response():
                raise httpx.ReadTimeout(f"No answer within {limit_s:g} s.") from exc
        finally:
            self._in_use.discard(connection)
            self._release(origin, connection)
        response = connection.response()
        assert response
        return response

    async def aclose(self) -> None:
        """Close all connections."""
        if self._sweeping:
            self._sweeping.cancel()
        for connection in [*self._in_use, *(each for idle in self._idle.values() for each in idle)]:
            connection.abort()
        self._idle.clear()
        self._idle_count = 0
        # the sockets are closed in the next turn of the loop
        await asyncio.sleep(0)

    async def _connected(self, origin: Origin, limit_s: float) -> KeptConnection:
        connection = KeptConnection()
        try:
            await self._connect(origin, lambda: connection, limit_s)
        except BaseException:
            connection.abort()
            raise
        return connection

    def _take(self, origin: Origin) -> KeptConnection | None:
        """Return the most recently used connection to `origin` that its server has not closed."""
        idle = self._idle.get(origin)
        expired_before = time.monotonic() - IDLE_LIMIT_S
        while idle:
            connection = idle.pop()
            self._idle_count -= 1
            if connection.idle_since >= expired_before and connection.is_quiet():
                return connection
            connection.abort()
        return None

    def _release(self, origin: Origin, connection: KeptConnection) -> None:
        if self._idle_count >= MAX_IDLE or not connection.can_carry_more():
            connection.abort()
            return
        connection.idle_since = time.monotonic()
        self._idle.setdefault(origin, deque()).append(connection)
        self._idle_count += 1
        if self._sweeping is None:
            self._sweeping = asyncio.get_running_loop().call_later(_SWEEP_INTERVAL_S, self._sweep)

    def _sweep(self) -> None:
        """Close the connections that were idle for too long; those of a server are in the order of their last use."""
        expired_before = time.monotonic() - IDLE_LIMIT_S
        for origin, idle in list(self._idle.items()):
            while idle and (idle[0].idle_since < expired_before or not idle[0].is_quiet()):
                idle.popleft().abort()
                self._idle_count -= 1
            if not idle:
                del self._idle[origin]
        self._sweeping = (
            asyncio.get_running_loop().call_later(_SWEEP_INTERVAL_S, self._sweep) if self._idle else None
        )


async def connect_to(
    address: str,
    origin: Origin,
    protocol: Callable[[], asyncio.Protocol],
    authorities: ssl.SSLContext,
    limit_s: float,
) -> None:
    """Connect to one IP address of a server, over https if its certificate is valid for the server's name.

    Raises `httpx.ConnectError` or `httpx.ConnectTimeout`.
    """
    is_secure = origin.scheme == "https"
    try:
        async with asyncio.timeout(limit_s):
            await asyncio.get_running_loop().create_connection(
                protocol,
                address,
                origin.port,
                ssl=authorities if is_secure else None,
                server_hostname=origin.host if is_secure else None,
            )
    except TimeoutError as exc:
        raise httpx.ConnectTimeout(f"No connection within {limit_s:g} s.") from exc
    except OSError as exc:
        raise httpx.ConnectError(str(exc)) from exc


def request_bytes(method: str, target: bytes, headers: Iterable[tuple[bytes, bytes]], body: bytes) -> bytes:
    """Return a request as it is sent; raise `httpx.LocalProtocolError` for what would end a line early."""
    verb = method.encode("ascii", "replace")
    if not _TOKEN.fullmatch(verb) or _NOT_IN_A_TARGET.search(target):
        raise httpx.LocalProtocolError("The method or the target of the request is invalid.")
    lines = [b"%b %b HTTP/1.1\r\n" % (verb, target)]
    for name, value in headers:
        if not _TOKEN.fullmatch(name) or _NOT_IN_A_VALUE.search(value):
            raise httpx.LocalProtocolError("A header of the request is invalid.")
        lines.append(b"%b: %b\r\n" % (name, value))
    return b"".join([*lines, b"\r\n", body])
