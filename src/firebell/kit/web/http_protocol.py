"""The HTTP protocol of the web server, with limits on what a client may send, hold and delay."""

import time
from enum import Enum
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from firebell.kit.web import small_requests
from firebell.kit.web.connections import Register, Waiting
from firebell.kit.web.small_requests import DirectApp, DirectCycle, Response


class _Refused(Exception):  # noqa: N818 - it never leaves this module
    """Aborts the parsing of a request whose head is too large."""


class _Reading(Enum):
    """The part of a request that the server is waiting for."""

    HEAD = "head"
    BODY = "body"
    NOTHING = "nothing"


class BoundedProtocol(HttpToolsProtocol):
    """Limits the size of a request head before it is buffered, and closes timed-out connections.

    Answers small requests to the paths of `direct_app` without ASGI.
    """

    cycle: Any
    """The latest request: a cycle of uvicorn's, or a `DirectCycle`."""
    register: Register
    direct_app: DirectApp | None = None
    direct_prefixes: tuple[bytes, ...] = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._reading = _Reading.HEAD
        self._since = 0.0
        self._refusal: HTTPStatus | None = None
        self._head_bytes = 0
        self._headers = 0
        self._url_bytes = 0
        self._unparsed = 0
        self._body_bytes = 0
        self._write_paused_at = 0.0

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._since = time.monotonic()
        if not self.register.admit(self):
            self.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self.register.leave(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        if self._idle:
            self._await(_Reading.HEAD)
        self._body_bytes += len(data)
        self._unparsed += len(data)
        super().data_received(data)
        # a head, or the trailer of a body; the parser buffers one unfinished line
        if self._unparsed > self.register.limits.head and not self.transport.is_closing():
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    def on_message_begin(self) -> None:
        # the scope is created once it is known that ASGI answers
        self.url, self.headers, self.expect_100_continue = b"", [], False
        self._head_bytes = self._headers = self._url_bytes = 0
        if self._reading is not _Reading.HEAD:
            self._await(_Reading.HEAD)

    def on_url(self, url: bytes) -> None:
        self._url_bytes += len(url)
        if self._url_bytes > self.register.limits.url:
            self._refusal = HTTPStatus.REQUEST_URI_TOO_LONG
            raise _Refused
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._head_bytes += len(name) + len(value) + 4
        self._headers += 1
        limits = self.register.limits
        if self._head_bytes > limits.head or self._headers > limits.headers:
            self._refusal = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
            raise _Refused
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        cycle = self._direct_cycle() if self.url.startswith(self.direct_prefixes) else None
        if cycle is None:
            self._start_asgi()
        else:
            self.cycle = cycle
        self._unparsed = 0
        self._await(_Reading.BODY)

    def on_body(self, body: bytes) -> None:
        self._unparsed = 0
        if isinstance(self.cycle, DirectCycle):
            self.cycle.body += body
        else:
            super().on_body(body)

    def on_message_complete(self) -> None:
        cycle = self.cycle
        self._await(_Reading.NOTHING)
        if not isinstance(cycle, DirectCycle):
            super().on_message_complete()
        elif not self._answer(cycle):
            self.cycle = None
            self._start_asgi()
            super().on_body(cycle.body)
            super().on_message_complete()

    def _start_asgi(self) -> None:
        url, headers, expects = self.url, self.headers, self.expect_100_continue
        super().on_message_begin()
        self.url, self.expect_100_continue = url, expects
        self.headers.extend(headers)
        super().on_headers_complete()

    def _direct_cycle(self) -> DirectCycle | None:
        """Return the cycle of a request that may be answered without ASGI, which other requests do not wait for."""
        if (self.cycle is not None and not self.cycle.response_complete) or self.flow.write_paused:
            return None
        if self.parser.get_method() != b"POST" or self.parser.get_http_version() != "1.1":
            return None
        content_type = small_requests.content_type_of(self.headers)
        return None if content_type is None else DirectCycle(content_type, self.parser.should_keep_alive())

    def _answer(self, cycle: DirectCycle) -> bool:
        """Return True if the request is answered, now or later; False if it is left to ASGI."""

        def respond(response: Response) -> None:
            cycle.response_complete = True
            if cycle.disconnected or self.transport.is_closing():
                return
            head = self.server_state.default_headers
            self.transport.write(small_requests.encode(response, head, keep_alive=cycle.keep_alive))
            if cycle.keep_alive:
                self._after_response()
            else:
                self.transport.close()

        assert self.direct_app is not None
        return self.direct_app.answer(self.url, cycle.content_type, cycle.body, respond)

    def _after_response(self) -> None:
        """Start the next request; `overdue` ends a connection without one, so no timer is set for each response."""
        if self.pipeline:
            self.on_response_complete()
        else:
            self.server_state.total_requests += 1
            if self._reading is _Reading.NOTHING:
                self._since = time.monotonic()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._reading is _Reading.NOTHING:
            self._since = time.monotonic()

    def pause_writing(self) -> None:
        self._write_paused_at = time.monotonic()
        super().pause_writing()

    def send_400_response(self, msg: str) -> None:
        if self._refusal is None:
            super().send_400_response(msg)
        else:
            self._refuse(self._refusal)

    def waiting(self) -> Waiting | None:
        """Return since when the client is awaited; None while a response is being prepared."""
        answering = self._reading is _Reading.NOTHING and not self._idle
        if answering or self.flow.read_paused:
            return None
        return Waiting(self.client[0] if self.client else "", self._since)

    def overdue(self, now: float) -> bool:
        """Return True if the client exceeded the time limit of its current step."""
        limits = self.register.limits
        if self.flow.write_paused:
            return now - self._write_paused_at > limits.write_s
        if self.flow.read_paused:
            # reading is paused, so the delay is our own
            self._since = now
            return False
        waited = now - self._since
        if self._reading is _Reading.HEAD:
            return waited > limits.head_s
        if self._reading is _Reading.NOTHING:
            return self._idle and waited > limits.keep_alive_s
        if waited <= limits.body_s or self.cycle.waiting_for_100_continue:
            return False
        if self._body_bytes < limits.body_rate or self.cycle.response_complete:
            return True
        self._await(_Reading.BODY)
        return False

    def expire(self) -> None:
        """Close the connection; respond first if a request is unfinished."""
        if self.flow.write_paused or self._idle or (self.cycle and self.cycle.response_started):
            self.abort()
        else:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT)

    def abort(self) -> None:
        """Close the connection at once."""
        self.transport.abort()

    @property
    def _idle(self) -> bool:
        return self._reading is _Reading.NOTHING and (self.cycle is None or self.cycle.response_complete)

    def _await(self, what: _Reading) -> None:
        self._reading = what
        self._since = time.monotonic()
        self._body_bytes = 0

    def _refuse(self, status: HTTPStatus) -> None:
        text = f"{status.value} {status.phrase}"
        if self.cycle is None or self.cycle.response_complete or not self.cycle.response_started:
            lines = (f"HTTP/1.1 {text}", "content-type: text/plain; charset=utf-8", "connection: close")
            head = "\r\n".join((*lines, f"content-length: {len(text)}", "", ""))
            self.transport.write(f"{head}{text}".encode("ascii"))
        self.transport.close()


def protocol_of(register: Register, direct_app: DirectApp | None = None) -> type[BoundedProtocol]:
    """Return the protocol class for a web server whose connections are in `register`."""
    prefixes = tuple(prefix.encode() for prefix in direct_app.prefixes) if direct_app else ()
    facts = {"register": register, "direct_app": direct_app, "direct_prefixes": prefixes}
    return type("RegisteredProtocol", (BoundedProtocol,), facts)
