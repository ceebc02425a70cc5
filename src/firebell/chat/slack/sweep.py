"""Reads a channel again after a gap: what people pinned, marked, edited, deleted and joined meanwhile (spec 8.11).

Each finding is worked on like the event that did not arrive, so that nothing is captured twice. A message that was
captured before keeps its kind.
"""

import logging
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from firebell.chat import store
from firebell.chat.accounts.connected_account import Connected
from firebell.chat.adapter_base.adapter import CallFailed, Trouble
from firebell.chat.adapter_base.operations import OpKind
from firebell.chat.intents.captured_messages import kind_of_emoji, sent_at
from firebell.chat.received import store as inbound_store
from firebell.chat.received import sweep_store
from firebell.chat.received.store import GIVE_UP_AFTER, InboxItem
from firebell.chat.received.sweep_store import CapturedText
from firebell.chat.slack import events
from firebell.chat.slack.client import SlackClient
from firebell.chat.slack.events import SlackEvent
from firebell.chat.slack.interactive_calls import SLACK_API_URL, SlackError
from firebell.chat.slack.payloads import at, text_at
from firebell.kit.context import Context
from firebell.kit.errors import Unavailable

log = logging.getLogger(__name__)

OVERLAP = timedelta(minutes=10)
"""How much before the last sweep a channel is read again: an emoji may be added to an older message."""
CAPTURED_SINCE = timedelta(hours=24)
"""How long edits and deletions of a captured message are looked for."""
PAGE_SIZE, MAX_PAGES = 200, 10
_EXPIRED_CURSOR = "invalid_cursor"
_JOINS = ("channel_join", "group_join")


@dataclass(slots=True)
class _Progress:
    """How far a sweep has read, for its next attempt: the pages before `cursor` are done."""

    cursor: str = ""
    pages: int = 0
    compared: set[str] = field(default_factory=set)
    """The captured messages that these pages have."""

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> "_Progress":
        """Return the progress that an earlier attempt stored in the body of an item."""
        pages, compared = at(body, "progress", "pages"), at(body, "progress", "compared")
        return cls(text_at(body, "progress", "cursor"), int(pages or 0), set(compared or ()))

    @property
    def stored(self) -> dict[str, Any]:
        """What `of` reads."""
        return {"cursor": self.cursor, "pages": self.pages, "compared": sorted(self.compared)}


async def sweep(ctx: Context, connected: Connected, item: InboxItem, now: datetime) -> None:
    """Read a channel and do what was missed, page by page: an attempt goes on where the one before it failed.

    Raises `SlackError`, `Unavailable` or, if single messages failed, `ExceptionGroup` to be tried again.
    """
    channel, room_id = text_at(item.body, "channel"), at(item.body, "room")
    client = SlackClient(
        connected.secrets.bot_token,
        bot_user=connected.account.bot_user,
        base_url=ctx.channel_settings.get(SLACK_API_URL, ""),
    )
    account_id = connected.account.id
    async with ctx.work_db.tx() as tx:
        captured = await sweep_store.captured(tx, account_id, channel, now - CAPTURED_SINCE)
        known = await sweep_store.captured_ids(tx, account_id, channel)
    event = SlackEvent(ctx, connected, item, {}, now)
    failures: dict[str, Exception] = {}
    progress = _Progress.of(item.body)
    try:
        async for messages in _history(client, event, progress, failures):
            for key, body in (*_joined(messages, channel), *_marked(messages, channel, known)):
                await _work(event, key, body, failures)
            by_ts = {text_at(message, "ts"): message for message in messages}
            on_page = [each for each in captured if each.ts in by_ts]
            await _compare(event, channel, on_page, by_ts, failures)
            progress.compared |= {each.ts for each in on_page}
        pins = await _pins(client, channel)
    except CallFailed as failure:
        raise SlackError(failure.code, failure.after_s) from failure
    for key, body in _pinned(pins, channel, known, connected.account.bot_user):
        await _work(event, key, body, failures)
    others = [each for each in captured if each.ts not in progress.compared]
    await _compare(event, channel, others, {}, failures)
    _retry_or_give_up(item, failures)
    async with ctx.work_db.tx() as tx:
        await store.change_room(tx, int(room_id), swept_at=item.received_at)


async def _work(event: SlackEvent, key: str, body: dict[str, Any], failures: dict[str, Exception]) -> None:
    """Do what was missed, or note why it failed: later messages must not wait for it."""
    try:
        await events.work(replace(event, item=replace(event.item, key=f"sweep:{key}"), event=body))
    except (SlackError, Unavailable):
        raise
    except Exception as error:
        failures[key] = error


def _retry_or_give_up(item: InboxItem, failures: Mapping[str, Exception]) -> None:
    """Raise to try again while attempts are left; after the last one, log what failed."""
    if failures and item.attempts < GIVE_UP_AFTER:
        raise ExceptionGroup(f"failed in a sweep: {', '.join(failures)}", list(failures.values()))
    for key, error in failures.items():
        log.error("a message of slack was given up", extra={"item": item.id, "key": key}, exc_info=error)


async def _history(
    client: SlackClient, event: SlackEvent, progress: _Progress, failures: Mapping[str, Exception]
) -> AsyncIterator[list[dict[str, Any]]]:
    """Yield each page of a channel that no earlier attempt read, with its threads; newest pages come first.

    Its messages are in order. When the next page is asked for, a page is done, unless one of its messages failed.
    """
    body = event.item.body
    channel, since = text_at(body, "channel"), datetime.fromtimestamp(float(at(body, "since") or 0), UTC)
    oldest = f"{(since - OVERLAP).timestamp():.6f}"
    cursor = progress.cursor
    for pages in range(progress.pages + 1, MAX_PAGES + 1):
        try:
            messages, cursor = await _page(
                client, "conversations.history", channel=channel, oldest=oldest, cursor=cursor
            )
        except CallFailed as failure:
            if failure.code == _EXPIRED_CURSOR:
                await _save(event, _Progress())
            raise
        for parent in [m for m in messages if m.get("reply_count")]:
            ts = text_at(parent, "ts")
            replies = await _pages(client, "conversations.replies", channel=channel, ts=ts, oldest=oldest)
            messages += [reply for reply in replies if text_at(reply, "ts") != ts]
        yield sorted(messages, key=lambda message: text_at(message, "ts"))
        if not cursor:
            return
        if not failures:
            progress.cursor, progress.pages = cursor, pages
            await _save(event, progress)
    log.warning("a sweep read only the newest messages", extra={"method": "conversations.history"})


async def _save(event: SlackEvent, progress: _Progress) -> None:
    async with event.ctx.work_db.tx() as tx:
        await inbound_store.save_progress(tx, event.item.id, progress.stored)


async def _pins(client: SlackClient, channel: str) -> dict[str, Any]:
    """Return the pins of a channel, nothing without the scope."""
    try:
        return await client.read(OpKind.FIND_POST, "pins.list", channel=channel)
    except CallFailed as failure:
        if failure.trouble is Trouble.SKIPPED:
            return {}
        raise


async def _page(
    client: SlackClient, method: str, *, cursor: str, **arguments: Any
) -> tuple[list[dict[str, Any]], str]:
    """Return one page of messages, and the cursor of the next one, empty if there is none."""
    if cursor:
        arguments["cursor"] = cursor
    answer = await client.read(OpKind.FIND_POST, method, limit=PAGE_SIZE, **arguments)
    messages = [each for each in answer.get("messages") or [] if text_at(each, "ts")]
    return messages, text_at(answer, "response_metadata", "next_cursor")


async def _pages(client: SlackClient, method: str, **arguments: Any) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = []
    cursor = ""
    for _ in range(MAX_PAGES):
        page, cursor = await _page(client, method, cursor=cursor, **arguments)
        messages += page
        if not cursor:
            return messages
    log.warning("a sweep read only the newest messages", extra={"method": method})
    return messages


def _joined(messages: list[dict[str, Any]], channel: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for message in messages:
        if text_at(message, "subtype") in _JOINS:
            who = text_at(message, "user")
            event = {"type": "member_joined_channel", "user": who, "channel": channel}
            yield f"join:{channel}:{text_at(message, 'ts')}", event


def _marked(
    messages: list[dict[str, Any]], channel: str, known: set[str]
) -> Iterator[tuple[str, dict[str, Any]]]:
    for message in messages:
        ts = text_at(message, "ts")
        reactions = message.get("reactions")
        for reaction in reactions if ts not in known and isinstance(reactions, list) else []:
            name, users = text_at(reaction, "name"), at(reaction, "users")
            for who in users if kind_of_emoji(name) and isinstance(users, list) else []:
                item = {"type": "message", "channel": channel, "ts": ts}
                event = {"type": "reaction_added", "user": who, "reaction": name, "item": item}
                yield f"reaction:{channel}:{ts}:{name}:{who}", event


def _pinned(pins: Any, channel: str, known: set[str], bot_user: str) -> Iterator[tuple[str, dict[str, Any]]]:
    items = at(pins, "items")
    for pin in items if isinstance(items, list) else []:
        ts, who = text_at(pin, "message", "ts"), text_at(pin, "created_by")
        if ts and ts not in known and who not in ("", bot_user):
            item = {"type": "message", "message": at(pin, "message")}
            event = {"type": "pin_added", "user": who, "channel_id": channel, "item": item}
            yield f"pin:{channel}:{ts}", event


async def _compare(
    event: SlackEvent,
    channel: str,
    captured: list[CapturedText],
    by_ts: Mapping[str, Any],
    failures: dict[str, Exception],
) -> None:
    """Record which captured messages were edited or deleted; those that are not in `by_ts` are asked for."""
    for known in captured:
        message = by_ts.get(known.ts) or await events.raw_message(event, channel, known.ts)
        if message is None:
            body: dict[str, Any] = {"type": "message", "subtype": "message_deleted", "deleted_ts": known.ts}
            key = f"deleted:{channel}:{known.ts}"
        else:
            edited = text_at(message, "edited", "ts")
            if not edited or _is_recorded(known, edited, event.now):
                continue
            body = {"type": "message", "subtype": "message_changed", "message": message}
            key = f"edited:{channel}:{known.ts}:{edited}"
        await _work(event, key, {**body, "channel": channel}, failures)


def _is_recorded(known: CapturedText, edited: str, now: datetime) -> bool:
    """Return True if an edit is older than the last one that was recorded."""
    return known.edited_at is not None and sent_at(edited, now) <= known.edited_at
