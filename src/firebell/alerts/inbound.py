"""The hot routes: `/in/<key>/<source>` and `/v2/enqueue`, plain ASGI beside the web app."""

import logging
import uuid
from collections.abc import Callable
from datetime import datetime

import msgspec
from starlette.types import Receive, Scope, Send

from firebell.alerts.ingest import Ingest
from firebell.alerts.model import Incoming, Received, Reject
from firebell.alerts.sources import alertmanager, generic, pagerduty
from firebell.kit.context import Context
from firebell.kit.errors import FirebellError, NotFound, TooLarge, Unavailable
from firebell.kit.log import OncePerMinute

log = logging.getLogger(__name__)

LIMIT = 1024 * 1024
"""The largest body in bytes."""

Normalise = Callable[[bytes, datetime], tuple[Incoming, ...] | Reject]
SOURCES: dict[str, Normalise] = {"alertmanager": alertmanager.normalise, "generic": generic.normalise}

_JSON = (b"content-type", b"application/json")
_PROBLEM = (b"content-type", b"application/problem+json")
_TEXT = (b"content-type", b"text/plain; charset=utf-8")
_encode = msgspec.json.encode


class Inbound:
    """The app of the hot routes; anything that it cannot store is answered 503 with Retry-After."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self.ingest = Ingest(ctx)
        self._refusals = OncePerMinute(log, "senders are refused")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._route(scope, receive, send)
        except Unavailable as error:
            self._refusals.add(error.reason)
            retry = (b"retry-after", str(error.retry_after).encode())
            await _answer(send, 503, _encode(error.problem(scope["path"])), _PROBLEM, retry)
        except FirebellError as error:
            await _answer(send, error.status, _encode(error.problem(scope["path"])), _PROBLEM)

    async def _route(self, scope: Scope, receive: Receive, send: Send) -> None:
        path, method = scope["path"], scope["method"]
        if method != "POST":
            words = f"Post alerts to this address: {path} takes POST, and {method} does nothing here.\n"
            await _answer(send, 405, words.encode(), _TEXT, (b"allow", b"POST"))
        elif path == "/v2/enqueue":
            await self._enqueue(receive, send)
        else:
            parts = path.split("/")
            if len(parts) != 4 or parts[3] not in SOURCES:
                known = ", ".join(f"/in/<key>/{name}" for name in SOURCES)
                raise NotFound(
                    f"There is nothing at {path}.", hint=f"The addresses are {known}, /v2/enqueue."
                )
            await self._accept(parts[2], parts[3], receive, send)

    async def _accept(self, key: str, source: str, receive: Receive, send: Send) -> None:
        found = await self.ingest.find(key)
        if found is None:
            raise NotFound(
                "This integration key is unknown or revoked.",
                hint="Copy the address again from the service's integrations page.",
            )
        body = await _body(receive)
        normal = SOURCES[source](body, self._ctx.clock.now())
        if isinstance(normal, Reject) and normal.refuse:
            raise TooLarge(normal.reason, hint="Send them in several messages.")
        if isinstance(normal, Reject):
            await self.ingest.submit(Received(*found, source, body, (), normal.reason))
            answer = {"status": "stored", "events": 0, "error": normal.reason}
        else:
            await self.ingest.submit(Received(*found, source, body, normal))
            answer = {"status": "accepted", "events": len(normal)}
        await _answer(send, 202, _encode(answer), _JSON)

    async def _enqueue(self, receive: Receive, send: Send) -> None:
        body = await _body(receive)
        parsed = pagerduty.parse(body, uuid.uuid4().hex)
        found = await self.ingest.find(parsed.routing_key)
        if isinstance(parsed, pagerduty.Malformed):
            if found:
                await self.ingest.submit(Received(*found, "pagerduty", body, (), "; ".join(parsed.errors)))
            await _refuse(send, parsed.errors)
            return
        if found is None:
            await _refuse(send, ("'routing_key' is not the key of an integration here",))
            return
        await self.ingest.submit(Received(*found, "pagerduty", body, (parsed.event,)))
        answer = {"status": "success", "message": "Event processed", "dedup_key": parsed.event.dedup_key}
        await _answer(send, 202, _encode(answer), _JSON)


async def _refuse(send: Send, errors: tuple[str, ...]) -> None:
    answer = {"status": "invalid event", "message": "Event object is invalid", "errors": errors}
    await _answer(send, 400, _encode(answer), _JSON)


async def _body(receive: Receive) -> bytes:
    message = await receive()
    if message["type"] == "http.disconnect":
        raise Unavailable("The sender hung up before the whole message was here.")
    body: bytes = message.get("body", b"")
    if not message.get("more_body"):
        return _checked(body)
    chunks, size = [body], len(body)
    while message.get("more_body"):
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Unavailable("The sender hung up before the whole message was here.")
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        if size > LIMIT:
            break
    return _checked(b"".join(chunks))


def _checked(body: bytes) -> bytes:
    if len(body) > LIMIT:
        raise TooLarge("The body is larger than 1 MiB.", hint="Send fewer alerts in one message.")
    return body


async def _answer(send: Send, status: int, body: bytes, *headers: tuple[bytes, bytes]) -> None:
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [*headers, length]})
    await send({"type": "http.response.body", "body": body})


def build(ctx: Context) -> Inbound:
    """Return the app of the hot routes."""
    return Inbound(ctx)
