"""HTTP/1.1 requests over connections that are kept alive, a transport for `httpx` that costs little CPU time."""

import asyncio
import re
import ssl
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable

import httptools
import httpx

IDLE_LIMIT_S = 5.0
"""How long a connection is kept without a request."""
MAX_IDLE = 50
"""Number of connections that are kept without a request, of all hosts together."""
_MAX_HEAD_BYTES = 100 * 1024
"""Largest status line with headers that is read."""
_MAX_UNREAD_BYTES = 64 * 1024
"""Number of bytes of a body from which reading pauses until they are consumed."""
_TOKEN = re.compile(rb"[-!#$%&'*+.^_`|~0-9a-zA-Z]+")
_NOT_IN_A_VALUE = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_NOT_IN_A_TARGET = re.compile(rb"[\x00-\x20\x7f]")

_Origin = tuple[bytes, bytes, int]
Connect = Callable[[str, int, Callable[[], asyncio.Protocol], ssl.SSLContext | None, float], Awaitable[None]]
"""Connects a protocol to (host, port), with TLS for the host if there is a context, within so many seconds.

Raises `httpx.ConnectError` or `httpx.ConnectTimeout`.
"""


class Connection(asyncio.Protocol):
    """A connection that carries one request and its response at a time."""

    def __init__(self) -> None:
        self.status = 0
        self.reason = b""
        self.headers: list[tuple[bytes, bytes]] = []
        self.is_open = False
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        # what servers that end lines with a bare LF, or send a length beside chunks, have always been allowed
        self._parser.set_dangerous_leniencies(lenient_chunked_length=True, lenient_optional_cr_before_lf=True)
        self._busy = False
        self._head_bytes = 0
        self._has_head = False
        self._is_complete = False
        self._chunks: deque[bytes] = deque()
        self._unread_bytes = 0
        self._is_paused = False
        self._failure: httpx.TransportError | None = None
        self._waiter: asyncio.Future[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment] # uvloop's is none by inheritance
        self.is_open = True

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_open = False
        if not self._busy or self._is_complete:
            return
        if exc is None and self._has_head and self._ends_with_connection():
            self._is_complete = True
            self._wake()
            return
        failure: httpx.TransportError
        if exc is None:
            failure = httpx.RemoteProtocolError("The server disconnected before the end of its response.")
        else:
            failure = httpx.ReadError(str(exc))
            failure.__cause__ = exc
        self._fail(failure)

    def data_received(self, data: bytes) -> None:
        if not self._busy or self._is_complete:
            self.abort()
            return
        if not self._has_head:
            self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._fail(httpx.RemoteProtocolError("The server switched to another protocol."))
        except httptools.HttpParserError as exc:
            self._fail(httpx.RemoteProtocolError(str(exc)))
        if not self._has_head and self._head_bytes > _MAX_HEAD_BYTES:
            self._fail(httpx.RemoteProtocolError("The head of the response is too long."))

    def on_message_begin(self) -> None:
        """Callback of the parser, as the other `on_` methods; a second response belongs to no request."""
        if self._is_complete:
            self.abort()

    def on_status(self, reason: bytes) -> None:
        self.reason += reason

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        self.status = self._parser.get_status_code()
        self._has_head = not 100 <= self.status < 200

    def on_body(self, body: bytes) -> None:
        self._chunks.append(body)
        self._unread_bytes += len(body)
        if self._unread_bytes > _MAX_UNREAD_BYTES and self._transport and not self._is_paused:
            self._is_paused = True
            self._transport.pause_reading()
        self._wake()

    def on_message_complete(self) -> None:
        if self._has_head:
            self._is_complete = True
            if not self._parser.should_keep_alive():
                self.close()
            self._wake()
        else:
            self._expect_head()

    async def exchange(self, request: bytes, read_limit_s: float) -> None:
        """Send a request and return once the head of its response has arrived.

        Raises `httpx.TransportError`, also if nothing arrives for `read_limit_s` seconds.
        """
        assert self._transport
        self._busy, self._is_complete, self._failure = True, False, None
        self._chunks.clear()
        self._unread_bytes = 0
        self._expect_head()
        self._transport.write(request)
        while not self._has_head:
            await self._wait(read_limit_s)

    async def chunk(self, read_limit_s: float) -> bytes | None:
        """Return the next part of the body, None at its end; raises as `exchange` does."""
        while not self._chunks:
            if self._is_complete:
                return None
            await self._wait(read_limit_s)
        chunk = self._chunks.popleft()
        self._unread_bytes -= len(chunk)
        if self._is_paused and not self._chunks and self.is_open and self._transport:
            self._is_paused = False
            self._transport.resume_reading()
        return chunk

    def release(self) -> bool:
        """End the exchange; return True if the connection can carry another one, else close it."""
        can_carry_more = (
            self.is_open
            and self._is_complete
            and not self._is_paused
            and self._transport is not None
            and not self._transport.get_write_buffer_size()
        )
        self._busy = False
        self._chunks.clear()
        if not can_carry_more:
            self.abort()
        return can_carry_more

    def close(self) -> None:
        """Close the connection once everything is sent."""
        self.is_open = False
        if self._transport:
            self._transport.close()

    def abort(self) -> None:
        """Close the connection at once."""
        self.is_open = False
        if self._transport:
            self._transport.abort()

    def _expect_head(self) -> None:
        self._has_head, self._head_bytes = False, 0
        self.status, self.reason, self.headers = 0, b"", []

    def _ends_with_connection(self) -> bool:
        names = {name.lower() for name, _ in self.headers}
        return not names & {b"content-length", b"transfer-encoding"}

    async def _wait(self, limit_s: float) -> None:
        """Return once something arrived that was not there before; raise what ended the exchange."""
        if self._failure:
            raise self._failure
        if not self.is_open:
            raise httpx.ReadError("The connection is closed.")
        loop = asyncio.get_running_loop()
        waiter = self._waiter = loop.create_future()
        timer = loop.call_later(limit_s, self._fail, httpx.ReadTimeout(f"Nothing arrived for {limit_s:g} s."))
        try:
            await waiter
        finally:
            timer.cancel()
            self._waiter = None
        if self._failure:
            raise self._failure

    def _fail(self, failure: httpx.TransportError) -> None:
        if self._busy and not self._is_complete and self._failure is None:
            self._failure = failure
        self.abort()
        self._wake()

    def _wake(self) -> None:
        if self._waiter and not self._waiter.done():
            self._waiter.set_result(None)


class KeepAliveTransport(httpx.AsyncBaseTransport):
    """Sends each request over an idle connection to its host, else over a new one from `connect`."""

    def __init__(self, connect: Connect, authorities: Callable[[], ssl.SSLContext]) -> None:
        self._connect = connect
        self._authorities = authorities
        self._idle: dict[_Origin, list[tuple[Connection, asyncio.TimerHandle]]] = defaultdict(list)
        self._idle_count = 0
        self._connections: set[Connection] = set()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request and return its response, whose body is not read yet."""
        limits_s = request.extensions.get("timeout", {})
        message = head_of(request.method, request.url.raw_path, request.headers.raw)
        message += b"".join([part async for part in request.stream])  # type: ignore[union-attr]
        url = request.url
        origin = (url.raw_scheme, url.raw_host, url.port or (443 if url.scheme == "https" else 80))
        connection = self._take(origin) or await self._connected(origin, limits_s.get("connect") or 10.0)
        read_limit_s = limits_s.get("read") or 10.0
        try:
            await connection.exchange(message, read_limit_s)
        except BaseException:
            self._release(origin, connection)
            raise
        return httpx.Response(
            connection.status,
            headers=connection.headers,
            stream=_Body(self, origin, connection, read_limit_s),
            extensions={"http_version": b"HTTP/1.1", "reason_phrase": connection.reason},
        )

    async def aclose(self) -> None:
        """Close all connections."""
        for connection in list(self._connections):
            connection.abort()
        for timer in [timer for connections in self._idle.values() for _, timer in connections]:
            timer.cancel()
        self._idle.clear()
        self._connections.clear()
        self._idle_count = 0
        # the sockets are closed in the next turn of the loop
        await asyncio.sleep(0)

    async def _connected(self, origin: _Origin, limit_s: float) -> Connection:
        scheme, host, port = origin
        made: list[Connection] = []

        def protocol() -> Connection:
            made.append(Connection())
            return made[-1]

        authorities = self._authorities() if scheme == b"https" else None
        await self._connect(host.decode("ascii"), port, protocol, authorities, limit_s)
        self._connections.add(made[-1])
        return made[-1]

    def _take(self, origin: _Origin) -> Connection | None:
        """Return the connection to `origin` that was used last, if one is still open."""
        waiting = self._idle.get(origin)
        while waiting:
            connection, timer = waiting.pop()
            self._idle_count -= 1
            timer.cancel()
            if connection.is_open:
                return connection
            self._connections.discard(connection)
        return None

    def _release(self, origin: _Origin, connection: Connection) -> None:
        if connection not in self._connections:
            return
        if connection.release() and self._idle_count < MAX_IDLE:
            timer = asyncio.get_running_loop().call_later(IDLE_LIMIT_S, self._expire, origin, connection)
            self._idle[origin].append((connection, timer))
            self._idle_count += 1
        else:
            connection.close()
            self._connections.discard(connection)

    def _expire(self, origin: _Origin, connection: Connection) -> None:
        waiting = self._idle[origin]
        self._idle_count -= len(waiting)
        waiting[:] = [entry for entry in waiting if entry[0] is not connection]
        self._idle_count += len(waiting)
        if not waiting:
            del self._idle[origin]
        self._connections.discard(connection)
        connection.close()


class _Body(httpx.AsyncByteStream):
    """The body of a response, which gives its connection back when it is closed."""

    def __init__(
        self, transport: KeepAliveTransport, origin: _Origin, connection: Connection, read_limit_s: float
    ) -> None:
        self._transport = transport
        self._origin = origin
        self._connection: Connection | None = connection
        self._read_limit_s = read_limit_s

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while self._connection and (chunk := await self._connection.chunk(self._read_limit_s)) is not None:
            yield chunk

    async def aclose(self) -> None:
        if self._connection:
            connection, self._connection = self._connection, None
            self._transport._release(self._origin, connection)


def head_of(method: str, target: bytes, headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Return the bytes before the body; raise `httpx.LocalProtocolError` for what would end a line early."""
    verb = method.encode("ascii")
    if not _TOKEN.fullmatch(verb) or _NOT_IN_A_TARGET.search(target):
        raise httpx.LocalProtocolError("The method or the target of the request is invalid.")
    lines = [b"%b %b HTTP/1.1\r\n" % (verb, target)]
    for name, value in headers:
        if not _TOKEN.fullmatch(name) or _NOT_IN_A_VALUE.search(value):
            raise httpx.LocalProtocolError("A header of the request is invalid.")
        lines.append(b"%b: %b\r\n" % (name, value))
    return b"".join([*lines, b"\r\n"])
