"""The lane that takes back what messages ask for, once their subject needs no one any more (spec 10.4)."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta

import asyncpg

from firebell.channels.base import Edges, Failed, Message, Outcome, RetractingTransport, Retry, Unsent
from firebell.channels.registry import CHANNELS
from firebell.kit.context import Context
from firebell.kit.db.database import Tx
from firebell.kit.db.migrate import fence
from firebell.notify.composing import message_settings
from firebell.notify.model import Outgoing
from firebell.notify.retractions import store as retraction_store
from firebell.notify.retractions.store import Retraction

log = logging.getLogger(__name__)

BATCH = 32
LEASE = timedelta(seconds=60)
"""Longer than an attempt; when a process dies, another one continues after this time."""
RETRY_AFTER_S = (2, 8, 30, 120)
"""Delays after failed tries; then the message stays as it is, and its buttons say that nothing is left to do."""


class Retractor:
    """Replaces messages with the outcome of their subject."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        edges = Edges(ctx.http, ctx.signer, ctx.channel_settings)
        opened = {kind: channel.open(edges) for kind, channel in CHANNELS.items() if channel.retracts}
        self._transports: dict[str, RetractingTransport] = {
            kind: transport
            for kind, transport in opened.items()
            if isinstance(transport, RetractingTransport)
        }
        self.upcoming: datetime | None = None
        self.is_unused = True
        """It is woken when a message is queued."""

    async def run_once(self, now: datetime) -> int:
        """Retract messages that are due, and return their number."""
        async with self._ctx.work_db.reads() as reads:
            self.upcoming = await retraction_store.next_at(reads)
        if self.upcoming is None or self.upcoming > now:
            return 0
        async with self._ctx.work_db.tx() as tx:
            await fence(tx, now)
            claimed = await retraction_store.claim(tx, now, now + LEASE, BATCH)
            messages = await self._composed(tx, claimed, now)
        outcomes = await asyncio.gather(*map(self._retract, claimed, messages))
        ended = [
            (each, self._next_try(each, outcome, now))
            for each, outcome in zip(claimed, outcomes, strict=True)
        ]
        unchanged = [each for each, message in zip(claimed, messages, strict=True) if message is None]
        async with self._ctx.work_db.tx() as tx:
            await retraction_store.reschedule(tx, ended)
            await retraction_store.forget(tx, unchanged)
        return len(claimed)

    async def _composed(
        self, tx: Tx, claimed: Sequence[Retraction], now: datetime
    ) -> list[Message | Retry | None]:
        """Return what each message is replaced by; None if its subject waits for someone again."""
        recipients = await message_settings.recipients(tx, [each.delivery for each in claimed])
        by_kind: dict[str, list[Outgoing]] = defaultdict(list)
        for each in claimed:
            recipient = recipients[each.delivery.id]
            by_kind[each.delivery.subject_kind].append(Outgoing(each.delivery, recipient))
        composed: dict[int, Message | Retry | None] = {}
        for kind, outgoing in by_kind.items():
            composed |= await self._composed_of(tx, kind, outgoing, now)
        return [composed[each.delivery.id] for each in claimed]

    async def _composed_of(
        self, tx: Tx, kind: str, outgoing: Sequence[Outgoing], now: datetime
    ) -> dict[int, Message | Retry | None]:
        """Return the replacement of each message of one kind, by delivery.

        A message that can't be composed doesn't hold up the others.
        """
        compose = self._ctx.composers[kind].compose_retractions
        if compose is None:
            return dict.fromkeys((one.delivery.id for one in outgoing), None)
        try:
            async with tx.savepoint():
                messages = await compose(tx, self._ctx, outgoing, now)
        except asyncpg.LockNotAvailableError:
            # one by one they would wait for the same lock
            raise
        except Exception as exc:
            if tx.conn.is_closed():
                raise
            if len(outgoing) == 1:
                delivery_id = outgoing[0].delivery.id
                log.exception("a retraction cannot be composed", extra={"delivery": delivery_id})
                return {delivery_id: Retry(f"The message could not be composed: {exc!r}")}
            alone = [await self._composed_of(tx, kind, [one], now) for one in outgoing]
            return {delivery_id: message for each in alone for delivery_id, message in each.items()}
        return {
            one.delivery.id: message_settings.as_set(message, one.recipient) if message else None
            for one, message in zip(outgoing, messages, strict=True)
        }

    async def _retract(self, retraction: Retraction, message: Message | Retry | None) -> Outcome | None:
        if isinstance(message, Retry):
            return message
        delivery = retraction.delivery
        transport = self._transports.get(delivery.channel)
        if message is None or transport is None or not retraction.provider_id:
            return None
        try:
            async with self._ctx.pace.timeout(CHANNELS[delivery.channel].attempt_limit_s):
                return await transport.retract(delivery.address, retraction.provider_id, message)
        except TimeoutError:
            return Retry("No answer in time.")
        except Exception as exc:
            log.exception("a message cannot be retracted", extra={"delivery": delivery.id})
            return Failed(f"Retracting failed: {exc!r}", suspect=False)

    def _next_try(self, retraction: Retraction, outcome: Outcome | None, now: datetime) -> datetime | None:
        if isinstance(outcome, Retry | Unsent) and retraction.tries <= len(RETRY_AFTER_S):
            return now + timedelta(seconds=outcome.after_s or RETRY_AFTER_S[retraction.tries - 1])
        if isinstance(outcome, Failed | Retry | Unsent):
            extra = {"delivery": retraction.delivery.id, "channel": retraction.delivery.channel}
            log.info("a message stays as it is", extra={**extra, "reason": outcome.reason})
        return None
