"""The lane that reads the channels of Mattermost: captures, edits, joins, and what people changed (spec 8.12).

Channels are read instead of listened to: after a gap of any length, the next reading finds everything once.
"""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from firebell.chat import store
from firebell.chat.accounts.connected_account import Connected, chat_context_of
from firebell.chat.adapter_base.adapter import CallFailed, Trouble
from firebell.chat.handlers import gesture_handlers, room_events, timeline_capture
from firebell.chat.intents.captured_messages import TASK, CapturedMessage
from firebell.chat.linked_users.chat_context import ChatContext
from firebell.chat.mattermost.channel_posts import posts_since
from firebell.chat.mattermost.known_users import known_user
from firebell.chat.mattermost.mentions import BotNames, MentionReader, answer_mention
from firebell.chat.mattermost.post_attempts import PostAttempts
from firebell.chat.mattermost.posts import Post, PostKind
from firebell.chat.model import AccountState, Room
from firebell.chat.received import room_reading_store
from firebell.chat.received import store as inbound_store
from firebell.kit.context import Context
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.db.migrate import fence

log = logging.getLogger(__name__)

OVERLAP = timedelta(seconds=5)
"""What is read again each time: a change can become visible after later ones."""
_TEXT_CHARS = 10_000


@dataclass(frozen=True, slots=True)
class _Reading:
    """A channel that is being read."""

    ctx: Context
    connected: Connected
    room: Room
    since: datetime
    now: datetime
    names: BotNames

    async def context(self, tx: Tx, user: str) -> ChatContext:
        """Return a user in the channel, from what is stored of them."""
        account_id = self.connected.account.id
        known = await inbound_store.user(tx, account_id, user)
        channel = self.room.external_id
        return await chat_context_of(tx, self.ctx, self.connected, known, user, "", channel, "", self.now)

    async def meet(self, *users: str) -> None:
        """Store the users that are new, or whose link may have changed."""
        for user in dict.fromkeys(users):
            await known_user(self.ctx, self.ctx.work_db, self.connected, user, self.now)


class RoomReader:
    """Reads one channel at a time; no transaction is open while the server is asked."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._names = BotNames()
        self._attempts = PostAttempts()
        self._mentions = MentionReader(ctx, self._names, self._attempts)
        self.upcoming: datetime | None = None
        """When the next channel is to be read, if none was due."""
        self.is_unused = False
        """True if the last run found no account."""

    async def run_once(self, now: datetime) -> int:
        """Read the mentions of an account or one channel, whichever is due; return 0 if neither is."""
        if await self._mentions.run_once(now):
            return 1
        async with self._ctx.work_db.tx() as tx:
            await fence(tx)
            claimed = await room_reading_store.claim_room(tx, now)
            if claimed is None:
                times = (self._mentions.upcoming, await room_reading_store.next_room_at(tx))
                self.upcoming = min((at for at in times if at), default=None)
                self.is_unused = self.upcoming is None and not await store.has_accounts(tx)
                return 0
            self.is_unused = False
            room, read_until = claimed
            account = await store.account(tx, room.account_id)
            assert account
            connected = Connected(account, await store.account_secrets(tx, account.id))
        since = read_until or room.created_at or now
        reading = _Reading(self._ctx, connected, room, since - OVERLAP, now, self._names)
        try:
            await self._read(reading, since)
        except CallFailed as failure:
            await self._failed(reading, failure)
        return 1

    async def _read(self, reading: _Reading, since: datetime) -> None:
        """Handle what changed, and save how far all is done, also if the server fails in between."""
        until, all_settled = since, True
        try:
            for post in await self._posts(reading):
                all_settled = await self._settle(reading, post) and all_settled
                if all_settled:
                    until = post.updated_at
        finally:
            if until > since:
                async with self._ctx.work_db.tx() as tx:
                    await room_reading_store.save_read_until(tx, reading.room.id, until)

    async def _posts(self, reading: _Reading) -> list[Post]:
        posts = await posts_since(self._ctx, reading.connected, reading.room.external_id, reading.since)
        # the roots of threads come along, however old they are
        return [post for post in posts if post.updated_at > reading.since]

    async def _settle(self, reading: _Reading, post: Post) -> bool:
        account_id, channel = reading.room.account_id, reading.room.external_id
        return await self._attempts.settle(_work(reading, post), account_id, channel, post)

    async def _failed(self, reading: _Reading, failure: CallFailed) -> None:
        """Leave the channel for the next reading; a refused token stops all calls of the account."""
        account = reading.connected.account
        log.warning(
            "a channel was not read",
            extra={"account": account.id, "room": reading.room.id, "code": failure.code},
        )
        if failure.trouble is Trouble.ACCOUNT:
            async with self._ctx.work_db.tx() as tx:
                await store.set_state(tx, account.id, AccountState.BROKEN, failure.code, reading.now)


async def _work(reading: _Reading, post: Post) -> None:
    """Do what a post asks for; a post that is read again does nothing more."""
    bot = reading.connected.account.bot_user
    if post.kind is PostKind.MESSAGE and post.user == bot:
        if post.is_deleted:
            await _our_message_deleted(reading, post)
        return
    handler = _HANDLERS.get(post.kind)
    if handler is not None and post.user != bot:
        await handler(reading, post)


async def _our_message_deleted(reading: _Reading, post: Post) -> None:
    async with reading.ctx.work_db.tx() as tx:
        account, channel = reading.connected.account, reading.room.external_id
        await room_events.message_deleted(tx, account, channel, post.id, reading.now)


async def _message(reading: _Reading, post: Post) -> None:
    """Capture a message, change what was captured, or withdraw it."""
    account_id, channel = reading.connected.account.id, reading.room.external_id
    if post.created_at > reading.since:
        await answer_mention(reading.ctx, reading.names, reading.connected, channel, post, reading.now)
    async with reading.ctx.work_db.tx() as tx:
        known = await inbound_store.lock_capture(tx, account_id, channel, post.id)
    if known is None and not post.reactions and not post.is_pinned:
        return
    await reading.meet(post.user, *(reaction.user for reaction in post.reactions))
    async with reading.ctx.work_db.tx() as tx:
        if known is not None:
            if await _changed(tx, reading, post):
                return
            if known.deleted_at is not None:
                return
        if post.is_deleted or post.is_automated:
            return
        message = CapturedMessage(
            channel=channel,
            ts=post.id,
            author=post.user,
            text=post.text[:_TEXT_CHARS],
            permalink=_permalink(reading, post),
            files=post.files,
            sent_at=min(post.created_at, reading.now),
        )
        new = [r for r in post.reactions if r.at > reading.since]
        for reaction in [r for r in new if r.kind == TASK]:
            context = await reading.context(tx, reaction.user)
            await gesture_handlers.add_task(tx, context, reading.room.incident_id, message, reading.now)
        fresh = [r for r in (post.reactions if known is None else new) if r.kind != TASK]
        for reaction in reversed(fresh):
            context = await reading.context(tx, reaction.user)
            if await gesture_handlers.capture_message(
                tx, context, reading.room.incident_id, reaction.kind, message, reading.now
            ):
                return
        if post.is_pinned and known is None:
            # the server does not say who pinned it: its author's rights decide
            context = await reading.context(tx, post.user)
            await gesture_handlers.capture_message(
                tx, context, reading.room.incident_id, "note", message, reading.now
            )


def _permalink(reading: _Reading, post: Post) -> str:
    account = reading.connected.account
    return f"{account.address}/{account.bot_id}/pl/{post.id}" if account.address and account.bot_id else ""


async def _changed(tx: Tx, reading: _Reading, post: Post) -> bool:
    """Record that a captured message was deleted, edited or withdrawn; return True if it was deleted or withdrawn."""
    account_id, channel = reading.connected.account.id, reading.room.external_id
    known = await inbound_store.lock_capture(tx, account_id, channel, post.id)
    if known is None:
        return False
    author = await _author(tx, reading, post)
    if post.is_deleted:
        await timeline_capture.record_deletion(tx, author, account_id, channel, post.id, reading.now)
        return True
    if post.is_edited:
        await timeline_capture.record_edit(
            tx, author, account_id, channel, post.id, post.text[:_TEXT_CHARS], reading.now
        )
    context = await reading.context(tx, known.captured_by)
    stays = post.is_pinned or any(
        reaction.user == known.captured_by and reaction.kind != TASK for reaction in post.reactions
    )
    if stays or not gesture_handlers.is_responder(context):
        return False
    return await timeline_capture.withdraw(
        tx, context.actor, known.captured_by, account_id, channel, post.id, known.kind, reading.now
    )


async def _author(tx: Tx, reading: _Reading, post: Post) -> Actor:
    """Return the author of a message as an actor: the server says who wrote it, and it was captured before."""
    context = await reading.context(tx, post.user)
    return replace(context.actor, kind="source")


async def _once(tx: Tx, reading: _Reading, post: Post) -> bool:
    return await inbound_store.claim(tx, reading.connected.account.id, f"post:{post.id}", reading.now)


async def _joined(reading: _Reading, post: Post) -> None:
    await reading.meet(post.subject)
    async with reading.ctx.work_db.tx() as tx:
        if not await _once(tx, reading, post):
            return
        await gesture_handlers.joined(tx, await reading.context(tx, post.subject), reading.room, reading.now)


async def _left(reading: _Reading, post: Post) -> None:
    async with reading.ctx.work_db.tx() as tx:
        account = reading.connected.account
        user = await inbound_store.user(tx, account.id, post.subject)
        if user is not None and user.person_id is not None and await _once(tx, reading, post):
            await room_events.person_left(tx, account, reading.room.external_id, user.person_id)


async def _renamed(reading: _Reading, post: Post) -> None:
    async with reading.ctx.work_db.tx() as tx:
        if await _once(tx, reading, post):
            await store.set_owner(tx, reading.room.id, "name", "human")


async def _described(reading: _Reading, post: Post) -> None:
    async with reading.ctx.work_db.tx() as tx:
        account, channel = reading.connected.account, reading.room.external_id
        if await _once(tx, reading, post):
            await room_events.described(tx, account, channel, str(post.kind), reading.now)


async def _archived(reading: _Reading, post: Post) -> None:
    async with reading.ctx.work_db.tx() as tx:
        account, channel = reading.connected.account, reading.room.external_id
        if await _once(tx, reading, post):
            await room_events.closed_by_person(tx, account, channel, reading.now)


_HANDLERS: dict[PostKind, Callable[[_Reading, Post], Awaitable[None]]] = {
    PostKind.MESSAGE: _message,
    PostKind.JOINED: _joined,
    PostKind.LEFT: _left,
    PostKind.RENAMED: _renamed,
    PostKind.TOPIC: _described,
    PostKind.PURPOSE: _described,
    PostKind.ARCHIVED: _archived,
}
