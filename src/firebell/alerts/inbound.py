"""The ASGI app of the hot routes `/in/<key>/<source>` and `/v2/...`."""

import logging
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

import msgspec
from starlette.types import ASGIApp, Receive, Scope, Send

from firebell.alerts.body_budget import BodyBudget, Share
from firebell.alerts.cleaning import too_large, unreadable
from firebell.alerts.decoding import EXCERPT_LENGTH, to_text
from firebell.alerts.inflate import MAX_RATIO, inflate, is_encoded
from firebell.alerts.ingest import Ingest
from firebell.alerts.model import Event, InboundRequest, Integration, Rejected
from firebell.alerts.sources import alertmanager, generic, pagerduty, pagerduty_change
from firebell.alerts.sources.recognized import describe_events
from firebell.kit.context import Context
from firebell.kit.errors import FirebellError, MethodNotAllowed, NotFound, TooLarge, Unavailable
from firebell.kit.log import OncePerMinute
from firebell.kit.threads import Pool

log = logging.getLogger(__name__)

MAX_BODY_BYTES = 16 * 1024 * 1024
"""The largest body, compressed and decompressed."""
PAGERDUTY_MAX_BODY_BYTES = 1024 * 1024
REFUSED_EXCERPT_BYTES = 64 * 1024
"""How much of a too large body is stored."""
MAX_WAITING_BODIES = 1_000
"""Large bodies that may wait for the reader thread; the body budget runs out first."""
THREAD_ABOVE_BYTES = 64 * 1024
"""Larger bodies are read in a thread, one at a time, so that other alerts do not wait for them."""

Normalize = Callable[[bytes, datetime, str, str], tuple[Event, ...] | Rejected]
SOURCES: dict[str, Normalize] = {"alertmanager": alertmanager.normalize, "generic": generic.normalize}

_JSON = (b"content-type", b"application/json")
_PROBLEM = (b"content-type", b"application/problem+json")
_encode = msgspec.json.encode


@dataclass(frozen=True, slots=True)
class _Body:
    """A decompressed body and its content type."""

    content: bytes
    content_type: str = ""
    error: str | None = None
    is_opaque: bool = False
    is_too_large: bool = False


class Inbound:
    """The app of the hot routes; it returns 503 with Retry-After for anything that it cannot store."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self.ingest = Ingest(ctx)
        self.budget = BodyBudget()
        self._reader = Pool("inbound", 1, MAX_WAITING_BODIES)
        self._refusals = OncePerMinute(log, "senders are refused")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._route(scope, receive, send)
        except Unavailable as error:
            self._refusals.add(error.reason)
            retry = (b"retry-after", str(error.retry_after).encode())
            await _respond(send, 503, _encode(error.problem(scope["path"])), _PROBLEM, retry)
        except FirebellError as error:
            await _respond(send, error.status, _encode(error.problem(scope["path"])), _PROBLEM)

    async def _route(self, scope: Scope, receive: Receive, send: Send) -> None:
        path, method = scope["path"], scope["method"]
        parts = path.rstrip("/").split("/")
        receiver = self._receiver(parts)
        if receiver is None:
            known = ", ".join(f"/in/<key>/{name}" for name in SOURCES)
            raise NotFound(
                f"There is no address {path}.",
                hint=f"Send alerts to {known}, /v2/enqueue or /v2/change/enqueue.",
            )
        if method != "POST":
            error = MethodNotAllowed(
                f"{path} does not accept {method}.", hint="Send a POST request to this address."
            )
            await _respond(send, error.status, _encode(error.problem(path)), _PROBLEM, (b"allow", b"POST"))
            return
        await receiver(scope, receive, send)

    def _receiver(self, parts: list[str]) -> ASGIApp | None:
        """Return the handler of an address, or None if there is no such address."""
        match parts:
            case ["", "v2", "enqueue"]:
                return self._enqueue
            case ["", "v2", "change", "enqueue"]:
                return self._change
            case ["", "in", key, source] if source in SOURCES:
                return partial(self._accept, key, source)
        return None

    async def _accept(self, key: str, source: str, scope: Scope, receive: Receive, send: Send) -> None:
        integration = await self.ingest.find(key)
        if integration is None:
            raise NotFound(
                "This integration key is unknown or revoked.",
                hint="Copy the address again from the service's page.",
            )
        with self.budget.share() as share:
            body = await self._body(scope, receive, MAX_BODY_BYTES, share)
            if body.is_too_large:
                await self._refuse_size(integration, source, body)
            normal = await self._normal(source, body, integration.name)
            await self._submit(integration, source, body.content, normal)
        if isinstance(normal, Rejected):
            response = {"status": "stored", "events": len(normal.events), "error": normal.reason}
        else:
            response = {"status": "accepted", "events": len(normal), **describe_events(normal)}
        await _respond(send, 202, _encode(response), _JSON)

    async def _submit(
        self, integration: Integration, source: str, body: bytes, normal: tuple[Event, ...] | Rejected
    ) -> None:
        events, error = (normal.events, normal.reason) if isinstance(normal, Rejected) else (normal, None)
        ids = (integration.id, integration.service_id)
        await self.ingest.submit(InboundRequest(*ids, source, body, events, error))

    async def _refuse_size(self, integration: Integration, source: str, body: _Body) -> None:
        event = too_large(MAX_BODY_BYTES, integration.name)
        await self._submit(
            integration, source, body.content[:REFUSED_EXCERPT_BYTES], Rejected(event.title, (event,))
        )
        raise TooLarge("The body is larger than 16 MiB.", hint="Send fewer alerts in one message.")

    async def _body(self, scope: Scope, receive: Receive, limit: int, share: Share) -> _Body:
        content, headers = await _receive(receive, limit, share), dict(scope["headers"])
        content_type = headers.get(b"content-type", b"").decode("latin-1")
        if len(content) > limit:
            return _Body(content, content_type, is_too_large=True)
        encoding = headers.get(b"content-encoding", b"").decode("latin-1")
        if not is_encoded(content, encoding):
            return _Body(content, content_type)
        share.resize(len(content) + min(limit, MAX_RATIO * len(content)))
        plain = await self._reader.run(partial(inflate, content, encoding, limit))
        share.resize(len(plain.body))
        return _Body(plain.body, content_type, plain.error, plain.is_opaque, plain.is_too_large)

    async def _normal(self, source: str, body: _Body, sender: str) -> tuple[Event, ...] | Rejected:
        """Return the events of a body; large bodies are read in the thread."""
        args = (source, body, self._ctx.clock.now(), sender)
        if len(body.content) <= THREAD_ABOVE_BYTES:
            return _normal(*args)
        return await self._reader.run(partial(_normal, *args))

    async def _enqueue(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self.budget.share() as share:
            body, header_key = await self._pagerduty_body(scope, receive, share)
            parsed = pagerduty.parse(body.content, uuid.uuid4().hex, body.content_type, header_key)
            integration = await self.ingest.find(parsed.routing_key)
            if isinstance(parsed, pagerduty.Malformed) or integration is None:
                await self._refuse(send, "pagerduty", body.content, parsed, integration)
                return
            await self._submit(integration, "pagerduty", body.content, (parsed.event,))
        response = {"status": "success", "message": "Event processed", "dedup_key": parsed.event.dedup_key}
        await _respond(send, 202, _encode(response), _JSON)

    async def _change(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self.budget.share() as share:
            body, header_key = await self._pagerduty_body(scope, receive, share)
            now = self._ctx.clock.now()
            parsed = pagerduty_change.parse(body.content, now, body.content_type, header_key)
            integration = await self.ingest.find(parsed.routing_key)
            if isinstance(parsed, pagerduty.Malformed) or integration is None:
                await self._refuse(send, "pagerduty-change", body.content, parsed, integration)
                return
            ids = (integration.id, integration.service_id)
            received = InboundRequest(*ids, "pagerduty-change", body.content, ())
            await self.ingest.record_change(received, parsed.change)
        await _respond(send, 202, _encode({"status": "success", "message": "Change event processed"}), _JSON)

    async def _pagerduty_body(self, scope: Scope, receive: Receive, share: Share) -> tuple[_Body, str]:
        """Return the body of a PagerDuty request and the routing key in its headers."""
        body = await self._body(scope, receive, PAGERDUTY_MAX_BODY_BYTES, share)
        if body.is_too_large:
            raise TooLarge("The body is larger than 1 MiB.", hint="Send fewer details in one event.")
        return body, dict(scope["headers"]).get(b"x-routing-key", b"").decode("latin-1")

    async def _refuse(
        self, send: Send, source: str, body: bytes, parsed: object, integration: Integration | None
    ) -> None:
        """Respond 400 as PagerDuty does; if the key is valid, store the body, so that its owner is notified."""
        errors: tuple[str, ...] = ("'routing_key' is not the key of an integration here",)
        if isinstance(parsed, pagerduty.Malformed):
            errors = parsed.errors
            if integration:
                await self._submit(integration, source, body, Rejected("; ".join(errors)))
        response = {"status": "invalid event", "message": "Event object is invalid", "errors": errors}
        await _respond(send, 400, _encode(response), _JSON)


def _normal(source: str, body: _Body, now: datetime, sender: str) -> tuple[Event, ...] | Rejected:
    """Return the events that a source reads from a body; if the reader fails, one that pages for the message."""
    if body.is_opaque:
        return Rejected(body.error or "", (unreadable(body.error or "", "", sender),))
    try:
        normal = SOURCES[source](body.content, now, body.content_type, sender)
    except Exception:
        log.exception("an inbound body could not be read", extra={"source": source})
        reason = "Firebell failed to read this message."
        return Rejected(reason, (unreadable(reason, to_text(body.content[:EXCERPT_LENGTH]), sender),))
    if body.error is None:
        return normal
    if isinstance(normal, Rejected):
        return replace(normal, reason=f"{body.error} {normal.reason}")
    return Rejected(body.error, normal)


async def _receive(receive: Receive, limit: int, share: Share) -> bytes:
    """Return the body, cut soon after `limit`; raise Unavailable if the sender disconnects or memory is short."""
    chunks: list[bytes] = []
    size, more = 0, True
    while more and size <= limit:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Unavailable("The sender closed the connection before the whole message arrived.")
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        share.resize(size)
        more = message.get("more_body", False)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


async def _respond(send: Send, status: int, body: bytes, *headers: tuple[bytes, bytes]) -> None:
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [*headers, length]})
    await send({"type": "http.response.body", "body": body})


def build(ctx: Context) -> Inbound:
    """Return the app of the hot routes."""
    return Inbound(ctx)
