"""What people answer in Matrix rooms, by text or reaction, fetched with a stored token.

Whose answer it is follows from the user who wrote, whom the contact method names. A room in which others write too is
read only where it is sure that Firebell is meant: a code with what to do, or `!?`.
"""

import asyncio
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

import httpx
import msgspec

from firebell.channels.callbacks import PageAction, Press, SignalAnswer, TextReply, instant_of
from firebell.channels.http_attempts import json_object, object_in
from firebell.channels.polling import Fetched, Update, WaitingMessage
from firebell.kit.findings import CheckResult
from firebell.kit.http_out import OutboundResponse, send
from firebell.kit.truncation import cut

DELIVERY_FIELD = "org.firebell.delivery"
"""The field of a message that says which delivery it is, for reactions to it."""
COMPOSED_FIELD = "org.firebell.composed"
"""The field of a message that says when it was composed, in seconds since 1970."""
RECIPIENT_FIELD = "org.firebell.for"
"""The field of a message that says whose answer counts; empty for no one's, as who is in a room changes."""
USER = re.compile(r"@[^\s:]{1,200}:[A-Za-z0-9.:\[\]-]{1,200}")
_LONG_POLL_MS = 5_000
_LIMIT_S = 15.0
_FETCH_S = 20.0
"""The time of a fetch in all, after which what was read counts: its lease is longer."""
_SYNC_BYTES = 8 * 1024 * 1024
_TIMELINE_EVENTS = 50
_GAP_EVENTS, _GAP_REQUESTS = 100, 20
"""What was missed while no process fetched is read in at most this many requests of this many events."""
_ANSWER_BYTES = 2000
_MAX_MS = 10**14
_EXPIRED_TOKENS = frozenset({"M_UNKNOWN_POS", "M_INVALID_PARAM"})
_COMMAND = re.compile(
    r"!\s*\?|!?\s*[0-9]{1,3}(?:aa?|e|r)(?![a-z0-9])"
    r"|!\s*(?:ack|acknowledge|esc|escalate|res|resolve)\s*[0-9]{1,3}(?![a-z0-9])",
    re.IGNORECASE,
)
"""What is meant for Firebell in a room where other programs take commands too."""
_QUOTED = re.compile(r"(?:>.*\n)+\n?")
_CONFIRMING = ("👍", "✅", "✔")
"""The reactions that acknowledge, in any color."""
_UNREADABLE = (400, 403, 404)
_NOTHING: Mapping[str, Any] = {"not_types": ["*"]}
_EVENTS: Mapping[str, Any] = {"types": ["m.room.message", "m.reaction"]}


def _filter(events: int) -> str:
    """Return the filter of a sync: up to `events` of each room, and nothing else."""
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
    answers: str = ""
    """The id of the message below which a text was written."""


class Answered(NamedTuple):
    """The message that a reaction or a text answers: its delivery, 0 if it is about no page, and whose answer counts.

    `composed_at` is when it was composed, None if it does not say so.
    """

    delivery_id: int = 0
    recipient: str = ""
    composed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class _Gap:
    """What a long timeline left out, newest first, as far as it was read; the rest is older than the token `until`."""

    events: tuple[Any, ...]
    until: str
    """Empty if there is no more."""
    requests: int


@dataclass(slots=True)
class _Progress:
    """What one fetch read that no earlier one had."""

    updates: list[Update] = field(default_factory=list)
    event_ids: list[str] = field(default_factory=list)
    gap_pages: int = 0


class _RefusedError(Exception):
    """The server did not give what was asked for."""


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
        self._events = _TIMELINE_EVENTS
        """The number of events of each room that a sync asks for."""
        self._since = ""
        """The token of the last fetch; `_read_ids` and `_gaps` are what was read after it."""
        self._read_ids: set[str] = set()
        self._gaps: dict[str, _Gap] = {}
        """By room."""

    async def fetch(self, cursor: str, waiting: Sequence[WaitingMessage]) -> Fetched:
        """Return what happened since the last fetch; the first one only remembers where to begin.

        If not everything can be read, it returns what could, and the same cursor; the next fetch reads only the rest.
        """
        if cursor != self._since:
            self._since, self._read_ids, self._gaps = cursor, set(), {}
        progress = _Progress()
        is_partial = False
        try:
            async with asyncio.timeout(_FETCH_S):
                return await self._fetched(cursor, progress)
        except TimeoutError:
            problem = f"Not everything could be read within {_FETCH_S:g} s."
            is_partial = bool(progress.event_ids or progress.gap_pages)
        except (httpx.HTTPError, httpx.InvalidURL, _RefusedError) as exc:
            problem = f"{type(exc).__name__}: {exc}"
        self._read_ids.update(progress.event_ids)
        return Fetched(progress.updates, cursor, problem, is_partial)

    async def _fetched(self, cursor: str, progress: _Progress) -> Fetched:
        """Add what happened to `progress`, and return it with the next cursor."""
        self._own = self._own or str((await self._get("/account/whoami")).get("user_id", ""))
        since = {"since": cursor, "timeout": _LONG_POLL_MS} if cursor else {"timeout": 0}
        # the first one only asks for the token
        query = {"filter": _filter(self._events if cursor else 1), **since}
        reply = await self._call("GET", f"/sync?{urlencode(query)}")
        if cursor and json_object(reply).get("errcode") in _EXPIRED_TOKENS:
            return Fetched(problem="The server does not know the token of the last fetch anymore.")
        synced = _checked(reply)
        # a room with more events than that is read in steps
        self._events = _TIMELINE_EVENTS if synced else 1
        following = synced.get("next_batch")
        if not isinstance(following, str) or not self._own:
            raise _RefusedError("The answer is not that of a Matrix server, or too long.")
        rooms = object_in(object_in(synced, "rooms"), "join") if cursor else {}
        for room in rooms:
            await self._read_room(room, object_in(rooms, room), cursor, progress)
        return Fetched(progress.updates, following)

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

    async def _read_room(self, room: str, joined: Mapping[str, Any], since: str, progress: _Progress) -> None:
        """Add what people answered in a room to `progress`."""
        timeline = object_in(joined, "timeline")
        listed = timeline.get("events")
        events = listed if isinstance(listed, list) else []
        if timeline.get("limited"):
            prev_batch = str(timeline.get("prev_batch", ""))
            events = [*await self._missed(room, prev_batch, since, progress), *events]
        users: set[str] | None = None
        for event in (read for each in events if (read := read_event(each, room, self._own))):
            if event.event_id in self._read_ids:
                continue
            is_sure = bool(event.confirmed) or is_command(event.text)
            if not is_sure and users is None:
                users = await self._users(room)
            is_meant = is_sure or users == {self._own, event.user}
            if is_meant and (update := await self._update(event)):
                progress.updates.append(update)
            progress.event_ids.append(event.event_id)

    async def _update(self, event: RoomEvent) -> Update | None:
        """Return what an event that is meant for Firebell does; None for a reaction that acknowledges nothing."""
        if event.confirmed:
            return press_of(event, *await self._answered(event.room, event.confirmed))
        if not event.answers:
            return text_update(event)
        delivery_id, _, composed_at = await self._answered(event.room, event.answers)
        return text_update(event, delivery_id, composed_at)

    async def _users(self, room: str) -> set[str]:
        """Return who is in a room; empty if that cannot be read anymore."""
        reply = await self._call("GET", f"/rooms/{quote(room, safe='')}/joined_members")
        return set() if reply.status in _UNREADABLE else set(object_in(_checked(reply), "joined"))

    async def _missed(self, room: str, until: str, since: str, progress: _Progress) -> list[Any]:
        """Return what a long timeline left out, oldest first, as far as it can be read.

        What an earlier fetch read before it ran out of time is not read again, except the page with its newest event.
        """
        known, gap = self._gaps.get(room), _Gap((), until, 0)
        while gap.until and gap.requests < _GAP_REQUESTS:
            page, following = await self._gap_page(room, gap.until, since)
            joined_at = _position(known.events[0], page) if known else None
            if known and joined_at is not None:
                events = (*gap.events, *page[:joined_at], *known.events)
                gap, known = _Gap(events, known.until, known.requests), None
            else:
                gap = _Gap((*gap.events, *page), following, gap.requests + 1)
                progress.gap_pages += known is None
            if known is None and gap.events and _event_id(gap.events[0]):
                self._gaps[room] = gap
        return list(gap.events[::-1])

    async def _gap_page(self, room: str, until: str, since: str) -> tuple[list[Any], str]:
        """Return events of a room between two tokens, newest first, and the token of the rest, empty if none is."""
        query = {"dir": "b", "from": until, "to": since, "limit": _GAP_EVENTS}
        filtered = {**query, "filter": msgspec.json.encode(_EVENTS).decode()}
        reply = await self._call("GET", f"/rooms/{quote(room, safe='')}/messages?{urlencode(filtered)}")
        if reply.status in _UNREADABLE:
            return [], ""
        page = _checked(reply)
        chunk, following = page.get("chunk"), page.get("end")
        events = chunk if isinstance(chunk, list) else []
        return events, following if events and isinstance(following, str) else ""

    async def _answered(self, room: str, event_id: str) -> Answered:
        """Return the delivery of a message, and whose answer to it counts; 0 if it is about no page."""
        path = f"/rooms/{quote(room, safe='')}/event/{quote(event_id, safe='')}"
        reply = await self._call("GET", path)
        return Answered() if reply.status in _UNREADABLE else delivery_in(_checked(reply), self._own)

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

    async def check_sync(self) -> CheckResult:
        """Return whether the server answers a sync, which is how answers are read, within the time limit."""
        query = urlencode({"filter": _filter(1), "timeout": 0})
        began = time.monotonic()
        try:
            await self._get(f"/sync?{query}")
        except httpx.TimeoutException:
            reason = f"Matrix did not answer a sync within {_LIMIT_S:g} s. Check the load of its server."
        except (httpx.HTTPError, httpx.InvalidURL, _RefusedError) as exc:
            reason = f"Matrix did not answer a sync: {type(exc).__name__}: {exc}."
        else:
            return CheckResult("matrix", "ok", f"Matrix answers a sync in {time.monotonic() - began:.1f} s.")
        return CheckResult("matrix", "fail", f"{reason} Until it does, answers in rooms are not read.")


def _checked(reply: OutboundResponse) -> dict[str, Any]:
    if not reply.ok:
        raise _RefusedError(f"{reply.status} {json_object(reply).get('errcode', '')}".strip())
    return json_object(reply)


def _event_id(event: object) -> str:
    """Return the id of an event, "" if it has none."""
    event_id = event.get("event_id") if isinstance(event, dict) else None
    return event_id if isinstance(event_id, str) else ""


def _position(event: object, page: Sequence[object]) -> int | None:
    """Return where an event is in a page, by its id: the rest of it, such as its age, differs in each answer."""
    event_ids = [_event_id(each) for each in page]
    return event_ids.index(_event_id(event)) if _event_id(event) in event_ids else None


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
    content = object_in(event, "content")
    relation = object_in(content, "m.relates_to")
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
    if not text.strip():
        return None
    return RoomEvent(event_id, room, user, at, text=text.strip(), answers=_target(relation))


def _target(relation: Mapping[str, Any]) -> str:
    """Return the message that a text answers: in a thread without another one, that with which it began."""
    target = object_in(relation, "m.in_reply_to").get("event_id")
    if relation.get("rel_type") == "m.thread" and relation.get("is_falling_back", False):
        target = relation.get("event_id")
    return target if isinstance(target, str) else ""


def is_command(text: str) -> bool:
    """Return True if a text is meant for Firebell, also in a room with other programs."""
    return _COMMAND.match(text) is not None


def text_update(
    event: RoomEvent, delivery_id: int | None = None, composed_at: datetime | None = None
) -> Update:
    """Return a text as that of the person whose contact method names its room and who wrote it."""
    text = event.text.removeprefix("!").strip()
    sender = f"{event.room} {event.user}"
    reply = TextReply(
        *(event.event_id, sender, text),
        sent_at=event.at,
        room=event.room,
        delivery_id=delivery_id,
        composed_at=composed_at,
    )
    return Update(reply, f"{event.room} {event.event_id}")


def delivery_in(message: Mapping[str, Any], own: str) -> Answered:
    """Return the delivery of a message of this account, and whose answer to it counts; 0 if it is about no page."""
    content = object_in(message, "content")
    delivery, recipient = content.get(DELIVERY_FIELD), content.get(RECIPIENT_FIELD)
    if message.get("sender") != own or not isinstance(delivery, int) or delivery <= 0:
        return Answered()
    composed_at = instant_of(content.get(COMPOSED_FIELD))
    return Answered(delivery, recipient if isinstance(recipient, str) else "", composed_at)


def press_of(
    event: RoomEvent, delivery_id: int, recipient: str, composed_at: datetime | None
) -> Update | None:
    """Return the acknowledgment that a reaction to a message is; None unless its recipient reacted."""
    if not delivery_id or event.user != recipient:
        return None
    sender = f"{event.room} {recipient}"
    press = Press(event.event_id, delivery_id, PageAction.ACK, sender, composed_at=composed_at)
    return Update(press, f"{event.room} {event.event_id}")
