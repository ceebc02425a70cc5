"""The sender: leases deliveries, hands their messages to the channels, and records the outcomes."""

import asyncio
import logging
import random
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial

import asyncpg

from firebell.kit.context import Context
from firebell.kit.db.database import Tx
from firebell.kit.db.migrate import fence
from firebell.kit.errors import Unavailable
from firebell.kit.jobs.group_commit import GroupCommit
from firebell.paging import delivery_store, notices, store
from firebell.paging.actions import skip_unreached_level
from firebell.paging.bundles import Bundle, bundles, hold_for_quiet_hours
from firebell.paging.channels import (
    Accepted,
    Channel,
    Failed,
    Message,
    Outcome,
    Retry,
    Unsent,
    without_code,
)
from firebell.paging.channels.email import Email
from firebell.paging.channels.ntfy import Ntfy
from firebell.paging.channels.webhook import Webhook
from firebell.paging.messages import compose
from firebell.paging.model import Delivery
from firebell.paging.send_slots import Slots
from firebell.people import actions as people

log = logging.getLogger(__name__)

CLAIM = 32
"""Largest number of deliveries per claim, small so that each begins soon after its claim."""
GATHER_S = 0.02
"""Delay before a claim for free slots: a claim of one costs as much as a claim of many."""
PER_S = 200
"""Largest number of messages begun per second, so that a storm leaves time for ingest and escalation."""
LINGER_S = 0.02
"""Delay in which outcomes are collected to be recorded together: after a crash they are only sent again."""
BACKOFF_S = (2, 8, 30)
CLAIMS = 8
"""Number of leases in a row that may end without an outcome: a message may crash every process."""
SEND_LIMIT_S = {"email": 25.0}
OTHER_LIMIT_S = 12.0
"""Time limit of one attempt: less than its lease, after which another process begins one."""
RECORD_AFTER_S = (0, 0.1, 0.5, 1, 2, 4, 8)
"""Delays between attempts to record an outcome while the database is unavailable."""


class Sender:
    """Sends in its own tasks, with slots for each channel: a provider that hangs delays no other channel."""

    def __init__(self, ctx: Context, on_free: Callable[[], None] = lambda: None) -> None:
        self._ctx = ctx
        self._on_free = on_free
        self._tasks: set[asyncio.Task[None]] = set()
        self._slots = Slots()
        self._blocked = False
        self._gathering: asyncio.TimerHandle | None = None
        self._arrived = GroupCommit(self._record_accepted, batch=CLAIM, linger_s=LINGER_S)
        self._channels: dict[str, Channel] = {
            "email": Email(ctx.smtp_url, ctx.mail_from),
            "webhook": Webhook(ctx.http, ctx.signer),
            "ntfy": Ntfy(ctx.http, ctx.ntfy_url),
        }

    async def run_once(self, now: datetime) -> int:
        """Claim due deliveries for which there are slots, begin to send them, and return their number."""
        async with self._ctx.db.tx() as tx:
            await fence(tx)
            claimed = await delivery_store.claim(tx, now, CLAIM, self._slots)
            sendable = await hold_for_quiet_hours(tx, claimed, now)
            messages = await self._composed(tx, sendable, now) if sendable else []
        for bundle in bundles(zip(sendable, messages, strict=True), f"{self._ctx.public_url}/pages"):
            task = asyncio.create_task(self._deliver(bundle))
            self._tasks.add(task)
            self._slots.take(bundle.deliveries[0])
            task.add_done_callback(partial(self._finished, bundle.deliveries[0]))
            await asyncio.sleep(1 / PER_S)
        return len(claimed)

    async def next_at(self, tx: Tx) -> datetime | None:
        """Return when to run again; `on_free` is called when a blocked delivery may have a slot."""
        blocked = self._slots.blocked()
        self._blocked = bool(blocked)
        return await delivery_store.next_at(tx, blocked)

    async def drain(self, limit_s: float | None = None) -> None:
        """Wait until all outcomes are recorded; after `limit_s` unsent deliveries are put back."""
        if not self._tasks:
            return
        _, slow = await asyncio.wait(self._tasks, timeout=limit_s)
        for task in slow:
            task.cancel()
        if slow:
            await asyncio.wait(slow, timeout=1)

    def _finished(self, delivery: Delivery, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._slots.release(delivery)
        if not task.cancelled() and task.exception():
            log.error("a delivery ended without an outcome", exc_info=task.exception())
        if self._blocked and self._gathering is None:
            self._gathering = asyncio.get_running_loop().call_later(GATHER_S, self._free)

    def _free(self) -> None:
        self._gathering = None
        self._on_free()

    async def _composed(
        self, tx: Tx, claimed: Sequence[Delivery], now: datetime
    ) -> Sequence[Message | Outcome]:
        """Return the message of each delivery, or the outcome to record if it cannot be composed."""
        try:
            async with tx.savepoint():
                return await compose(tx, self._ctx, claimed, now)
        except asyncpg.LockNotAvailableError:
            # one by one they would wait for the same lock; the claim is rolled back and repeated instead
            raise
        except Exception as exc:
            if tx.conn.is_closed():
                raise
            log.exception("messages cannot be composed", extra={"deliveries": [d.id for d in claimed]})
            if len(claimed) == 1:
                return [Retry(f"The message could not be composed: {exc!r}")]
        return [message for d in claimed for message in await self._composed(tx, [d], now)]

    async def _deliver(self, bundle: Bundle) -> None:
        message = bundle.message
        if isinstance(message, Message):
            outcome = without_code(await self._outcome(bundle, message), message.code)
        else:
            outcome = message
        for wait in RECORD_AFTER_S:
            await asyncio.sleep(wait)
            try:
                if isinstance(outcome, Accepted):
                    arrived = [self._arrived.add((d, outcome.provider_id)) for d in bundle.deliveries]
                    await asyncio.gather(*arrived)
                else:
                    await self._record(bundle.deliveries, outcome)
            except Unavailable:
                continue
            except Exception:
                ids = [d.id for d in bundle.deliveries]
                log.exception("an outcome cannot be recorded", extra={"deliveries": ids})
            else:
                return

    async def _outcome(self, bundle: Bundle, message: Message) -> Outcome:
        """Send and return the outcome; any error is a failed attempt, so that the next rule acts."""
        delivery = bundle.deliveries[0]
        if max(d.lost_claims for d in bundle.deliveries) > CLAIMS:
            return Failed(f"Gave up after {CLAIMS} attempts; the outcome is unknown.", suspect=False)
        limit_s = SEND_LIMIT_S.get(delivery.channel, OTHER_LIMIT_S)
        try:
            async with asyncio.timeout(limit_s):
                return await self._channels[delivery.channel].send(delivery.address, message, bundle.key)
        except TimeoutError:
            return Retry(f"No answer within {limit_s:g} s.")
        except asyncio.CancelledError:
            return Unsent("Firebell stopped during this attempt.", after_s=0)
        except Exception as exc:
            log.exception("a channel failed", extra={"delivery": delivery.id, "channel": delivery.channel})
            return Retry(f"Sending failed: {exc!r}")

    async def _record_accepted(self, arrived: list[tuple[Delivery, str]]) -> None:
        now = self._ctx.clock.now()
        async with self._ctx.db.tx() as tx:
            recorded = await delivery_store.accepted(tx, arrived, now)
            for delivery, _ in arrived:
                if delivery.id in recorded:
                    if notices.is_requested(delivery.reason):
                        await people.record_test(tx, delivery.method_id, "accepted", now)
                    await tx.live(_topic(delivery))

    async def _record(self, deliveries: Sequence[Delivery], outcome: Retry | Failed | Unsent) -> None:
        now = self._ctx.clock.now()
        attempts = max(d.attempts for d in deliveries)
        async with self._ctx.db.tx() as tx:
            match outcome:
                case Unsent(reason, after_s):
                    at = now + timedelta(seconds=after_s)
                    await delivery_store.retry(tx, deliveries, at, reason, counted=False)
                case Retry(reason, after_s) if attempts <= len(BACKOFF_S):
                    wait = after_s or BACKOFF_S[max(0, attempts - 1)] * random.uniform(0.8, 1.2)  # noqa: S311
                    at = now + timedelta(seconds=wait)
                    await delivery_store.retry(tx, deliveries, at, reason)
                case Retry(reason):
                    await self._failed(tx, deliveries, Failed(reason, suspect=False), now)
                case Failed():
                    await self._failed(tx, deliveries, outcome, now)
            for delivery in deliveries:
                await tx.live(_topic(delivery))

    async def _failed(self, tx: Tx, deliveries: Sequence[Delivery], outcome: Failed, now: datetime) -> None:
        # pages before deliveries: the order in which an acknowledgement locks them
        await store.lock(tx, [d.page_id for d in deliveries if d.page_id is not None])
        ended = await delivery_store.failed(tx, deliveries, outcome.reason)
        if outcome.suspect and ended:
            await people.record_address_failure(tx, ended[0].method_id, now, gone=outcome.gone)
        for delivery in ended:
            extra = {"delivery": delivery.id, "channel": delivery.channel, "reason": outcome.reason}
            log.warning("a message failed", extra=extra)
            if notices.is_requested(delivery.reason):
                await people.record_test(tx, delivery.method_id, "failed", now)
            is_unreached = await delivery_store.send_next(tx, delivery, now)
            # a reminder is for earlier levels and does not count for this one
            if is_unreached and delivery.page_id is not None and delivery.reason != "reminder":
                await skip_unreached_level(
                    tx, delivery.page_id, delivery.epoch, delivery.level, delivery.round, now
                )


def _topic(delivery: Delivery) -> str:
    return f"person-{delivery.person_id}" if delivery.page_id is None else f"pg-{delivery.page_id}"
