"""What people answer in Matrix rooms, by text or reaction, fetched with a stored token.

A room in which others write too is read only where it is sure who is meant: what begins with `!` or with a code.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode

import httpx
import msgspec

from firebell.channels.callbacks import PageAction, Press, SignalAnswer, TextReply
from firebell.channels.http_attempts import json_object
from firebell.channels.polling import Fetched, Update, WaitingMessage
from firebell.kit.http_out import OutboundResponse, send
from firebell.kit.truncation import cut

DELIVERY_FIELD = "org.firebell.delivery"
"""The field of a message that says which delivery it is, for reactions to it."""
RECIPIENT_FIELD = "org.firebell.for"
"""The field of a message that says whose answer counts; empty if only one other person is in the room."""
USER = re.compile(r"@[^\s:]{1,200}:[A-Za-z0-9.:\[\]-]{1,200}")
_LONG_POLL_MS = 5_000
_LIMIT_S = 15.0
_SYNC_BYTES = 8 * 1024 * 1024
_TIMELINE_EVENTS = 50
_GAP_EVENTS, _GAP_REQUESTS = 100, 20
"""What was missed while no process fetched is read in so many steps."""
_ANSWER_BYTES = 2000
_MAX_MS = 10**14
_EXPIRED_TOKENS = frozenset({"M_UNKNOWN_POS", "M_INVALID_PARAM"})
_COMMAND = re.compile(r"!\s*\S|[0-9]{1,3}(?:aa?|e|r)(?![A-Za-z0-9])", re.IGNORECASE)
_QUOTED = re.compile(r"(?:>.*\n)+\n?")
_CONFIRMING = ("👍", "✅", "✔")
"""The reactions that acknowledge, in whatever color."""
_NOTHING: Mapping[str, Any] = {"not_types": ["*"]}
_EVENTS: Mapping[str, Any] = {"types": ["m.room.message", "m.reaction"]}


def _filter(events: int) -> str:
    """Return the filter of a sync: up to so many events of each room, and nothing else."""
    room: dict[str, Any] = {"state": _NOTHING, "ephemeral": _NOTHING, "account_data": _NOTHING}
    room["timeline"] = {**_EVENTS, "limit": events}
    return msgspec.json.encode({"presence": _NOTHING, "account_data": _NOTHING, "room": room}).decode()


@dataclass(frozen=True, slots=True)
class RoomEvent:
    """What someone wrote in a room, or the message to which they reacted."""

    event_id: str
    room: str
    user: str
    at: datetime
    text: str = ""
    confirmed: str = ""
    """The id of the message that a reaction confirms."""


class _RefusedError(Exception):
    """The server did not give what was asked for; `is_final` if it never will, such as for a room that was left."""

    def __init__(self, reason: str, *, is_final: bool = False) -> None:
        super().__init__(reason)
        self.is_final = is_final


class MatrixReplies:
    """Reads the rooms of the account, from the token of the last fetch on."""

    pause_s = 1.0
    waits_for = timedelta(0)

    def __init__(self, http: httpx.AsyncClient, url: str, token: str) -> None:
        self._http = http
        self._base = f"{url.rstrip('/')}/_matrix/client/v3"
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self._own = ""
        """The user id of the account, once it is known."""

    async def fetch(self, cursor: str, waiting: Sequence[WaitingMessage]) -> Fetched:
        """Return what happened since the last fetch; the first one only remembers where to begin."""
        try:
            self._own = self._own or str((await self._get("/account/whoami")).get("user_id", ""))
            since = {"since": cursor, "timeout": _LONG_POLL_MS} if cursor else {"timeout": 0}
            # the first one only asks for the token
            query = {"filter": _filter(_TIMELINE_EVENTS if cursor else 1), **since}
            reply = await self._call("GET", f"/sync?{urlencode(query)}")
            if cursor and json_object(reply).get("errcode") in _EXPIRED_TOKENS:
                return Fetched(problem="The server does not know the token of the last fetch any more.")
            synced = _checked(reply)
            following = synced.get("next_batch")
            if not isinstance(following, str) or not self._own:
                raise _RefusedError("The answer is not that of a Matrix server.")
            updates: list[Update] = []
            if cursor:
                rooms = _dict(_dict(synced, "rooms"), "join")
                for room, joined in ((room, _dict(rooms, room)) for room in rooms):
                    updates += await self._read_if_joined(room, joined, cursor)
        except (httpx.HTTPError, httpx.InvalidURL, _RefusedError) as exc:
            return Fetched(cursor=cursor, problem=f"{type(exc).__name__}: {exc}")
        return Fetched(updates, following)

    async def answer(self, answers: Sequence[tuple[str, SignalAnswer]]) -> None:
        """Write each answer below what it answers; a repeated one has the same transaction, and appears once."""
        for target, answer in answers:
            room, _, event = target.partition(" ")
            if not answer.text:
                continue
            content = {
                # programs answer no notices
                "msgtype": "m.notice",
                "body": cut(answer.text, _ANSWER_BYTES),
                "m.relates_to": {"m.in_reply_to": {"event_id": event}},
            }
            path = f"/rooms/{quote(room, safe='')}/send/m.room.message/{quote(f'answer-{event}', safe='')}"
            try:
                await self._call("PUT", path, content=msgspec.json.encode(content))
            except (httpx.HTTPError, httpx.InvalidURL):
                continue

    async def _read_if_joined(self, room: str, joined: Mapping[str, Any], since: str) -> list[Update]:
        """Return what happened in a room; nothing of one that cannot be read any more, which keeps back no other."""
        try:
            return await self._of_room(room, joined, since)
        except _RefusedError as refused:
            if refused.is_final:
                return []
            raise

    async def _of_room(self, room: str, joined: Mapping[str, Any], since: str) -> list[Update]:
        timeline = _dict(joined, "timeline")
        listed = timeline.get("events")
        events = listed if isinstance(listed, list) else []
        if timeline.get("limited"):
            events = [*await self._missed(room, str(timeline.get("prev_batch", "")), since), *events]
        read = [event for each in events if (event := read_event(each, room, self._own))]
        if not read:
            return []
        users = set(_dict(await self._get(f"/rooms/{quote(room, safe='')}/joined_members"), "joined"))
        updates: list[Update] = []
        for event in read:
            others = users - {self._own, event.user}
            if event.text:
                updates += text_updates(event, is_shared=bool(others))
            elif press := await self._press(event, is_shared=bool(others)):
                updates.append(press)
        return updates

    async def _missed(self, room: str, until: str, since: str) -> list[Any]:
        """Return what a long timeline left out, oldest first."""
        missed: list[Any] = []
        for _ in range(_GAP_REQUESTS):
            query = {"dir": "b", "from": until, "to": since, "limit": _GAP_EVENTS}
            filtered = {**query, "filter": msgspec.json.encode(_EVENTS).decode()}
            page = await self._get(f"/rooms/{quote(room, safe='')}/messages?{urlencode(filtered)}")
            chunk = page.get("chunk")
            missed += chunk if isinstance(chunk, list) else []
            if not chunk or not isinstance(page.get("end"), str):
                break
            until = page["end"]
        return missed[::-1]

    async def _press(self, event: RoomEvent, *, is_shared: bool) -> Update | None:
        """Return the press that a reaction to a message of this account is; None if it is another's message."""
        path = f"/rooms/{quote(event.room, safe='')}/event/{quote(event.confirmed, safe='')}"
        reply = await self._call("GET", path)
        if reply.status in (403, 404):
            return None
        return press_of(event, _checked(reply), self._own, is_shared=is_shared)

    async def _get(self, path: str) -> dict[str, Any]:
        return _checked(await self._call("GET", path))

    async def _call(self, method: str, path: str, content: bytes | None = None) -> OutboundResponse:
        url = f"{self._base}{path}"
        return await send(
            *(self._http, method, url),
            limit_s=_LIMIT_S,
            max_bytes=_SYNC_BYTES,
            headers=self._headers,
            content=content,
        )


def _checked(reply: OutboundResponse) -> dict[str, Any]:
    if not reply.ok:
        reason = f"{reply.status} {json_object(reply).get('errcode', '')}".strip()
        raise _RefusedError(reason, is_final=reply.status in (400, 403, 404))
    return json_object(reply)


def _dict(value: Mapping[str, Any], name: str) -> dict[str, Any]:
    inner = value.get(name)
    return inner if isinstance(inner, dict) else {}


def read_event(event: object, room: str, own: str) -> RoomEvent | None:
    """Return what a person wrote or confirmed; None for notices, edits, the account itself and what makes no sense."""
    if not isinstance(event, dict):
        return None
    user, event_id, at_ms = (event.get(name) for name in ("sender", "event_id", "origin_server_ts"))
    if not isinstance(user, str) or not USER.fullmatch(user) or user == own:
        return None
    if not isinstance(event_id, str) or not event_id or not isinstance(at_ms, int) or not 0 < at_ms < _MAX_MS:
        return None
    at = datetime.fromtimestamp(at_ms / 1000, UTC)
    content = _dict(event, "content")
    relation = _dict(content, "m.relates_to")
    if event.get("type") == "m.reaction":
        target, key = relation.get("event_id"), relation.get("key")
        if isinstance(target, str) and isinstance(key, str) and key.startswith(_CONFIRMING):
            return RoomEvent(event_id, room, user, at, confirmed=target)
        return None
    body = content.get("body")
    if event.get("type") != "m.room.message" or content.get("msgtype") != "m.text":
        return None
    if not isinstance(body, str) or relation.get("rel_type") == "m.replace":
        return None
    # older clients quote what they answer
    text = _QUOTED.sub("", body, count=1) if body.startswith("> ") else body
    return RoomEvent(event_id, room, user, at, text=text.strip()) if text.strip() else None


def text_updates(event: RoomEvent, *, is_shared: bool) -> list[Update]:
    """Return a text as that of the person whose contact method names them, and as that of the room.

    The room stands for a person only if no one else is in it. At most one of the two is a contact method of someone,
    unless they added both.
    """
    if is_shared and not _COMMAND.match(event.text):
        return []
    text, target = event.text.removeprefix("!").strip(), f"{event.room} {event.event_id}"
    named = TextReply(event.event_id, f"{event.room} {event.user}", text, sent_at=event.at)
    of_room = TextReply(
        f"{event.event_id}:room", event.room, text, sent_at=event.at, is_unattributed=is_shared
    )
    return [Update(named, target), Update(of_room, target)]


def press_of(event: RoomEvent, message: Mapping[str, Any], own: str, *, is_shared: bool) -> Update | None:
    """Return the acknowledgment that a reaction to `message` is; None unless its recipient reacted."""
    content = _dict(message, "content")
    delivery, recipient = content.get(DELIVERY_FIELD), content.get(RECIPIENT_FIELD)
    if message.get("sender") != own or not isinstance(delivery, int) or delivery <= 0:
        return None
    is_theirs = event.user == recipient if recipient else not is_shared
    if not is_theirs:
        return None
    sender = f"{event.room} {recipient}" if recipient else event.room
    return Update(Press(event.event_id, delivery, PageAction.ACK, sender), f"{event.room} {event.event_id}")
