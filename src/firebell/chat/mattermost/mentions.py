"""Answers mentions of the bot and direct messages to it, with the grammar of its commands (spec 8.5).

The server is asked which channels of the bot have new posts, and only those are read. The channels of incidents are
read anyway, by `room_reader`, which calls `answer_mention`.
"""

import logging
import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from firebell.chat import store
from firebell.chat.accounts.connected_account import Connected, chat_context_of
from firebell.chat.adapter_base.adapter import CallFailed, Trouble
from firebell.chat.adapter_base.http_calls import call
from firebell.chat.adapter_base.message_model import clip
from firebell.chat.handlers import dispatch as handlers
from firebell.chat.intents import commands
from firebell.chat.intents.model import PageSomeone
from firebell.chat.intents.reply_model import Reply, ReplyButton
from firebell.chat.mattermost import action_tokens, attachments, direct_messages
from firebell.chat.mattermost.channel_posts import posts_since
from firebell.chat.mattermost.known_users import ASK_LIMIT_S, api, known_user
from firebell.chat.mattermost.post_attempts import PostAttempts
from firebell.chat.mattermost.posts import Post, PostKind, instant
from firebell.chat.mattermost.text import mentioned, tokens
from firebell.chat.model import AccountState
from firebell.chat.received import mention_reading_store
from firebell.chat.received import store as inbound_store
from firebell.kit.context import Context
from firebell.kit.db.database import Tx
from firebell.kit.db.database_clock import last_gap
from firebell.kit.db.migrate import fence
from firebell.kit.log import OncePerMinute
from firebell.kit.restoration import CLOCK_TOLERANCE

log = logging.getLogger(__name__)

OVERLAP = timedelta(seconds=5)
"""What is read again each time: a post can become visible after later ones."""
CHANNELS_PER_READING = 20
NAMES_PER_MENTION = 5
_TEXT_CHARS = 10_000
_QUOTED_CHARS = 500
_DIRECT = "D"
_OF_ONE_CHANNEL = frozenset({Trouble.CONTENT, Trouble.REFUSED, Trouble.SKIPPED})
"""Refusals that say nothing about other channels, and that a repetition would get too."""


@dataclass(slots=True)
class BotNames:
    """The usernames of the bots of accounts, asked for once per process."""

    _by_account: dict[int, str] = field(default_factory=dict)

    async def of(self, ctx: Context, connected: Connected) -> str:
        """Return the username of a bot; raise `CallFailed`."""
        account_id = connected.account.id
        if account_id not in self._by_account:
            me = await _get(ctx, connected, "/users/me")
            self._by_account[account_id] = str(me.get("username") or "")
        return self._by_account[account_id]


class MentionReader:
    """Reads the mentions of one account at a time; no transaction is open while the server is asked."""

    def __init__(self, ctx: Context, names: BotNames, attempts: PostAttempts) -> None:
        self._ctx = ctx
        self._names = names
        self._attempts = attempts
        self._unread = OncePerMinute(log, "the mentions of a channel were not read")
        self.upcoming: datetime | None = None
        """When the next account is to be read, if none was due."""

    async def run_once(self, now: datetime) -> int:
        """Read one account that is due; return 1 if there was one, else 0."""
        async with self._ctx.work_db.tx() as tx:
            await fence(tx)
            claimed = await mention_reading_store.claim_account(tx, now)
            if claimed is None:
                self.upcoming = await mention_reading_store.next_account_at(tx)
                return 0
            account, read_until = claimed
            connected = Connected(account, await store.account_secrets(tx, account.id))
            rooms = await mention_reading_store.room_channels(tx, account.id)
        try:
            until = await self._read(connected, read_until, rooms, now)
        except CallFailed as failure:
            log.warning("mentions were not read", extra={"account": account.id, "code": failure.code})
            if failure.trouble is Trouble.ACCOUNT:
                async with self._ctx.work_db.tx() as tx:
                    await store.set_state(tx, account.id, AccountState.BROKEN, failure.code, now)
            return 1
        if until != read_until:
            async with self._ctx.work_db.tx() as tx:
                await mention_reading_store.save_read_until(tx, account.id, until)
        return 1

    async def _read(
        self, connected: Connected, read_until: datetime | None, rooms: set[str], now: datetime
    ) -> datetime:
        """Answer what is new, and return until when everything is read; the first time, nothing is new."""
        answer = await _get(self._ctx, connected, "/users/me/channels")
        listed = [each for each in answer.get("list") or [] if isinstance(each, dict)]
        posted = sorted((instant(each.get("last_post_at")), str(each.get("id")), each) for each in listed)
        if read_until is None:
            # what is read again must not reach what was written before
            return (posted[-1][0] if posted else now) + OVERLAP
        since = read_until - OVERLAP
        changed = [each for each in posted if each[0] > since and each[1] not in rooms]
        read, is_settled = changed[:CHANNELS_PER_READING], True
        for _, channel, each in read:
            try:
                posts = await posts_since(self._ctx, connected, channel, since)
            except CallFailed as failure:
                if failure.trouble not in _OF_ONE_CHANNEL:
                    raise
                self._unread.add(f"{channel}: {failure.code}")
                continue
            is_direct = each.get("type") == _DIRECT
            for post in [post for post in posts if post.created_at > since]:
                answering = answer_mention(
                    self._ctx, self._names, connected, channel, post, now, is_direct=is_direct
                )
                if not await self._attempts.settle(answering, connected.account.id, channel, post):
                    is_settled = False
        return max(read_until, read[-1][0]) if read and is_settled else read_until


async def answer_mention(
    ctx: Context,
    names: BotNames,
    connected: Connected,
    channel: str,
    post: Post,
    now: datetime,
    *,
    is_direct: bool = False,
) -> None:
    """Do what a post asks the bot for, once, and answer its author directly; other posts ask for nothing."""
    account = connected.account
    is_from_person = post.kind is PostKind.MESSAGE and post.user != account.bot_user
    if not is_from_person or post.is_automated or post.is_deleted or not (is_direct or "@" in post.text):
        return
    bot = await names.of(ctx, connected)
    text, is_mention = without_mention(post.text[:_TEXT_CHARS], bot)
    if not (is_direct or is_mention):
        return
    users = await _users(ctx, connected, text)
    user = await known_user(ctx, ctx.work_db, connected, post.user, now)
    key = f"mention:{post.id}"
    async with ctx.work_db.tx() as tx:
        context = await chat_context_of(tx, ctx, connected, user, post.user, "", channel, "", now)
        intent = commands.parse_mention(tokens(text, users), context.incident)
        # someone who is paged twice can say so, someone who is not paged can't
        is_left_out = await _may_be_done(tx, post, now) and not isinstance(intent, PageSomeone)
        if is_left_out:
            is_told = await mention_reading_store.is_claimed(tx, account.id, key)
        elif await inbound_store.claim(tx, account.id, key, now):
            reply = await handlers.handle(tx, context, intent, now)
            await tx.wake("chat")
        else:
            return
    if is_left_out:
        if not is_told:
            await _tell_left_out(ctx, connected, post, key, now)
        return
    if reply.modal is not None:
        form = ReplyButton("Open form", reply.modal, primary=True)
        reply = Reply("This needs a form.", (form,), composed_at=now)
    await direct_messages.send(
        ctx,
        connected,
        post.user,
        attachments.text_of(reply),
        _buttons(ctx, connected, reply, now),
    )


async def _tell_left_out(ctx: Context, connected: Connected, post: Post, key: str, now: datetime) -> None:
    """Tell the author that a post was not done; raise `RuntimeError` if that fails, so that the post is read again."""
    text = (
        "Firebell wasn’t running when you wrote this, or a backup was restored since then. To avoid doing it twice,"
        f" Firebell did nothing. If you still need it, send it again:\n{clip(post.text, _QUOTED_CHARS)}"
    )
    if not await direct_messages.send(ctx, connected, post.user, text):
        raise RuntimeError("The author of a post was not told that it was not done.")
    async with ctx.work_db.tx() as tx:
        await inbound_store.claim(tx, connected.account.id, key, now)


async def _may_be_done(tx: Tx, post: Post, now: datetime) -> bool:
    """Return True if a post was written while no process ran, or if it was done and a backup was restored since.

    Nothing tells which of the two it was.
    """
    gap = await last_gap(tx, now)
    return gap is not None and gap.start - CLOCK_TOLERANCE <= post.created_at < gap.end


def without_mention(text: str, bot: str) -> tuple[str, bool]:
    """Return a text without mentions of the bot, and whether there was one."""
    mention = re.compile(rf"(?<![\w@.-])@{re.escape(bot)}(?![\w-])[:,]?", re.IGNORECASE)
    without, number = mention.subn(" ", text)
    return without.strip(), bool(bot) and number > 0


def _buttons(ctx: Context, connected: Connected, reply: Reply, now: datetime) -> list[dict[str, Any]]:
    """Return the buttons of an answer; none without commands, which show that the server reaches us."""
    if not connected.secrets.signing_secrets:
        return []
    sign = action_tokens.button_signer(ctx.signer, connected.account.id, lambda: now)
    answer = attachments.command_answer(reply, f"{ctx.public_url}/chat/mattermost/action", sign)
    buttons: list[dict[str, Any]] = answer.get("attachments", [])
    return buttons


async def _users(ctx: Context, connected: Connected, text: str) -> dict[str, str]:
    """Return the ids of the users that a text mentions, by username; unknown names are left out."""
    users = {}
    for name in mentioned(text)[:NAMES_PER_MENTION]:
        try:
            user = await _get(ctx, connected, f"/users/username/{name}", limit_s=ASK_LIMIT_S)
        except CallFailed:
            continue
        users[name] = str(user.get("id") or "")
    return {name: user for name, user in users.items() if user}


async def _get(ctx: Context, connected: Connected, path: str, **more: Any) -> dict[str, Any]:
    return await call(ctx.http, "GET", api(connected, path), token=connected.secrets.bot_token, **more)
