"""The lane that mails published post-mortems to addresses, a few at a time, never in the way of a page."""

import asyncio
import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

import asyncpg

from firebell.channels.base import Accepted, Edges, Failed, Message, Outcome, Retry, Unsent
from firebell.channels.registry import CHANNELS
from firebell.kit.context import Context
from firebell.kit.db.database import Tx
from firebell.kit.db.migrate import fence
from firebell.postmortems import lookup, store
from firebell.postmortems.editing import version_store
from firebell.postmortems.publication import mail_store, messages
from firebell.postmortems.publication.mail_store import ClaimedMail

log = logging.getLogger(__name__)

CONNECTIONS = 4
"""Number of mails that are sent at once; pages have their own connections."""
LEASE = timedelta(seconds=90)
"""Longer than an attempt; when a process dies, another sends the mail after this time."""
RETRY_MINUTES = (5, 15, 60, 240)
"""Delays after failed attempts; then the mail has failed."""
CHANNEL = CHANNELS["email"]


class PostmortemMailer:
    """Sends queued mails through the mail server of the product."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._transport = CHANNEL.open(Edges(ctx.http, ctx.signer, ctx.channel_settings))
        self.upcoming: datetime | None = None
        self.is_unused = True

    async def run_once(self, now: datetime) -> int:
        """Send up to `CONNECTIONS` mails that are due, record the outcomes, and return their number."""
        async with self._ctx.work_db.tx() as tx:
            await fence(tx)
            claimed = await mail_store.claim(tx, now, now + LEASE, CONNECTIONS)
            if not claimed:
                self.upcoming = await mail_store.next_at(tx)
                self.is_unused = self.upcoming is None
                return 0
            composed = [(mail, await _composed(tx, mail)) for mail in claimed]
            for mail, message in composed:
                if message is None:
                    await mail_store.record(
                        tx, mail.id, "void", "It is no longer published.", now, now, counts=False
                    )
        sent = [(mail, message) for mail, message in composed if message]
        outcomes = await asyncio.gather(*(self._send(mail, message) for mail, message in sent))
        await self._record([(mail, outcome) for (mail, _), outcome in zip(sent, outcomes, strict=True)])
        return len(claimed)

    async def _send(self, mail: ClaimedMail, message: Message | Retry) -> Outcome:
        if isinstance(message, Retry):
            return message
        try:
            async with self._ctx.pace.timeout(CHANNEL.attempt_limit_s):
                return await self._transport.send(mail.address, message, f"postmortem-{mail.id}")
        except TimeoutError:
            return Retry(f"No answer within {CHANNEL.attempt_limit_s:g} s.")
        except Exception as exc:
            log.exception("a post-mortem cannot be mailed", extra={"mail": mail.id})
            return Retry(f"Sending failed: {exc!r}")

    async def _record(self, results: Sequence[tuple[ClaimedMail, Outcome]]) -> None:
        now = self._ctx.clock.now()
        async with self._ctx.work_db.tx() as tx:
            for mail, outcome in results:
                if isinstance(outcome, Unsent):
                    again = now + timedelta(seconds=outcome.after_s)
                    await mail_store.record(tx, mail.id, "queued", "", again, now, counts=False)
                    continue
                state, reason, send_at = next_step(mail.attempts, outcome, now)
                await mail_store.record(tx, mail.id, state, reason, send_at, now)
            for postmortem_id in {mail.postmortem_id for mail, _ in results}:
                await tx.live(f"pm-{postmortem_id}")


async def _composed(tx: Tx, mail: ClaimedMail) -> Message | Retry | None:
    """Return the message of a mail, None if its version is no longer published. An error affects only this mail."""
    try:
        async with tx.savepoint():
            return await _compose(tx, mail)
    except asyncpg.LockNotAvailableError:
        raise
    except Exception as exc:
        if tx.conn.is_closed():
            raise
        log.exception("the mail of a post-mortem cannot be composed", extra={"mail": mail.id})
        return Retry(f"The mail could not be composed: {exc!r}")


async def _compose(tx: Tx, mail: ClaimedMail) -> Message | None:
    postmortem = (await store.by_id(tx, [mail.postmortem_id]))[mail.postmortem_id]
    about = await lookup.incidents_of(tx, postmortem)
    version = await version_store.version(tx, postmortem.id, mail.version_n)
    is_current = postmortem.state == "published" and postmortem.published_version == mail.version_n
    if version is None or not is_current or any(each.is_private for each in about):
        return None
    return messages.whole(about[0].ref, about[0].title, version.body, mail.created_at)


def next_step(attempts: int, outcome: Accepted | Failed | Retry, now: datetime) -> tuple[str, str, datetime]:
    """Return the state after an attempt, why, and when the next attempt is."""
    if isinstance(outcome, Accepted):
        return "sent", "", now
    if isinstance(outcome, Failed) or attempts >= len(RETRY_MINUTES):
        return "failed", outcome.reason, now
    wait = timedelta(minutes=RETRY_MINUTES[attempts])
    if outcome.after_s is not None:
        wait = max(wait, timedelta(seconds=outcome.after_s))
    return "queued", outcome.reason, now + wait
