"""Matrix: a message in a room, sent once by its transaction id; rooms with encryption are refused.

An address is a room, and the user whose answers count: `!room:server @user:server`.
"""

import html
import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import httpx
import msgspec

from firebell.channels.base import (
    Channel,
    ContentRefused,
    Edges,
    Failed,
    Message,
    MessageLimits,
    Outcome,
    SendRate,
    Setting,
    final,
    not_sent,
    whole_or_short,
    without_secrets,
)
from firebell.channels.http_attempts import (
    AttemptOutcome,
    accepted_with_id,
    attempt_outcome,
    check_token,
    json_object,
)
from firebell.channels.matrix_replies import (
    COMPOSED_FIELD,
    DELIVERY_FIELD,
    RECIPIENT_FIELD,
    USER,
    MatrixReplies,
)
from firebell.channels.message_text import compose
from firebell.channels.response_outcomes import outcome_of, wait_or_failed
from firebell.kit.errors import Invalid, StartupError
from firebell.kit.findings import CheckResult
from firebell.kit.http_out import OutboundResponse, check_url, send

_REPLIES = "FIREBELL_MATRIX_REPLIES"
_URL = "FIREBELL_MATRIX_URL"
_TOKEN = "FIREBELL_MATRIX_TOKEN"  # noqa: S105 - the name of a variable
_ROOM = re.compile(r"![A-Za-z0-9._~=/+-]{3,200}(?::[A-Za-z0-9.:\[\]-]{1,200})?")
_OURS = frozenset({"M_UNKNOWN_TOKEN", "M_MISSING_TOKEN", "M_USER_DEACTIVATED"})
_CONTENT = frozenset({"M_TOO_LARGE", "M_BAD_JSON", "M_NOT_JSON", "M_INVALID_PARAM"})
_NOT_A_MEMBER = "M_FORBIDDEN"
_NO_STATE = 404
_KNOWN_ROOMS = 10_000


class Matrix:
    """Sends to the id of a room, which the account joins if it was invited."""

    limits = MessageLimits(title=200, text=4000, whole=32_000)

    def __init__(self, http: httpx.AsyncClient, url: str, token: str) -> None:
        self._http = http
        self._base = f"{url.rstrip('/')}/_matrix/client/v3"
        self._token = token
        self._plain_rooms: dict[str, None] = {}
        """The rooms that were not encrypted when the first message was sent to them; encryption never ends."""

    async def send(self, address: str, message: Message, key: str) -> Outcome:
        """Send one message."""
        if not self._token or self._base.startswith("/"):
            return Failed(f"{_URL} and {_TOKEN} are not both set.", suspect=False)

        room, _, user = address.partition(" ")

        async def attempt(short: bool) -> AttemptOutcome:
            if refused := await self._refused_room(room):
                return refused
            content = content_of(message, short=short)
            if message.actions:
                content |= {
                    DELIVERY_FIELD: message.delivery_id,
                    COMPOSED_FIELD: int(message.composed_at.timestamp()),
                    RECIPIENT_FIELD: user,
                }
            return await self._put(room, content, f"{key}-short" if short else key)

        return without_secrets(await whole_or_short(attempt), self._token)

    async def retract(self, address: str, provider_id: str, message: Message) -> Outcome | None:
        """Replace a message by the one that says how its subject ended."""
        new = content_of(message)
        content = {
            **new,
            "body": f"* {new['body']}",
            "m.new_content": new,
            "m.relates_to": {"rel_type": "m.replace", "event_id": provider_id},
        }
        room = address.partition(" ")[0]
        outcome = await self._put(room, content, f"retract-{provider_id}-{message.event}")
        return without_secrets(final(outcome), self._token)

    async def _put(self, room: str, content: Mapping[str, Any], transaction: str) -> AttemptOutcome:
        path = f"/rooms/{quote(room, safe='')}/send/m.room.message/{quote(transaction, safe='')}"
        return await attempt_outcome(self._call("PUT", path, content), _outcome)

    async def _refused_room(self, room: str) -> AttemptOutcome | None:
        """Return why nothing can be sent to a room; join it first if the account was only invited."""
        if room in self._plain_rooms:
            return None
        path = f"/rooms/{quote(room, safe='')}/state/m.room.encryption"
        try:
            reply = await self._call("GET", path)
            if _code(reply) == _NOT_A_MEMBER:
                joined = await self._call("POST", f"/join/{quote(room, safe='')}", {})
                if not joined.ok:
                    return _outcome(joined)
                reply = await self._call("GET", path)
        except (httpx.HTTPError, httpx.InvalidURL) as exc:
            return not_sent(exc, f"{type(exc).__name__}: {exc}")
        if reply.ok and json_object(reply).get("algorithm"):
            return Failed("The room is encrypted. Use a room without encryption.")
        if reply.status != _NO_STATE or _code(reply) != "M_NOT_FOUND":
            return accepted_with_id(reply, "a Matrix server", None) if reply.ok else _outcome(reply)
        if len(self._plain_rooms) >= _KNOWN_ROOMS:
            self._plain_rooms.pop(next(iter(self._plain_rooms)))
        self._plain_rooms[room] = None
        return None

    async def _call(self, method: str, path: str, body: Any = None) -> OutboundResponse:
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        content = None if body is None else msgspec.json.encode(body)
        return await send(self._http, method, f"{self._base}{path}", content=content, headers=headers)


def content_of(message: Message, *, short: bool = False) -> dict[str, Any]:
    """Return the content of one event: plain text, and the same with links as HTML."""
    limits = Matrix.limits
    rich = compose(message, limits.title, 2 * limits.text, escape=html.escape, link=_link, short=short)
    return {
        "msgtype": "m.text",
        "body": compose(message, limits.title, limits.text, short=short),
        "format": "org.matrix.custom.html",
        "formatted_body": rich.replace("\n", "<br>"),
    }


def _link(label: str, url: str) -> str:
    return f'<a href="{html.escape(url)}">{html.escape(label)}</a>'


def _code(reply: OutboundResponse) -> str:
    return str(json_object(reply).get("errcode", ""))


def _outcome(reply: OutboundResponse) -> AttemptOutcome:
    answer, code = json_object(reply), _code(reply)
    if reply.ok:
        return accepted_with_id(reply, "a Matrix server", answer.get("event_id"))
    reason = f"{reply.status} {reply.text[:200]}"
    if code in _OURS:
        return Failed(f"{reason}: replace {_TOKEN}.", suspect=False)
    if code == _NOT_A_MEMBER:
        return Failed(f"{reason}: invite the account of Firebell to the room.", gone=True)
    if code in _CONTENT:
        return ContentRefused(reason)
    if reply.status == 429:
        wait_ms = answer.get("retry_after_ms")
        return wait_or_failed(reason, wait_ms / 1000 if isinstance(wait_ms, int) else reply.retry_after)
    return outcome_of(reply)


def check_address(address: str) -> str:
    """Return the id of a room, and after a space that of a user; raise `Invalid` for an alias or a user alone."""
    room, _, user = address.strip().partition(" ")
    if not _ROOM.fullmatch(room):
        raise Invalid(
            f"{address[:80]!r} is not the id of a Matrix room.",
            fields={"address": "Copy the internal room ID from the room’s settings; it begins with !"},
        )
    user = user.strip()
    if user and not USER.fullmatch(user):
        raise Invalid(
            f"{user[:80]!r} is not the id of a Matrix user.",
            fields={"address": "Write your Matrix user ID after the room, such as @mara:example.org."},
        )
    return f"{room} {user}" if user else room


def address_warning(address: str) -> str:
    """Return that no one can answer in a room whose contact method names no user."""
    return "" if " " in address else "To answer pages in this room, add your Matrix user ID after its ID."


def check_settings(settings: Mapping[str, str]) -> None:
    """Raise `StartupError` if the server's address is invalid."""
    if settings[_URL]:
        try:
            check_url(settings[_URL])
        except Invalid as error:
            raise StartupError(
                f"{_URL} is not an address.", hint="Use one such as https://matrix.example.org."
            ) from error


async def check_health(
    http: httpx.AsyncClient, settings: Mapping[str, str], addresses: Sequence[str] | None
) -> list[CheckResult]:
    """Return whether the server accepts the token, whose it is, and, if answers are read, whether it answers a sync."""
    if not settings[_TOKEN] or not settings[_URL]:
        return []
    url = f"{settings[_URL].rstrip('/')}/_matrix/client/v3/account/whoami"
    reply = send(http, "GET", url, headers={"Authorization": f"Bearer {settings[_TOKEN]}"})
    advice = f"Check {_URL} and {_TOKEN}."
    findings = [*await check_token("matrix", reply, _whose, advice)]
    if _takes_replies(settings) and all(each.level == "ok" for each in findings):
        findings.append(await MatrixReplies(http, settings[_URL], settings[_TOKEN]).check_sync())
    return findings


def _whose(answer: Mapping[str, object]) -> str:
    return f"Matrix accepts the token of {answer['user_id']}." if "user_id" in answer else ""


def _takes_replies(settings: Mapping[str, str]) -> bool:
    return bool(settings[_TOKEN] and settings[_URL] and settings[_REPLIES])


def _open(edges: Edges) -> Matrix:
    return Matrix(edges.http, edges.settings[_URL], edges.settings[_TOKEN])


CHANNEL = Channel(
    kind="matrix",
    label="Matrix",
    icon="message-square",
    address_label="Matrix room",
    address_help="!room:matrix.example.org",
    limits=Matrix.limits,
    open=_open,
    check_address=check_address,
    address_warning=address_warning,
    settings=(Setting(_URL), Setting(_TOKEN), Setting(_REPLIES)),
    poller=lambda edges: MatrixReplies(edges.http, edges.settings[_URL], edges.settings[_TOKEN]),
    polls=_takes_replies,
    takes_replies=_takes_replies,
    check_settings=check_settings,
    is_ready=lambda settings: bool(settings[_TOKEN] and settings[_URL]),
    off_text=f"Set {_URL} and {_TOKEN} to send to rooms.",
    check_health=check_health,
    rate=SendRate(per_s=5, burst=32),
    is_secret=False,
    retracts=True,
)
