"""The lane that works on what Slack sent: events in the order of their channel, and late interactions."""

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from firebell.chat import store
from firebell.chat.accounts.connected_account import Connected
from firebell.chat.received import store as inbound_store
from firebell.chat.received import sweep_store
from firebell.chat.received.store import GIVE_UP_AFTER, InboxItem
from firebell.chat.slack import events, interactions, interactive_calls, sweep
from firebell.chat.slack.known_users import known_user
from firebell.chat.slack.payloads import Payload, PayloadKind, at, text_at
from firebell.kit.context import Context
from firebell.kit.db.database import Tx
from firebell.kit.db.migrate import fence
from firebell.kit.errors import Unavailable

log = logging.getLogger(__name__)

GAP = timedelta(seconds=60)
"""How long Slack may send nothing before what it may have missed is read; it repeats an event for some minutes."""
SWEEP_EVERY = timedelta(minutes=15)
SWEEPS_CHECKED_EVERY = timedelta(minutes=1)
SWEEPS_AT_ONCE = 100
LONGEST_PAUSE = timedelta(minutes=1)
MAX_TEXT_CHARS = 1_500


class Inbox:
    """Works on stored messages, one at a time; no transaction is open while Slack is asked."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self.upcoming: datetime | None = None
        """When the next message is due, if there was none."""
        self._sweeps_at: datetime | None = None
        self.is_unused = False
        """True if the last run found neither a message nor an account."""

    async def run_once(self, now: datetime) -> int:
        """Work on one message that is due; return 1 if there was one, else 0."""
        async with self._ctx.work_db.tx() as tx:
            await fence(tx)
            await self._begin_sweeps(tx, now)
            item = await inbound_store.claim_item(tx, now)
            if item is None:
                self.upcoming = await inbound_store.next_item_at(tx)
                self.is_unused = self.upcoming is None and not await store.has_accounts(tx)
                return 0
            self.is_unused = False
            account = await store.account(tx, item.account_id)
            if account is None:
                await inbound_store.finish_item(tx, item.id, now, "The account is gone.")
                return 1
            connected = Connected(account, await store.account_secrets(tx, account.id))
        try:
            await self._work(connected, item, now)
        except interactive_calls.SlackError as error:
            await self._postpone(item, now, error.code, error.after_s, is_final=error.code in _FINAL)
        except Unavailable:
            raise
        except Exception as error:
            # later messages of its channel must not wait for it forever
            log.exception("a message of slack failed", extra={"item": item.id})
            await self._postpone(item, now, type(error).__name__)
        else:
            async with self._ctx.work_db.tx() as tx:
                await inbound_store.finish_item(tx, item.id, now)
        return 1

    async def _work(self, connected: Connected, item: InboxItem, now: datetime) -> None:
        if item.kind == "interaction":
            await self._interaction(connected, item, now)
        elif item.kind == "sweep":
            await sweep.sweep(self._ctx, connected, item, now)
        else:
            event = item.body.get("event")
            await events.work(events.SlackEvent(self._ctx, connected, item, event, now))

    async def _interaction(self, connected: Connected, item: InboxItem, now: datetime) -> None:
        """Finish an interaction that was too slow, and tell who made it."""
        payload = _stored_payload(item)
        user = await known_user(self._ctx, self._ctx.work_db, connected, payload.user, now)
        async with self._ctx.work_db.tx() as tx:
            await interactions.act(tx, self._ctx, connected, payload, user, now)
            stored = await inbound_store.answer(tx, connected.account.id, item.key) or {}
        await self._tell(connected, payload, stored)

    async def _tell(self, connected: Connected, payload: Payload, stored: Mapping[str, Any]) -> None:
        """Send the answer of a late interaction to who made it: in its channel, else directly."""
        message = stored.get("message") or stored.get("body") or {}
        text = text_at(message, "text") or text_at(message, "view", "blocks", 0, "text", "text")
        text = text or " ".join(str(each) for each in (at(message, "errors") or {}).values())
        if not text:
            return
        answer: dict[str, Any] = {"channel": payload.channel or payload.user, "text": text[:MAX_TEXT_CHARS]}
        if blocks := at(message, "blocks"):
            answer["blocks"] = blocks
        method = "chat.postMessage"
        if payload.channel:
            answer["user"] = payload.user
            method = "chat.postEphemeral"
        token = connected.secrets.bot_token
        await interactive_calls.call(self._ctx, token, method, limit_s=events.CALL_LIMIT_S, **answer)

    async def _postpone(
        self,
        item: InboxItem,
        now: datetime,
        reason: str,
        after_s: float | None = None,
        *,
        is_final: bool = False,
    ) -> None:
        """Retry a message later, or give it up if a retry cannot help or too many have failed."""
        async with self._ctx.work_db.tx() as tx:
            if item.attempts >= GIVE_UP_AFTER or is_final:
                log.warning("a message of slack was given up", extra={"reason": reason, "item": item.id})
                await inbound_store.finish_item(tx, item.id, now, reason)
                return
            pause = min(LONGEST_PAUSE, timedelta(seconds=2 ** (item.attempts - 1)))
            pause = max(pause, timedelta(seconds=after_s or 0))
            await inbound_store.postpone_item(tx, item.id, now + pause, reason)

    async def _begin_sweeps(self, tx: Tx, now: datetime) -> None:
        """Queue the channels that are read again; a process that starts after a gap begins with all of them."""
        # a clock that was set back must not stop the sweeps
        if self._sweeps_at is not None and now < self._sweeps_at <= now + SWEEPS_CHECKED_EVERY:
            return
        await sweep_store.limit_times(tx, now, SWEEP_EVERY)
        if self._sweeps_at is None:
            await sweep_store.note_gaps(tx, now, GAP)
        self._sweeps_at = now + SWEEPS_CHECKED_EVERY
        for due in await sweep_store.due(tx, now, SWEEP_EVERY, SWEEPS_AT_ONCE):
            body = {"room": due.room_id, "channel": due.channel, "since": due.since.timestamp()}
            # an interval that was swept comes again after the clock was set back
            key = f"sweep:{due.room_id}:{due.since.timestamp():.6f}:{due.at.timestamp():.6f}"
            place = f"sweep:{due.channel}"
            await inbound_store.receive(tx, due.account_id, key, "sweep", place, "", body, now)


_FINAL = {
    *("channel_not_found", "not_in_channel", "user_not_in_channel", "message_not_found", "thread_not_found"),
    *("missing_scope", "is_archived", "invalid_auth", "account_inactive", "token_revoked"),
}
"""Refusals of Slack that the next attempt would get too."""


def _stored_payload(item: InboxItem) -> Payload:
    """Return the payload of a late interaction, without its trigger and answer address, which are not stored."""
    data = item.body.get("data")
    data = data if isinstance(data, dict) else {}
    kind = PayloadKind(item.body.get("kind", PayloadKind.IGNORED))
    is_command = kind is PayloadKind.COMMAND
    return Payload(
        kind,
        item.key,
        data,
        team=text_at(data, "team_id") or text_at(data, "team", "id"),
        user=text_at(data, "user_id") if is_command else text_at(data, "user", "id"),
        user_name=text_at(data, "user_name") if is_command else text_at(data, "user", "name"),
        channel=text_at(data, "channel_id") if is_command else text_at(data, "channel", "id"),
    )
