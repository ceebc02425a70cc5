"""Events of Slack, worked on after they are stored: mentions, captures, edits, joins (spec 8.12)."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from firebell.chat import store
from firebell.chat.accounts.connected_account import Connected, chat_context_of
from firebell.chat.handlers import dispatch as handlers
from firebell.chat.handlers import gesture_handlers, home_queries, room_events, timeline_capture
from firebell.chat.intents import commands
from firebell.chat.intents.captured_messages import TASK, CapturedMessage, kind_of_emoji
from firebell.chat.intents.model import ShowSummary
from firebell.chat.linked_users import linking
from firebell.chat.linked_users.chat_context import ChatContext
from firebell.chat.model import AccountState
from firebell.chat.received import store as inbound_store
from firebell.chat.received.store import InboxItem
from firebell.chat.slack import home, interactive_calls, reply_blocks
from firebell.chat.slack.known_users import known_user
from firebell.chat.slack.payloads import at, text_at
from firebell.chat.slack.text import tokens
from firebell.chat.slack.user_facts import user_facts
from firebell.kit.context import Context
from firebell.kit.db.database import Tx
from firebell.kit.db.events import SYSTEM

CALL_LIMIT_S = 10.0
CATCH_UP_EVERY = timedelta(minutes=30)
"""How often a person who joins the same room again is caught up."""
_TEXT_CHARS = 10_000


@dataclass(frozen=True, slots=True)
class SlackEvent:
    """A stored event with the account that sent it."""

    ctx: Context
    connected: Connected
    item: InboxItem
    event: Any
    now: datetime

    def text(self, *path: str | int) -> str:
        """Return a text of the event, empty if it has none there."""
        return text_at(self.event, *path)

    async def call(self, method: str, **arguments: Any) -> dict[str, Any]:
        """Call Slack; raise `SlackError`."""
        token = self.connected.secrets.bot_token
        return await interactive_calls.call(self.ctx, token, method, limit_s=CALL_LIMIT_S, **arguments)

    async def context(self, tx: Tx, user: Any, external_id: str, channel: str) -> ChatContext:
        """Return who acts, and where."""
        return await chat_context_of(
            tx, self.ctx, self.connected, user, external_id, "", channel, "", self.now
        )


async def work(event: SlackEvent) -> None:
    """Do what an event asks for, at most once; raise `SlackError` or `Unavailable` to be tried again."""
    author = event.text("user")
    is_own = author != "" and author == event.connected.account.bot_user
    handler = _HANDLERS.get(event.text("type"))
    if handler is not None and not is_own:
        await handler(event)


async def _once(event: SlackEvent, tx: Tx) -> bool:
    return await inbound_store.claim(tx, event.connected.account.id, event.item.key, event.now)


async def _mention(event: SlackEvent) -> None:
    """Answer a mention with the grammar of the commands; only who wrote it sees the answer."""
    author, channel = event.text("user"), event.text("channel")
    mention = f"<@{event.connected.account.bot_user}>"
    text = tokens(event.text("text").replace(mention, " "))
    user = await known_user(event.ctx, event.ctx.work_db, event.connected, author, event.now)
    async with event.ctx.work_db.tx() as tx:
        if not await _once(event, tx):
            return
        context = await event.context(tx, user, author, channel)
        intent = commands.parse_mention(text, context.incident)
        reply = await handlers.handle(tx, context, intent, event.now)
        message = reply_blocks.ephemeral(reply)
    thread = {"thread_ts": event.text("thread_ts")} if event.text("thread_ts") else {}
    await event.call(
        "chat.postEphemeral",
        channel=channel,
        user=author,
        text=message["text"],
        blocks=message["blocks"],
        **thread,
    )


async def _direct_message(event: SlackEvent) -> None:
    """Answer a direct message to the bot like a mention; messages of channels only matter when they change."""
    match event.text("subtype"):
        case "message_changed":
            await _edited(event)
        case "message_deleted":
            await _deleted(event)
        case "" if event.text("channel_type") == "im" and not event.text("bot_id"):
            await _mention(event)
        case _:
            pass


async def _edited(event: SlackEvent) -> None:
    text = _plain(event.text("message", "text"))
    ts = event.text("message", "ts")
    async with event.ctx.work_db.tx() as tx:
        if await _once(event, tx):
            actor = await _event_actor(event, tx, event.text("message", "user"))
            account_id = event.connected.account.id
            await timeline_capture.record_edit(
                tx, actor, account_id, event.text("channel"), ts, text, event.now
            )


async def _deleted(event: SlackEvent) -> None:
    ts = event.text("deleted_ts") or event.text("previous_message", "ts")
    async with event.ctx.work_db.tx() as tx:
        if await _once(event, tx):
            actor = await _event_actor(event, tx, event.text("previous_message", "user"))
            account_id = event.connected.account.id
            channel = event.text("channel")
            await timeline_capture.record_deletion(tx, actor, account_id, channel, ts, event.now)
            await room_events.message_deleted(tx, event.connected.account, channel, ts, event.now)


async def _event_actor(event: SlackEvent, tx: Tx, author: str) -> Any:
    """Return the author of a message as an actor: Slack says who wrote it, and the message was captured before."""
    user = await inbound_store.user(tx, event.connected.account.id, author)
    context = await event.context(tx, user, author, "")
    return replace(context.actor, kind="source")


async def _pinned(event: SlackEvent) -> None:
    if event.text("item", "type") in ("", "message"):
        channel = event.text("channel_id") or event.text("item", "channel")
        await _capture(event, "note", channel, at(event.event, "item", "message"))


async def _reacted(event: SlackEvent) -> None:
    kind = kind_of_emoji(event.text("reaction"))
    if kind is not None and event.text("item", "type") == "message":
        await _capture(event, kind, event.text("item", "channel"))


async def _capture(event: SlackEvent, kind: str, channel: str, pinned: Any = None) -> None:
    """Capture the message of a pin, which the event has, or of an emoji in the room of an incident.

    Only a responder captures, and only what people wrote.
    """
    who, account = event.text("user"), event.connected.account
    ts = event.text("item", "ts") or event.text("item", "message", "ts")
    async with event.ctx.work_db.tx() as tx:
        room = await store.room_by_channel(tx, account.id, channel)
    user = await known_user(event.ctx, event.ctx.work_db, event.connected, who, event.now)
    if room is None or not ts:
        return
    has_text = text_at(pinned, "text") != ""
    message = _read_message(pinned, channel, ts) if has_text else await _message(event, channel, ts)
    if message is None or message.author == account.bot_user:
        return
    if message.author and message.author != who:
        await known_user(event.ctx, event.ctx.work_db, event.connected, message.author, event.now)
    async with event.ctx.work_db.tx() as tx:
        if not await _once(event, tx):
            return
        context = await event.context(tx, user, who, channel)
        if context.incident is None:
            return
        if kind == TASK:
            await gesture_handlers.add_task(tx, context, context.incident, message, event.now)
        else:
            await gesture_handlers.capture_message(tx, context, context.incident, kind, message, event.now)


async def _message(event: SlackEvent, channel: str, ts: str) -> CapturedMessage | None:
    message = await raw_message(event, channel, ts)
    return None if message is None else _read_message(message, channel, ts)


async def raw_message(event: SlackEvent, channel: str, ts: str) -> Any:
    """Return a message of a channel or of one of its threads, None if it is gone."""
    answer = await event.call(
        "conversations.history", channel=channel, latest=ts, oldest=ts, inclusive="true", limit="1"
    )
    message = at(answer, "messages", 0)
    if text_at(message, "ts") != ts:
        # the history leaves out what was said in threads
        try:
            answer = await event.call("conversations.replies", channel=channel, ts=ts, limit="1")
        except interactive_calls.SlackError as error:
            if error.code != "thread_not_found":
                raise
            return None
        messages = answer.get("messages")
        message = next(
            (each for each in (messages if isinstance(messages, list) else []) if text_at(each, "ts") == ts),
            None,
        )
    return message


def _read_message(message: Any, channel: str, ts: str) -> CapturedMessage:
    files = at(message, "files")
    return CapturedMessage(
        channel=channel,
        ts=ts,
        author=text_at(message, "user"),
        text=_plain(text_at(message, "text")),
        permalink=text_at(message, "permalink"),
        files=[each for each in (files if isinstance(files, list) else []) if isinstance(each, dict)],
    )


def _plain(text: str) -> str:
    return commands.plain(tokens(text))[:_TEXT_CHARS]


async def _unreacted(event: SlackEvent) -> None:
    kind, who = kind_of_emoji(event.text("reaction")), event.text("user")
    if kind is not None:
        await _withdraw(event, who, event.text("item", "channel"), event.text("item", "ts"), kind)


async def _unpinned(event: SlackEvent) -> None:
    ts = event.text("item", "ts") or event.text("item", "message", "ts")
    channel = event.text("channel_id") or event.text("item", "channel")
    await _withdraw(event, event.text("user"), channel, ts, "note")


async def _withdraw(event: SlackEvent, who: str, channel: str, ts: str, kind: str) -> None:
    async with event.ctx.work_db.tx() as tx:
        if not await _once(event, tx):
            return
        account_id = event.connected.account.id
        user = await inbound_store.user(tx, account_id, who)
        context = await event.context(tx, user, who, channel)
        if gesture_handlers.is_responder(context):
            await timeline_capture.withdraw(tx, context.actor, who, account_id, channel, ts, kind, event.now)


async def _joined(event: SlackEvent) -> None:
    """Record that a responder who joins the room of an incident is a responder of it, and catch them up."""
    who, channel = event.text("user"), event.text("channel")
    async with event.ctx.work_db.tx() as tx:
        room = await store.room_by_channel(tx, event.connected.account.id, channel)
    if room is None:
        return
    user = await known_user(event.ctx, event.ctx.work_db, event.connected, who, event.now)
    async with event.ctx.work_db.tx() as tx:
        if not await _once(event, tx):
            return
        context = await event.context(tx, user, who, channel)
        await gesture_handlers.joined(tx, context, room, event.now)
        key = f"catch-up:{room.incident_id}:{who}"
        account_id = event.connected.account.id
        if not await inbound_store.claim_again(tx, account_id, key, event.now, CATCH_UP_EVERY):
            return
        reply = await handlers.handle(tx, context, ShowSummary(room.incident_id), event.now)
    if reply.done:
        message = reply_blocks.ephemeral(reply)
        shown = {"text": message["text"], "blocks": message["blocks"]}
        await event.call("chat.postEphemeral", channel=channel, user=who, **shown)


async def _home_opened(event: SlackEvent) -> None:
    """Show a person their pages, incidents and shifts as they open the app."""
    if event.text("tab") not in ("", "home"):
        return
    who = event.text("user")
    user = await known_user(event.ctx, event.ctx.work_db, event.connected, who, event.now)
    async with event.ctx.work_db.tx() as tx:
        context = await event.context(tx, user, who, "")
        view = home.home_view(await home_queries.facts(tx, context, event.now))
    await event.call("views.publish", user_id=who, view=view)


async def _room_renamed(event: SlackEvent) -> None:
    """Record that a person renamed a room: it keeps their name."""
    async with event.ctx.work_db.tx() as tx:
        if await _once(event, tx):
            name = event.text("channel", "name")
            await room_events.renamed(tx, event.connected.account, event.text("channel", "id"), name)


async def _room_closed(event: SlackEvent) -> None:
    """Record that a person archived or deleted a room."""
    async with event.ctx.work_db.tx() as tx:
        if await _once(event, tx):
            channel = event.text("channel")
            await room_events.closed_by_person(tx, event.connected.account, channel, event.now)


async def _left(event: SlackEvent) -> None:
    """Record that a person left a room: they are not invited again."""
    account = event.connected.account
    async with event.ctx.work_db.tx() as tx:
        user = await inbound_store.user(tx, account.id, event.text("user"))
        if user is not None and user.person_id is not None and await _once(event, tx):
            await room_events.person_left(tx, account, event.text("channel"), user.person_id)


async def _revoked(event: SlackEvent) -> None:
    """Call nothing in this workspace until it has a new token."""
    if event.text("type") == "tokens_revoked" and not at(event.event, "tokens", "bot"):
        return
    async with event.ctx.work_db.tx() as tx:
        if await _once(event, tx):
            account_id, reason = event.connected.account.id, event.text("type")
            await store.set_state(tx, account_id, AccountState.BROKEN, reason, event.now)
            subject = f"chat:{event.connected.account.name}"
            await tx.audit(SYSTEM, "chat.broken", subject, event.now, reason=reason)


async def _user_changed(event: SlackEvent) -> None:
    """Check a user again who changed; one who was deleted loses the link at once."""
    account, external_id = event.connected.account, event.text("user", "id")
    async with event.ctx.work_db.tx() as tx:
        known = await inbound_store.user(tx, account.id, external_id)
        if known is None:
            return
        if at(event.event, "user", "deleted") is True:
            await linking.record_user(
                tx, account, external_id, user_facts(at(event.event, "user")), event.now
            )
        else:
            await linking.forget_check(tx, account.id, external_id)


_HANDLERS: dict[str, Callable[[SlackEvent], Awaitable[None]]] = {
    "app_home_opened": _home_opened,
    "app_mention": _mention,
    "message": _direct_message,
    "pin_added": _pinned,
    "pin_removed": _unpinned,
    "reaction_added": _reacted,
    "reaction_removed": _unreacted,
    "member_joined_channel": _joined,
    "member_left_channel": _left,
    "channel_rename": _room_renamed,
    "group_rename": _room_renamed,
    "channel_archive": _room_closed,
    "group_archive": _room_closed,
    "channel_deleted": _room_closed,
    "group_deleted": _room_closed,
    "user_change": _user_changed,
    "tokens_revoked": _revoked,
    "app_uninstalled": _revoked,
}
