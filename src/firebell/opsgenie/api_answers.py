"""Answer the requests to Opsgenie's Alert API as Opsgenie does."""

import uuid
from collections.abc import Awaitable, Callable, Mapping

import msgspec

from firebell.alerts import actions as alerts
from firebell.alerts.ingest.ingest_queue import Ingest
from firebell.alerts.model import Event, ForeignRequest, InboundRequest, Integration, Json
from firebell.alerts.sources import opsgenie as source
from firebell.kit.context import Context
from firebell.kit.errors import FirebellError, Unavailable
from firebell.kit.web.small_requests import Header, Response
from firebell.opsgenie import actions, heartbeats, reads, shapes, store
from firebell.opsgenie.model import ApiError, Identifier, IdentifierType

PATHS = (
    "/v2/alerts",
    "/v2/heartbeats",
    *(f"/v2/{name}" for name in sorted(source.UNSUPPORTED)),
    "/v1/incidents",
)
"""The paths that are answered here, with everything below them."""
UNSUPPORTED_CODE = 40302
ACCEPTED = "Request will be processed"
_READS = frozenset({"notes", "logs", "recipients"})
_WRITES = {
    "POST": frozenset(
        [
            "acknowledge",
            "unacknowledge",
            "close",
            "snooze",
            "escalate",
            "assign",
            "responders",
            "teams",
            "notes",
            "tags",
            "details",
        ]
    ),
    "PUT": frozenset({"message", "description", "priority"}),
    "DELETE": frozenset({"tags", "details"}),
}
_encode = msgspec.json.encode


class Answers:
    """Answers the requests of Opsgenie's clients."""

    def __init__(self, ctx: Context, ingest: Ingest) -> None:
        self._ctx = ctx
        self._ingest = ingest

    async def __call__(self, request: ForeignRequest) -> Response:
        """Return the answer to a request; each is a JSON object with the id of the request."""
        began, request_id = self._ctx.clock.now(), str(uuid.uuid4())
        retry_after: tuple[Header, ...] = ()
        try:
            status, answer = await self._answer(request, request_id)
        except ApiError as error:
            status, answer = error.status, _error(error)
        except Unavailable as error:
            status, answer = int(error.status), {"message": error.message}
            retry_after = ((b"retry-after", str(error.retry_after).encode()),)
        except FirebellError as error:
            status, answer = (
                int(error.status),
                _error(ApiError(int(error.status), error.message, error.fields)),
            )
        took = round((self._ctx.clock.now() - began).total_seconds(), 3)
        if status >= 400:
            self._ctx.counters.inbound_errors[status] += 1
        body = _encode({**answer, "took": took, "requestId": request_id})
        headers = (
            (b"content-type", b"application/json"),
            (b"x-request-id", request_id.encode()),
            (b"x-response-time", str(took).encode()),
            *retry_after,
        )
        return Response(status, body, headers)

    async def _answer(self, request: ForeignRequest, request_id: str) -> tuple[int, dict[str, Json]]:
        integration = await self._ingest.find(source.key_of(request))
        if integration is None:
            raise ApiError(401, "Could not authenticate: the API key is not an integration key of Firebell.")
        match request.segments[1:]:
            case ("alerts",) if request.method == "POST":
                return await self._create(integration, request, request_id)
            case ("alerts", *rest):
                return await self._about_alerts(integration, request, request_id, tuple(rest))
            case ("heartbeats", *_):
                return await self._about_heartbeats(integration, request)
        raise ApiError(403, "Firebell does not support this part of the API.", code=UNSUPPORTED_CODE)

    async def _create(
        self, integration: Integration, request: ForeignRequest, request_id: str
    ) -> tuple[int, dict[str, Json]]:
        """Store an alert; its result is stored right after it."""
        data = await self._object(integration, request)
        if errors := source.create_errors(data):
            await self._keep(integration, request, "; ".join(errors.values()))
            raise ApiError(422, "Request body is not processable. Please check the errors.", errors)
        event = source.created(data, uuid.uuid4().hex)
        await self._ingest.submit(_received(integration, request, (event,)))
        async with self._ingest.turn(), self._ctx.ingest_db.tx() as tx:
            await actions.record_created(tx, request_id, integration, event.dedup_key, self._ctx.clock.now())
        return 202, {"result": ACCEPTED}

    async def _about_alerts(
        self, integration: Integration, request: ForeignRequest, request_id: str, rest: tuple[str, ...]
    ) -> tuple[int, dict[str, Json]]:
        match request.method, rest:
            case "GET", () | ("count",) | ("requests", _) | (_,) | (_, _):
                return 200, await self._read(integration, request, rest)
            case _, ("saved-searches", *_):
                raise ApiError(403, "Firebell has no saved searches.", code=UNSUPPORTED_CODE)
            case "POST", (_, "attachments"):
                await self._write(integration, request, request_id, rest[0], "attachments")
                return 201, {"result": "Success", "data": {"id": request_id}}
            case "DELETE", (_, "attachments", _):
                return 200, {"result": "Deleted"}
            case "POST", (_, "actions", _):
                await self._write(integration, request, request_id, rest[0], "actions", rest[2])
                return 202, {"result": ACCEPTED}
            case "DELETE", (_,):
                await self._write(integration, request, request_id, rest[0], "delete")
                return 202, {"result": ACCEPTED}
            case method, (_, verb) if verb in _WRITES.get(method, ()):
                name = f"remove {verb}" if method == "DELETE" else verb
                await self._write(integration, request, request_id, rest[0], name)
                return 202, {"result": ACCEPTED}
        known = {verb for verbs in _WRITES.values() for verb in verbs} | _READS | {"attachments"}
        if len(rest) < 2 or (len(rest) == 2 and rest[1] in known):
            raise ApiError(405, f"This address does not accept {request.method}.")
        raise ApiError(404, "There is no such address.")

    async def _about_heartbeats(
        self, integration: Integration, request: ForeignRequest
    ) -> tuple[int, dict[str, Json]]:
        # whatever a client sends with a ping, the ping counts
        data = {} if request.segments[-1] == "ping" else await self._object(integration, request)
        async with self._ingest.turn(), self._ctx.ingest_db.tx() as tx:
            return await heartbeats.answer(tx, integration, request, data, self._ctx.clock.now())

    async def _read(
        self, integration: Integration, request: ForeignRequest, rest: tuple[str, ...]
    ) -> dict[str, Json]:
        query, base_url = request.query, self._ctx.public_url
        if rest[:1] == ("saved-searches",):
            raise ApiError(403, "Firebell has no saved searches.", code=UNSUPPORTED_CODE)
        async with self._ctx.db.tx() as tx:
            match rest:
                case ():
                    return await reads.list_alerts(tx, integration, query, base_url)
                case ("count",):
                    return await reads.count_alerts(tx, integration, query)
                case ("requests", text):
                    result = await store.result(tx, integration.id, _request_id(text))
                    if result is None:
                        raise ApiError(404, "Request not found. It might not be processed, yet.")
                    return {"data": shapes.request_status(result, integration)}
            alert = await reads.get_alert(tx, integration, _identifier(request, rest))
            match rest[1:]:
                case ():
                    return {"data": shapes.full(alert, integration)}
                case ("attachments",):
                    return {"data": []}
                case (what,) if what in _READS:
                    return await reads.list_about(tx, alert, what, query, base_url)
        raise ApiError(404, "There is no such address.")

    async def _write(
        self,
        integration: Integration,
        request: ForeignRequest,
        request_id: str,
        identifier: str,
        verb: str,
        name: str = "",
    ) -> None:
        data = {} if verb == "attachments" else await self._object(integration, request)
        write = actions.Write(
            request_id,
            integration,
            _identifier(request, (identifier,)),
            verb,
            request.body,
            data,
            request.query,
            name,
        )
        try:
            async with self._ingest.turn(), self._ctx.ingest_db.tx() as tx:
                await actions.apply(tx, write, self._ctx.clock.now())
        except ApiError as error:
            await self._keep(integration, request, "; ".join(error.errors.values()) or error.message)
            raise

    async def _object(self, integration: Integration, request: ForeignRequest) -> dict[str, Json]:
        """Return the JSON object of a request; raise ApiError for any other body, which is kept.

        Someone is paged for a body that is too large.
        """
        if request.is_too_large:
            event = source.too_large(integration.name)
            await self._keep(integration, request, event.title, (event,))
            raise ApiError(413, "The body is larger than 1 MiB.")
        content_type = request.headers.get(b"content-type", b"").decode("latin-1")
        data = source.read_object(request.body, content_type)
        if data is None:
            await self._keep(integration, request, "The body is not a JSON object.")
            raise ApiError(400, "Could not parse JSON: the body is not a JSON object.")
        return data

    async def _keep(
        self, integration: Integration, request: ForeignRequest, reason: str, events: tuple[Event, ...] = ()
    ) -> None:
        """Store a refused message, so that the owner of the integration is notified; `events` can page."""
        await self._ingest.submit(_received(integration, request, events, reason))


def _received(
    integration: Integration, request: ForeignRequest, events: tuple[Event, ...], error: str | None = None
) -> InboundRequest:
    return alerts.received(integration, source.NAME, request.body, events, error)


def _identifier(request: ForeignRequest, rest: tuple[str, ...]) -> Identifier:
    """Return how a request names its alert."""
    name = "alertIdentifierType" if "attachments" in rest[1:] else "identifierType"
    stated = request.query.get(name, IdentifierType.ID).lower()
    if stated not in tuple(IdentifierType):
        text = "Identifier type should be one of [ id, tiny, alias ]."
        raise ApiError(422, "A parameter is wrong.", {name: text})
    kind = IdentifierType(stated)
    return Identifier(source.key_of_alias(rest[0]) if kind is IdentifierType.ALIAS else rest[0], kind)


def _request_id(text: str) -> str:
    try:
        return str(uuid.UUID(text))
    except ValueError as error:
        raise ApiError(404, "Request not found. It might not be processed, yet.") from error


def _error(error: ApiError) -> dict[str, Json]:
    answer: dict[str, Json] = {"message": error.message}
    if error.errors:
        answer["errors"] = error.errors
    if error.code is not None:
        answer["code"] = error.code
    return answer


def build(ctx: Context, ingest: Ingest) -> Mapping[str, Callable[[ForeignRequest], Awaitable[Response]]]:
    """Return what answers each path of Opsgenie's API."""
    answers = Answers(ctx, ingest)
    return dict.fromkeys(PATHS, answers)
