"""A real HTTP server in a thread that records requests and fails on demand."""

import json
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Request:
    """A request; header names are in lower case, `query` has lists."""

    verb: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON; None when it is not."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None


@dataclass(frozen=True)
class Answer:
    """A response."""

    status: int = 200
    body: Any = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Fault:
    """A failure of one request: before it runs, or after it, with the response lost."""

    answer: Answer | None = None
    delay_s: float = 0
    lost: bool = False


class Api(Protocol):
    """How a stand-in handles a request."""

    def answer(self, request: Request) -> Answer:
        """Return the answer."""


@dataclass
class Served:
    """A running stand-in."""

    url: str
    got: list[Request] = field(default_factory=list)
    faults: deque[Fault] = field(default_factory=deque)

    def paths(self) -> list[str]:
        """Return what was asked for, in order."""
        return [f"{r.verb} {r.path}" for r in self.got]


@contextmanager
def served(api: Api) -> Iterator[Served]:
    """Serve a stand-in until the block ends."""
    lock, running = threading.Lock(), Served("")

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def serve_one(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            asked = urlsplit(self.path)
            headers = {k.lower(): v for k, v in self.headers.items()}
            query = parse_qs(asked.query, keep_blank_values=True)
            request = Request(self.command, asked.path, query, headers, body)
            with lock:
                running.got.append(request)
                fault = running.faults.popleft() if running.faults else Fault()
                answer = fault.answer or api.answer(request)
            time.sleep(fault.delay_s)
            if fault.lost:
                self.close_connection = True
                return
            data = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
            self.send_response(answer.status)
            for name, value in {"Content-Type": "application/json", **answer.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: Any) -> None:
            return

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = serve_one  # noqa: N815 - names of http.server

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: Any) -> None:
            """Ignore a client that disconnected."""

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        running.url = f"http://127.0.0.1:{server.server_address[1]}"
        try:
            yield running
        finally:
            server.shutdown()
            thread.join()
