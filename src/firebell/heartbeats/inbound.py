"""The ASGI app of `/in/<key>/heartbeat/...`: pings by any HTTP method, without the overhead of FastAPI (spec 9.1)."""

from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

import msgspec
from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send

from firebell.alerts.bodies.decoding import to_text
from firebell.alerts.ingest.ingest_queue import Ingest
from firebell.heartbeats import actions, alert_events, rules
from firebell.heartbeats.model import Heartbeat, NewPing, PingKind
from firebell.kit.context import Context
from firebell.kit.db.database import Tx
from firebell.kit.errors import FirebellError, NotFound, Unavailable
from firebell.kit.text import clean_text

SEGMENT = "heartbeat"
MAX_READ_BYTES = 64 * 1024
"""How much of a body is read; what follows is not needed, and the ping counts all the same."""
MAX_SOURCE_CHARS = 120
_STORABLE_CHARS = MAX_READ_BYTES


@dataclass(frozen=True, slots=True)
class PingAddress:
    """What an address says: the integration key, the name, which may be empty, and what is reported."""

    key: str
    name: str
    kind: PingKind = PingKind.SUCCESS
    exit_code: int | None = None


def is_ping(path: str) -> bool:
    """Return True if a path is that of a ping."""
    parts = path.split("/", 4)
    return len(parts) > 3 and parts[1] == "in" and parts[3] == SEGMENT


def read_address(raw_path: bytes) -> PingAddress | None:
    """Return what the path of a ping says, None for an address that there is not.

    The path is split before it is decoded, so that a name may contain a slash.
    """
    segments = [unquote_to_bytes(part).decode("utf-8", "replace") for part in raw_path.split(b"/")]
    match segments:
        case _ if "\0" in "".join(segments):  # no name has one, and the database refuses it
            return None
        case ["", "in", key, _, *rest]:
            rest = rest[:-1] if rest and rest[-1] == "" else rest
        case _:
            return None
    match rest:
        case []:
            return PingAddress(key, "")
        case [name]:
            return PingAddress(key, name)
        case [name, "start"]:
            return PingAddress(key, name, PingKind.START)
        case [name, "fail"]:
            return PingAddress(key, name, PingKind.FAIL)
        case [name, code] if code.isascii() and code.isdecimal() and len(code) <= 3 and int(code) <= 255:
            return PingAddress(key, name, PingKind.FAIL if int(code) else PingKind.SUCCESS, int(code))
        case _:
            return None


class HeartbeatReceiver:
    """Answers a ping with 200 once it is committed; 404 for an unknown key or name, and 503 if it cannot be stored."""

    def __init__(self, ctx: Context, ingest: Ingest) -> None:
        self._ctx = ctx
        self._ingest = ingest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            after = await self._receive(scope, receive)
        except FirebellError as error:
            self._ctx.counters.inbound_errors[int(error.status)] += 1
            retry = (
                [(b"retry-after", str(error.retry_after).encode())] if isinstance(error, Unavailable) else []
            )
            body = error.problem(scope["path"])
            await _send(send, scope, int(error.status), body, b"application/problem+json", retry)
            return
        self._ctx.counters.inbound_messages[alert_events.SOURCE] += 1
        expected = rules.expected_at(after)
        body = {
            "status": "stored",
            "heartbeat": after.name,
            "state": "paused" if after.is_paused else str(after.progress.state),
            "expected_at": expected.isoformat() if expected else None,
        }
        await _send(send, scope, 200, body, b"application/json")

    async def _receive(self, scope: Scope, receive: Receive) -> Heartbeat:
        address = read_address(scope.get("raw_path") or scope["path"].encode())
        if address is None:
            raise NotFound(
                f"There is no address {scope['path']}.",
                hint="Add /start, /fail or an exit code from 0 to 255 to the name of the heartbeat.",
            )
        integration = await self._ingest.find(address.key)
        if integration is None:
            raise NotFound(
                "This integration key is unknown or revoked.",
                hint="Copy the address from the service's page again.",
            )
        headers = Headers(scope=scope)
        text = to_text(await _body(receive), headers.get("content-type", ""))
        source = f"{scope['method']} {headers.get('user-agent', '')}"
        ping = NewPing(
            address.kind,
            address.exit_code,
            clean_text(text[:_STORABLE_CHARS], _STORABLE_CHARS),
            clean_text(" ".join(source.split())[:MAX_SOURCE_CHARS], MAX_SOURCE_CHARS),
        )
        now = self._ctx.clock.now()
        async with self._ingest.turn(), self._ctx.ingest_db.tx() as tx:
            named = await self._named(tx, integration.service_id, address.name)
            return await actions.receive_ping(tx, named.id, ping, now)

    async def _named(self, tx: Tx, service_id: int, name: str) -> Heartbeat:
        """Return the heartbeat of a name; without one, the only heartbeat of the service."""
        if not name:
            of_service = await actions.heartbeats(tx, service_id)
            if len(of_service) == 1:
                return of_service[0]
        return await actions.by_name(tx, service_id, name)


async def _body(receive: Receive) -> bytes:
    """Return the start of the body; one that stops is what arrived of it."""
    content, more = b"", True
    while more and len(content) < MAX_READ_BYTES:
        message = await receive()
        if message["type"] == "http.disconnect":
            break
        content += message.get("body", b"")
        more = message.get("more_body", False)
    return content[:MAX_READ_BYTES]


async def _send(
    send: Send,
    scope: Scope,
    status: int,
    body: dict[str, object],
    content_type: bytes,
    headers: list[tuple[bytes, bytes]] | None = None,
) -> None:
    content = msgspec.json.encode(body)
    head = [
        (b"content-type", content_type),
        (b"content-length", str(len(content)).encode()),
        (b"cache-control", b"no-store"),
        *(headers or []),
    ]
    await send({"type": "http.response.start", "status": status, "headers": head})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else content})
