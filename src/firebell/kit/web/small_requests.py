"""Small requests that are answered without ASGI: no scope, no task, and one write for the response."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

MAX_BODY_BYTES = HIGH_WATER_LIMIT
"""Requests with larger bodies are ASGI's, which reads them with back pressure."""

Header = tuple[bytes, bytes]
_NEEDS_ASGI = frozenset({b"content-encoding", b"expect", b"transfer-encoding", b"upgrade"})
"""Requests with one of these headers are ASGI's."""


@dataclass(frozen=True, slots=True)
class Response:
    """The response to a request that was answered without ASGI."""

    status: int
    body: bytes
    headers: tuple[Header, ...] = field(default=())


Respond = Callable[[Response], None]


class DirectApp(Protocol):
    """Answers the POST requests to some paths."""

    prefixes: tuple[str, ...]
    """The paths that it answers begin with these."""

    def answer(self, url: bytes, content_type: bytes, body: bytes, respond: Respond) -> bool:
        """Call `respond` once, now or later, and return True; return False to leave the request to ASGI."""
        ...


class _NoEvent:
    def set(self) -> None:
        """Do nothing: nothing waits for this request."""


class DirectCycle:
    """A request that may be answered without ASGI, in the place of uvicorn's own cycle."""

    __slots__ = ("body", "content_type", "disconnected", "keep_alive", "response_complete")
    waiting_for_100_continue = False
    message_event = _NoEvent()

    def __init__(self, content_type: bytes, keep_alive: bool) -> None:
        self.content_type = content_type
        self.keep_alive = keep_alive
        self.body = b""
        self.disconnected = False
        self.response_complete = False

    @property
    def response_started(self) -> bool:
        """Always the same as `response_complete`: head and body are one write."""
        return self.response_complete


def content_type_of(headers: Sequence[Header]) -> bytes | None:
    """Return the content type if these headers are of a small, plain body; None if only ASGI can answer."""
    content_type, length = b"", None
    for name, value in headers:
        if name == b"content-type":
            content_type = value
        elif name == b"content-length":
            length = value
        elif name in _NEEDS_ASGI:
            return None
    if length is None or not length.isdigit() or int(length) > MAX_BODY_BYTES:
        return None
    return content_type


def encode(response: Response, default_headers: Sequence[Header], *, keep_alive: bool) -> bytes:
    """Return the bytes of a response."""
    length = (b"content-length", b"%d" % len(response.body))
    headers: list[Any] = [*default_headers, *response.headers, length]
    if not keep_alive:
        headers.append((b"connection", b"close"))
    lines = [STATUS_LINE[response.status], *(b"%b: %b\r\n" % header for header in headers), b"\r\n"]
    return b"".join((*lines, response.body))
