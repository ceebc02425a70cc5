"""The ASGI app that receives alerts at the addresses of the sources, without the overhead of FastAPI."""

import logging
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

import msgspec
from starlette.types import ASGIApp, Receive, Scope, Send

from firebell.alerts.bodies.budget import BodyBudget, Share
from firebell.alerts.bodies.decoding import EXCERPT_LENGTH, to_text
from firebell.alerts.bodies.inflate import MAX_RATIO, inflate, is_encoded
from firebell.alerts.bodies.stream import BodyStream
from firebell.alerts.cleaning import line, too_large, unreadable
from firebell.alerts.ingest import alertmanager_requests
from firebell.alerts.ingest.ingest_queue import Diverter, Ingest
from firebell.alerts.integrations import dropped_labels
from firebell.alerts.model import ForeignRequest, InboundRequest, Integration, Rejected
from firebell.alerts.request_parts import path_segments, query_fields
from firebell.alerts.source_base.registry import registry
from firebell.alerts.source_base.source import (
    MAX_KEYED_BODY_BYTES,
    Events,
    Failure,
    KeyedAddress,
    KeyedMessage,
    KeyedRequest,
    PathAddress,
    Reply,
)
from firebell.kit.context import Context
from firebell.kit.errors import FirebellError, MethodNotAllowed, NotFound, TooLarge, Unavailable
from firebell.kit.log import OncePerMinute
from firebell.kit.slice import DeclarationError
from firebell.kit.threads import Pool
from firebell.kit.web.small_requests import Header, Respond, Response

log = logging.getLogger(__name__)

REFUSED_EXCERPT_BYTES = 64 * 1024
"""How much of a too large body is stored."""
MAX_WAITING_BODIES = 1_000
"""Large bodies that may wait for the reader thread; the body budget runs out first."""
MAX_ERRORS = 20
"""Errors of one message that its owner sees."""
MAX_SOURCE_NAME = 80
FOREIGN_SEGMENTS = 2
"""Segments of the paths that other slices answer."""
THREAD_ABOVE_BYTES = 64 * 1024
"""Larger bodies are read in a thread, one at a time, so that other alerts do not wait for them."""

_JSON = (b"content-type", b"application/json")
_PROBLEM = (b"content-type", b"application/problem+json")
_encode = msgspec.json.encode
AnswerForeign = Callable[[ForeignRequest], Awaitable[Response]]


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
        self._keyed: dict[tuple[str, int], list[tuple[tuple[str, ...], str, KeyedAddress]]] = {}
        """The patterns with their sources, by the first segment and the number of segments."""
        prefixes = {"/in/"}
        for source in sources:
            for address in source.keyed_addresses:
                pattern = _pattern(address.path)
                self._keyed.setdefault((pattern[0], len(pattern)), []).append((pattern, source.name, address))
                prefixes.add(_prefix(pattern))
        self._hint = f"Send alerts to {', '.join(s.path for s in sources if s.address)}."
        self.prefixes = tuple(prefixes)
        """The paths that this app answers."""
        self._foreign: dict[tuple[str, ...], AnswerForeign] = {}

    def attach(self, path: str, answer: AnswerForeign) -> None:
        """Let another slice answer a path of two segments, and everything below it."""
        pattern = _pattern(path)
        if len(pattern) != FOREIGN_SEGMENTS:
            raise DeclarationError(f"The path {path} needs {FOREIGN_SEGMENTS} segments.")
        self._foreign[pattern] = answer
        self.prefixes = tuple({*self.prefixes, _prefix(pattern)})

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

    def _problem(self, error: FirebellError, path: str, failure: Failure | None = None) -> Response:
        """Return the response for an error, as `failure` has it; one with Retry-After counts as a refusal."""
        content_type, body = (_JSON, failure(error.message)) if failure else (_PROBLEM, error.problem(path))
        retry_after: tuple[Header, ...] = ()
        self._ctx.counters.inbound_errors[int(error.status)] += 1
        if isinstance(error, Unavailable):
            self._refusals.add(error.reason)
            retry_after = ((b"retry-after", str(error.retry_after).encode()),)
        return Response(error.status, _encode(body), (content_type, *retry_after))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._route(scope, receive, send)
        except FirebellError as error:
            await _send(send, self._problem(error, scope["path"]))

    async def _route(self, scope: Scope, receive: Receive, send: Send) -> None:
        path, method, segments = scope["path"], scope["method"], path_segments(scope)
        if question := alertmanager_requests.question_of(segments, scope):
            await _send(send, await self._answer_alertmanager(question, scope, receive))
            return
        if answer := self._foreign.get(tuple(segments[:FOREIGN_SEGMENTS])):
            await _send(send, await self._answer_foreign(answer, segments, scope, receive))
            return
        receiver = self._receiver(segments, method)
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

    def _receiver(self, segments: list[str], method: str) -> ASGIApp | None:
        """Return the handler of an address, or None if there is no such address."""
        match segments:
            case ["in", key, name] if name in self._path_addresses:
                return partial(self._accept, key, name)
        for pattern, name, address in self._keyed.get((segments[0], len(segments)), ()):
            if (names := _match(pattern, segments)) is not None:
                return partial(self._accept_keyed, name, address, names)
        match segments:
            case ["in", key, _, *_] if method == "POST":
                return partial(self._keep_misdirected, key)
        return None

    async def _answer_foreign(
        self, answer: AnswerForeign, segments: list[str], scope: Scope, receive: Receive
    ) -> Response:
        """Read a request to an API that another slice answers, and return its answer."""
        headers: dict[bytes, bytes] = dict(scope["headers"])
        with self.budget.share() as share:
            body = await self._body(headers, BodyStream(receive), MAX_KEYED_BODY_BYTES, share)
            return await answer(
                ForeignRequest(
                    scope["method"],
                    tuple(segments),
                    _query(scope),
                    headers,
                    body.content[:REFUSED_EXCERPT_BYTES] if body.is_too_large else body.content,
                    body.is_too_large,
                )
            )

    async def _answer_alertmanager(
        self, question: alertmanager_requests.Question, scope: Scope, receive: Receive
    ) -> Response:
        """Answer a request to Alertmanager's API about the alerts of one integration and their silences."""
        integration = await self.ingest.find(question.key)
        if integration is None:
            raise question.refusal()
        content = b""
        if question.method == "POST":
            with self.budget.share() as share:
                limit = alertmanager_requests.MAX_SILENCE_BYTES
                body = await self._body(dict(scope["headers"]), BodyStream(receive), limit, share)
                if body.is_too_large:
                    raise TooLarge("A silence has at most 64 KiB.", hint="Use fewer or shorter matchers.")
                content = body.content
        return await alertmanager_requests.answer(self._ctx, integration, question, content)

    async def _keep_misdirected(self, key: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Store what was sent to a mistyped address with a valid key, notify its owner, and raise NotFound."""
        path = scope["path"]
        if integration := await self.ingest.find(key):
            with self.budget.share() as share:
                stream = BodyStream(receive)
                body = await self._body(dict(scope["headers"]), stream, REFUSED_EXCERPT_BYTES, share)
                name = line(path_segments(scope)[2], MAX_SOURCE_NAME)
                reason = f"A-NOSOURCE: there is no address /in/<key>/{name}."
                await self._submit(
                    integration, "unknown", body.content[:REFUSED_EXCERPT_BYTES], Rejected(reason)
                )
        raise NotFound(f"There is no address {path}.", hint=self._hint)

    async def _accept(self, key: str, name: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Receive a message whose path has the integration key."""
        integration = await self.ingest.find(key)
        if integration is None:
            raise NotFound(
                "This integration key is unknown or revoked.",
                hint="Copy the address from the service's page again.",
            )
        address = self._path_addresses[name]
        with self.budget.share() as share:
            stream = BodyStream(receive)
            body = await self._body(dict(scope["headers"]), stream, address.max_body_bytes, share)
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

    async def _body(self, headers: dict[bytes, bytes], stream: BodyStream, limit: int, share: Share) -> _Body:
        """Return the decompressed body, or its start if it is too large."""
        content = await stream.start(limit, share)
        content_type = headers.get(b"content-type", b"").decode("latin-1")
        is_too_large = len(content) > limit
        encoding = headers.get(b"content-encoding", b"").decode("latin-1")
        if not is_encoded(content, encoding):
            return _Body(content, content_type, is_too_large=is_too_large)
        share.resize(len(content) + min(limit, MAX_RATIO * len(content)))
        plain = await self._reader.run(partial(inflate, content, encoding, limit))
        share.resize(len(plain.body))
        is_too_large = is_too_large or plain.is_too_large
        return _Body(plain.body, content_type, plain.error, plain.is_opaque, is_too_large)

    async def _events(self, name: str, address: PathAddress, body: _Body, sender: str) -> Events:
        """Return the events of a body; large bodies are read in the thread."""
        args = (name, address, body, self._ctx.clock.now(), sender)
        if len(body.content) <= THREAD_ABOVE_BYTES:
            return _read(*args)
        return await self._reader.run(partial(_read, *args))

    async def _accept_keyed(
        self,
        name: str,
        address: KeyedAddress,
        segments: dict[str, str],
        scope: Scope,
        receive: Receive,
        send: Send,
    ) -> None:
        """Receive a message that carries the integration key itself."""
        headers: dict[bytes, bytes] = dict(scope["headers"])
        about = partial(KeyedRequest, headers=headers, segments=segments, query=_query(scope))
        try:
            response = await self._keyed_response(name, address, about, headers, receive)
        except FirebellError as error:
            response = self._problem(error, scope["path"], address.failure)
        await _send(send, response)

    async def _keyed_response(
        self,
        name: str,
        address: KeyedAddress,
        about: Callable[..., KeyedRequest],
        headers: dict[bytes, bytes],
        receive: Receive,
    ) -> Response:
        """Store a message that carries its integration key, and return the response."""
        limit, stream = address.max_body_bytes, BodyStream(receive)
        early_key = address.key_of(about(b"", self._ctx.clock.now())) if address.key_of else None
        integration = None if early_key is None else await self.ingest.find(early_key)
        if early_key is not None and integration is None:
            return _response(address.reply(KeyedMessage(early_key), False))
        with self.budget.share() as share:
            body = await self._body(headers, stream, limit, share)
            if body.is_too_large:
                if address.key_in_part is not None:
                    end = await stream.end(body.content)
                    part = about(body.content, self._ctx.clock.now(), content_type=body.content_type, end=end)
                    key = await self._reader.run(partial(address.key_in_part, part))
                    integration = await self.ingest.find(key)
                if integration is not None:
                    await self._refuse_size(integration, name, limit, body)
                raise TooLarge(
                    f"The body is larger than {limit >> 20} MiB.", hint="Send fewer details in one event."
                )
            request = about(
                body.content,
                self._ctx.clock.now(),
                content_type=body.content_type,
                new_key=uuid.uuid4().hex,
            )
            message = await self._message(name, address, request, integration)
            if early_key is None:
                integration = await self.ingest.find(message.integration_key)
            if integration is not None:
                await self._store(integration, name, body.content, message)
        return _response(address.reply(message, integration is not None))

    async def _message(
        self, name: str, address: KeyedAddress, request: KeyedRequest, integration: Integration | None
    ) -> KeyedMessage:
        """Return what a request says; large bodies are read in the thread."""
        args = (name, address, request, integration)
        if len(request.body) <= THREAD_ABOVE_BYTES:
            return _read_keyed(*args)
        return await self._reader.run(partial(_read_keyed, *args))

    async def _store(self, integration: Integration, name: str, body: bytes, message: KeyedMessage) -> None:
        """Store a message with a valid key; a refused one too, so that the integration's owner is notified."""
        if message.errors:
            reason = "; ".join(message.errors[:MAX_ERRORS])
            await self._submit(integration, name, body, Rejected(reason, message.events))
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
        return _not_read(name, body.content, sender)
    if body.error is None:
        return events
    if isinstance(events, Rejected):
        return replace(events, reason=f"{body.error} {events.reason}")
    return Rejected(body.error, events)


def _read_keyed(
    name: str, address: KeyedAddress, request: KeyedRequest, integration: Integration | None
) -> KeyedMessage:
    """Return what a source reads from a request; if it fails and the key is known, a message that pages."""
    try:
        return address.read(request)
    except Exception:
        if integration is None:
            raise
        rejected = _not_read(name, request.body, integration.name)
        return KeyedMessage(integration.key, rejected.events, errors=(rejected.reason,))


def _not_read(name: str, body: bytes, sender: str) -> Rejected:
    """Log that a reader failed, and return the event that pages for its message."""
    log.exception("an inbound body could not be read", extra={"source": name})
    reason = "Firebell failed to read this message."
    return Rejected(reason, (unreadable(reason, to_text(body[:EXCERPT_LENGTH]), sender),))


def _received(integration: Integration, name: str, body: bytes, events: Events) -> InboundRequest:
    incoming, error = (events.events, events.reason) if isinstance(events, Rejected) else (events, None)
    return dropped_labels.received(integration, name, body, incoming, error)


def _query(scope: Scope) -> dict[str, str]:
    """Return the parameters of the query; one with too many has none."""
    return dict(query_fields(scope) or ())


def _pattern(path: str) -> tuple[str, ...]:
    return tuple(path.strip("/").split("/"))


def _match(pattern: tuple[str, ...], segments: list[str]) -> dict[str, str] | None:
    """Return the named segments of a path that matches a pattern of as many segments, or None."""
    names: dict[str, str] = {}
    for expected, segment in zip(pattern, segments, strict=True):
        if expected.startswith("<"):
            names[expected.strip("<>")] = segment
        elif expected != segment:
            return None
    return names


def _prefix(pattern: tuple[str, ...]) -> str:
    """Return the beginning of the paths that belong to sources; Firebell's own API is below /api/ too."""
    return f"/{'/'.join(pattern[: 2 if pattern[0] == 'api' else 1])}/"


def _response(reply: Reply) -> Response:
    if reply.body is None:
        return Response(reply.status, b"")
    return Response(reply.status, _encode(reply.body), (_JSON,))


async def _send(send: Send, response: Response) -> None:
    length = (b"content-length", str(len(response.body)).encode())
    headers = [*response.headers, length]
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": response.body})


def build(ctx: Context, diverter: Diverter | None = None) -> Inbound:
    """Return the app of the hot routes."""
    return Inbound(ctx, diverter)
