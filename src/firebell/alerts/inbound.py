"""The ASGI app that receives alerts at the addresses of the sources, without the overhead of FastAPI."""

import logging
import uuid
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

import msgspec
from starlette.types import ASGIApp, Receive, Scope, Send

from firebell.alerts.body_budget import BodyBudget, Share
from firebell.alerts.cleaning import too_large, unreadable
from firebell.alerts.decoding import EXCERPT_LENGTH, to_text
from firebell.alerts.inflate import MAX_RATIO, inflate, is_encoded
from firebell.alerts.ingest_queue import Diverter, Ingest
from firebell.alerts.model import InboundRequest, Integration, Rejected
from firebell.alerts.source import (
    Events,
    KeyedAddress,
    KeyedMessage,
    KeyedRequest,
    PathAddress,
    Reply,
)
from firebell.alerts.source_registry import registry
from firebell.kit.context import Context
from firebell.kit.errors import FirebellError, MethodNotAllowed, NotFound, TooLarge, Unavailable
from firebell.kit.log import OncePerMinute
from firebell.kit.threads import Pool
from firebell.kit.web.small_requests import Header, Respond, Response

log = logging.getLogger(__name__)

REFUSED_EXCERPT_BYTES = 64 * 1024
"""How much of a too large body is stored."""
MAX_WAITING_BODIES = 1_000
"""Large bodies that may wait for the reader thread; the body budget runs out first."""
THREAD_ABOVE_BYTES = 64 * 1024
"""Larger bodies are read in a thread, one at a time, so that other alerts do not wait for them."""

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

    def __init__(self, ctx: Context, diverter: Diverter | None = None) -> None:
        self._ctx = ctx
        self.ingest = Ingest(ctx, diverter)
        self.budget = BodyBudget()
        self._reader = Pool("inbound", 1, MAX_WAITING_BODIES)
        self._refusals = OncePerMinute(log, "senders are refused")
        sources = registry().sources
        self._path_addresses = {s.name: s.address for s in sources if isinstance(s.address, PathAddress)}
        self._keyed_receivers: dict[str, ASGIApp] = {
            s.address.path: partial(self._accept_keyed, s.name, s.address)
            for s in sources
            if isinstance(s.address, KeyedAddress)
        }
        self._hint = f"Send alerts to {', '.join(s.path for s in sources if s.address)}."
        self.prefixes = tuple({f"/{path.split('/')[1]}/" for path in ("/in/", *self._keyed_receivers)})
        """The paths that this app answers."""

    def answer(self, url: bytes, content_type: bytes, body: bytes, respond: Respond) -> bool:
        """Store a small message to the address of a cached key, and respond once it is committed.

        Return False for any other request, which `__call__` answers. Nothing here waits, and no task is created.
        """
        match url.split(b"/"):
            case [b"", b"in", key, name]:
                address = self._path_addresses.get(name.decode("latin-1"))
                integration = self.ingest.cached(key.decode("latin-1")) if address else None
            case _:
                return False
        if address is None or integration is None or is_encoded(body, ""):
            return False
        source, now = name.decode(), self._ctx.clock.now()
        events = _read(source, address, _Body(body, content_type.decode("latin-1")), now, integration.name)
        stored = _response(address.reply(events))

        def done(failure: FirebellError | None) -> None:
            respond(stored if failure is None else self._problem(failure, url.decode()))

        try:
            self.ingest.enqueue(_received(integration, source, body, events), done)
        except Unavailable as error:
            done(error)
        return True

    def _problem(self, error: FirebellError, path: str) -> Response:
        """Return the response for an error; one with Retry-After counts as a refusal."""
        headers: tuple[Header, ...] = (_PROBLEM,)
        self._ctx.counters.inbound_errors[int(error.status)] += 1
        if isinstance(error, Unavailable):
            self._refusals.add(error.reason)
            headers = (_PROBLEM, (b"retry-after", str(error.retry_after).encode()))
        return Response(error.status, _encode(error.problem(path)), headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._route(scope, receive, send)
        except FirebellError as error:
            await _send(send, self._problem(error, scope["path"]))

    async def _route(self, scope: Scope, receive: Receive, send: Send) -> None:
        path, method = scope["path"], scope["method"]
        receiver = self._receiver(path.rstrip("/"))
        if receiver is None:
            raise NotFound(f"There is no address {path}.", hint=self._hint)
        if method != "POST":
            error = MethodNotAllowed(
                f"{path} does not accept {method}.", hint="Send a POST request to this address."
            )
            response = self._problem(error, path)
            await _send(send, replace(response, headers=(*response.headers, (b"allow", b"POST"))))
            return
        await receiver(scope, receive, send)

    def _receiver(self, path: str) -> ASGIApp | None:
        """Return the handler of an address, or None if there is no such address."""
        match path.split("/"):
            case ["", "in", key, name] if name in self._path_addresses:
                return partial(self._accept, key, name)
        return self._keyed_receivers.get(path)

    async def _accept(self, key: str, name: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Receive a message whose path has the integration key."""
        integration = await self.ingest.find(key)
        if integration is None:
            raise NotFound(
                "This integration key is unknown or revoked.",
                hint="Copy the address again from the service's page.",
            )
        address = self._path_addresses[name]
        with self.budget.share() as share:
            body = await self._body(dict(scope["headers"]), receive, address.max_body_bytes, share)
            if body.is_too_large:
                await self._refuse_size(integration, name, address.max_body_bytes, body)
            events = await self._events(name, address, body, integration.name)
            await self._submit(integration, name, body.content, events)
        await _send(send, _response(address.reply(events)))

    async def _submit(self, integration: Integration, name: str, body: bytes, events: Events) -> None:
        await self.ingest.submit(_received(integration, name, body, events))

    async def _refuse_size(self, integration: Integration, name: str, limit: int, body: _Body) -> None:
        """Store and page for the start of a message that is too large, and raise TooLarge."""
        event = too_large(limit, integration.name)
        await self._submit(
            integration, name, body.content[:REFUSED_EXCERPT_BYTES], Rejected(event.title, (event,))
        )
        raise TooLarge(
            f"The body is larger than {limit >> 20} MiB.", hint="Send fewer alerts in one message."
        )

    async def _body(self, headers: dict[bytes, bytes], receive: Receive, limit: int, share: Share) -> _Body:
        content = await _receive(receive, limit, share)
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

    async def _events(self, name: str, address: PathAddress, body: _Body, sender: str) -> Events:
        """Return the events of a body; large bodies are read in the thread."""
        args = (name, address, body, self._ctx.clock.now(), sender)
        if len(body.content) <= THREAD_ABOVE_BYTES:
            return _read(*args)
        return await self._reader.run(partial(_read, *args))

    async def _accept_keyed(
        self, name: str, address: KeyedAddress, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Receive a message that carries the integration key itself."""
        headers: dict[bytes, bytes] = dict(scope["headers"])
        limit = address.max_body_bytes
        with self.budget.share() as share:
            body = await self._body(headers, receive, limit, share)
            if body.is_too_large:
                raise TooLarge(
                    f"The body is larger than {limit >> 20} MiB.", hint="Send fewer details in one event."
                )
            now, new_key = self._ctx.clock.now(), uuid.uuid4().hex
            message = address.read(KeyedRequest(body.content, now, body.content_type, headers, new_key))
            integration = await self.ingest.find(message.integration_key)
            if integration is not None:
                await self._store(integration, name, body.content, message)
        await _send(send, _response(address.reply(message, integration is not None)))

    async def _store(self, integration: Integration, name: str, body: bytes, message: KeyedMessage) -> None:
        """Store a message with a valid key; a refused one too, so that the integration's owner is notified."""
        if message.errors:
            await self._submit(integration, name, body, Rejected("; ".join(message.errors)))
        elif message.change is not None:
            ids = (integration.id, integration.service_id)
            await self.ingest.record_change(InboundRequest(*ids, name, body, ()), message.change)
        else:
            await self._submit(integration, name, body, message.events)


def _read(name: str, address: PathAddress, body: _Body, now: datetime, sender: str) -> Events:
    """Return the events that a source reads from a body; if the reader fails, one that pages for the message."""
    if body.is_opaque:
        return Rejected(body.error or "", (unreadable(body.error or "", "", sender),))
    try:
        events = address.normalize(body.content, now, body.content_type, sender)
    except Exception:
        log.exception("an inbound body could not be read", extra={"source": name})
        reason = "Firebell failed to read this message."
        return Rejected(reason, (unreadable(reason, to_text(body.content[:EXCERPT_LENGTH]), sender),))
    if body.error is None:
        return events
    if isinstance(events, Rejected):
        return replace(events, reason=f"{body.error} {events.reason}")
    return Rejected(body.error, events)


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


def _received(integration: Integration, name: str, body: bytes, events: Events) -> InboundRequest:
    incoming, error = (events.events, events.reason) if isinstance(events, Rejected) else (events, None)
    return InboundRequest(integration.id, integration.service_id, name, body, incoming, error)


def _response(reply: Reply) -> Response:
    return Response(reply.status, _encode(reply.body), (_JSON,))


async def _send(send: Send, response: Response) -> None:
    length = (b"content-length", str(len(response.body)).encode())
    headers = [*response.headers, length]
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": response.body})


def build(ctx: Context, diverter: Diverter | None = None) -> Inbound:
    """Return the app of the hot routes."""
    return Inbound(ctx, diverter)
