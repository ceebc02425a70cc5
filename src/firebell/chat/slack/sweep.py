"""Reads a channel again after a gap: what people pinned, marked, edited, deleted and joined meanwhile (spec 8.11).

Each finding is worked on like the event that did not arrive, so that nothing is captured twice. A message that was
captured before keeps its kind.
"""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from firebell.chat import store
from firebell.chat.accounts.connected_account import Connected
from firebell.chat.adapter_base.adapter import CallFailed, Trouble
from firebell.chat.adapter_base.operations import OpKind
from firebell.chat.intents.captured_messages import kind_of_emoji, sent_at
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
_JOINS = ("channel_join", "group_join")


async def sweep(ctx: Context, connected: Connected, item: InboxItem, now: datetime) -> None:
    """Read a channel and do what was missed.

    Raises `SlackError`, `Unavailable` or, if single messages failed, `ExceptionGroup` to be tried again.
    """
    channel, room_id = text_at(item.body, "channel"), at(item.body, "room")
    since = datetime.fromtimestamp(float(at(item.body, "since") or 0), UTC) - OVERLAP
    client = SlackClient(
        connected.secrets.bot_token,
        bot_user=connected.account.bot_user,
        base_url=ctx.channel_settings.get(SLACK_API_URL, ""),
    )
    account_id = connected.account.id
    async with ctx.work_db.tx() as tx:
        captured = await sweep_store.captured(tx, account_id, channel, now - CAPTURED_SINCE)
        known = await sweep_store.captured_ids(tx, account_id, channel)
    try:
        messages = await _history(client, channel, since)
        pins = await _pins(client, channel)
    except CallFailed as failure:
        raise SlackError(failure.code, failure.after_s) from failure
    missed = [
        *_joined(messages, channel),
        *_marked(messages, channel, known),
        *_pinned(pins, channel, known, connected.account.bot_user),
    ]
    event = SlackEvent(ctx, connected, item, {}, now)
    failures: dict[str, Exception] = {}
    for key, body in missed:
        await _work(event, key, body, failures)
    await _compare(event, channel, captured, messages, failures)
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


async def _history(client: SlackClient, channel: str, since: datetime) -> list[dict[str, Any]]:
    """Return the messages of a channel and of its threads since an instant, oldest first."""
    oldest = f"{since.timestamp():.6f}"
    messages = await _pages(client, "conversations.history", channel=channel, oldest=oldest)
    for parent in [m for m in messages if m.get("reply_count")]:
        ts = text_at(parent, "ts")
        replies = await _pages(client, "conversations.replies", channel=channel, ts=ts, oldest=oldest)
        messages += [reply for reply in replies if text_at(reply, "ts") != ts]
    return sorted(messages, key=lambda message: text_at(message, "ts"))


async def _pins(client: SlackClient, channel: str) -> dict[str, Any]:
    """Return the pins of a channel, nothing without the scope."""
    try:
        return await client.read(OpKind.FIND_POST, "pins.list", channel=channel)
    except CallFailed as failure:
        if failure.trouble is Trouble.SKIPPED:
            return {}
        raise


async def _pages(client: SlackClient, method: str, **arguments: Any) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = []
    for _ in range(MAX_PAGES):
        answer = await client.read(OpKind.FIND_POST, method, limit=PAGE_SIZE, **arguments)
        messages += [each for each in answer.get("messages") or [] if text_at(each, "ts")]
        cursor = text_at(answer, "response_metadata", "next_cursor")
        if not cursor:
            return messages
        arguments["cursor"] = cursor
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
    messages: list[dict[str, Any]],
    failures: dict[str, Exception],
) -> None:
    """Record which captured messages were edited or deleted."""
    by_ts = {text_at(message, "ts"): message for message in messages}
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
