"""The sender: leases deliveries, hands their messages to the channels, and records the outcomes."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import asyncpg

from firebell.channels.base import (
    Accepted,
    Edges,
    Failed,
    FailoverTransport,
    Message,
    Outcome,
    Retry,
    Unsent,
    without_code,
)
from firebell.channels.registry import CHANNELS
from firebell.kit.context import Context
from firebell.kit.db.database import Tx
from firebell.kit.db.migrate import fence
from firebell.kit.errors import Unavailable
from firebell.kit.jobs.group_commit import GroupCommit
from firebell.kit.timing import Scheduled
from firebell.notify import page_bundles, removed_methods
from firebell.notify.composing import private_incidents
from firebell.notify.composing.compose import compose
from firebell.notify.deliveries import store as delivery_store
from firebell.notify.deliveries.retries import retry_delay_s
from firebell.notify.deliveries.send_slots import Slots
from firebell.notify.held_messages import SendGroup, hold_for_quiet_hours, send_groups
from firebell.notify.hourly_limits import actions as hourly_limit_actions
from firebell.notify.live_topics import topic_of
from firebell.notify.model import REQUESTED, Delivery
from firebell.notify.receipts import actions as receipt_actions
from firebell.notify.receipts import failures
from firebell.notify.receipts import store as receipt_store
from firebell.notify.retractions import actions as retraction_actions
from firebell.notify.retractions.actions import RETRACTING
from firebell.notify.usage import cost_limits
from firebell.people import actions as people

log = logging.getLogger(__name__)

CLAIM = 64
"""Largest number of deliveries per claim, small so that each begins soon after its claim."""
GATHER_S = 0.02
"""Delay before a claim for free slots: a claim of one costs as much as a claim of many."""
CLAIM_AT_FREED_SLOTS = 16
"""Number of freed slots at which the next claim starts at once; one destination has 16 to 22."""
LINGER_S = 0.02
"""Delay in which outcomes are collected to be recorded together: after a crash they are only sent again."""
CLAIMS = 8
"""Number of leases in a row that may end without an outcome: a message may crash every process."""
UNRECORDED = 4 * CLAIM
"""Number of messages being sent or recorded above which none is claimed: a crash may send as many again."""
_OUTCOMES: dict[type[Outcome], str] = {
    Accepted: "accepted",
    Failed: "failed",
    Retry: "retry",
    Unsent: "unsent",
}
"""The outcomes of an attempt, as they are counted."""
RECORD_AFTER_S = (0, 0.1, 0.5, 1, 2, 4, 8)
"""Delays between attempts to record an outcome while the database is unavailable."""


class Sender:
    """Sends in its own tasks, with slots for each channel: a provider that hangs delays no other channel."""

    def __init__(self, ctx: Context, on_free: Callable[[], None] = lambda: None) -> None:
        self._ctx = ctx
        self._on_free = on_free
        self._tasks: set[asyncio.Task[None]] = set()
        self._slots = Slots(elapsed=ctx.pace.monotonic)
        self._blocked = False
        self._freed = 0
        """Number of slots that became free since the last claim."""
        self.is_unused = False
        self.upcoming: datetime | None = None
        """When to claim again after a claim of none; `on_free` is called when a blocked delivery may have a slot."""
        self._gathering: Scheduled | None = None
        self._gathers_at_s = 0.0
        self._arrived = GroupCommit(self._record_accepted, batch=CLAIM, linger_s=LINGER_S, pace=ctx.pace)
        edges = Edges(ctx.http, ctx.signer, ctx.channel_settings, ctx.pace)
        self._transports = {kind: channel.open(edges) for kind, channel in CHANNELS.items()}
        self._failovers = {
            kind: each for kind, each in self._transports.items() if isinstance(each, FailoverTransport)
        }
        for kind in self._failovers:
            self._record_circuits(kind)

    async def run_once(self, now: datetime) -> int:
        """Claim due deliveries for which there are slots, begin to send them, and return their number."""
        if len(self._tasks) >= UNRECORDED:
            self._blocked = True
            return 0
        self._freed = 0
        async with self._ctx.work_db.tx() as tx:
            await fence(tx, now)
            claimed = await delivery_store.claim(tx, now, CLAIM, self._slots)
            if not claimed:
                self.upcoming = await self._next_at(tx)
                return 0
            # what goes along can be of low urgency, which quiet hours hold
            gathered = await page_bundles.gather(tx, claimed, now)
            sendable = await hold_for_quiet_hours(tx, gathered, now)
            refused: dict[int, Message | Outcome] = {
                **await cost_limits.over_limit(tx, self._ctx.channel_settings, sendable, now),
                **await hourly_limit_actions.over_limit(tx, sendable, now),
                **await removed_methods.failed(tx, sendable),
            }
            composable = [d for d in sendable if d.id not in refused]
            messages = await self._composed(tx, composable, now) if composable else []
            outcomes = {**refused, **{d.id: m for d, m in zip(composable, messages, strict=True)}}
            composed = [(d, outcomes[d.id]) for d in sendable]
            of_pages, alone = await page_bundles.bundle(tx, self._ctx, composed, now)
        for group in (*of_pages, *send_groups(alone, self._ctx.inbox_url)):
            task = self._ctx.pace.start(self._deliver(group))
            self._tasks.add(task)
            self._slots.take(group.deliveries[0])
            task.add_done_callback(self._finished)
            # alerts and timers take turns with a storm of messages
            await self._ctx.pace.sleep(0)
        return len(claimed)

    async def _next_at(self, tx: Tx) -> datetime | None:
        blocked = self._slots.blocked()
        self._blocked = bool(blocked)
        if (pause_s := self._slots.pause_s()) is not None:
            self._gather(pause_s)
        return await delivery_store.next_at(tx, blocked)

    async def drain(self, limit_s: float | None = None) -> None:
        """Wait until all outcomes are recorded; after `limit_s` unsent deliveries are put back."""
        if not self._tasks:
            return
        slow = await self._ctx.pace.join(self._tasks, limit_s)
        for task in slow:
            task.cancel()
        if slow:
            await asyncio.wait(slow, timeout=1)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception():
            log.error("a delivery ended without an outcome", exc_info=task.exception())
        self._gather_if_blocked()

    def _gather_if_blocked(self) -> None:
        if not self._blocked:
            return
        if self._freed < CLAIM_AT_FREED_SLOTS:
            self._gather()
            return
        if self._gathering is not None:
            self._gathering.cancel()
        self._free()

    def _gather(self, pause_s: float = 0) -> None:
        """Schedule the next claim for the slots that are free by then."""
        wait_s = max(GATHER_S, pause_s)
        at_s = self._ctx.pace.monotonic() + wait_s
        if self._gathering is not None:
            if self._gathers_at_s <= at_s:
                return
            # slots of one provider do not wait for the pause of another
            self._gathering.cancel()
        self._gathers_at_s = at_s
        self._gathering = self._ctx.pace.call_later(wait_s, self._free)

    def _free(self) -> None:
        self._gathering = None
        self._freed = 0
        self._on_free()

    async def _composed(
        self, tx: Tx, claimed: Sequence[Delivery], now: datetime
    ) -> Sequence[Message | Outcome]:
        """Return the message of each delivery, or the outcome to record if it cannot be composed."""
        try:
            async with tx.savepoint():
                withheld = await private_incidents.withheld(tx, self._ctx, claimed)
                sendable = [d for d in claimed if d.id not in withheld]
                messages = await compose(tx, self._ctx, sendable, now) if sendable else []
                composed = {d.id: message for d, message in zip(sendable, messages, strict=True)}
                return [withheld.get(d.id) or composed[d.id] for d in claimed]
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

    async def _deliver(self, group: SendGroup) -> None:
        try:
            outcome = await self._outcome(group)
        finally:
            # the destination is free again, although the outcome is recorded later
            self._slots.release(group.deliveries[0])
            self._freed += 1
            self._gather_if_blocked()
        self._count(group, outcome)
        await self._record_outcome(group, outcome)

    def _count(self, group: SendGroup, outcome: Outcome) -> None:
        counters, now = self._ctx.counters, self._ctx.clock.now()
        for delivery in group.deliveries:
            counters.deliveries[delivery.channel, _OUTCOMES[type(outcome)]] += 1
            if isinstance(outcome, Accepted):
                delay_s = (now - (delivery.first_send_at or delivery.send_at)).total_seconds()
                counters.delivery_delays[delivery.channel].observe(delay_s)
        if isinstance(outcome, Accepted):
            channel = group.deliveries[0].channel
            counters.channel_failures.arrived(channel, now)
            if outcome.provider:
                counters.provider_circuits.accepted_at[channel, outcome.provider] = now
        self._record_circuits(group.deliveries[0].channel)

    def _record_circuits(self, channel: str) -> None:
        if transport := self._failovers.get(channel):
            for provider, state in transport.circuit_states().items():
                self._ctx.counters.provider_circuits.record(channel, provider, state)

    async def _record_outcome(self, group: SendGroup, outcome: Outcome) -> None:
        for wait in RECORD_AFTER_S:
            await self._ctx.pace.sleep(wait)
            try:
                if isinstance(outcome, Accepted):
                    await self._arrived.add((group.deliveries, outcome))
                else:
                    ended = await self._record(group.deliveries, outcome)
                    # what was not given to the channel says nothing about it
                    if ended and not ended.suspect and isinstance(group.message, Message):
                        self._count_failure(group.deliveries[0], ended)
            except Unavailable:
                continue
            except Exception:
                ids = [d.id for d in group.deliveries]
                log.exception("an outcome cannot be recorded", extra={"deliveries": ids})
            else:
                return

    async def _outcome(self, group: SendGroup) -> Outcome:
        """Return the outcome of sending the message, or of composing it if that failed."""
        if isinstance(group.message, Message):
            return without_code(await self._sent(group, group.message), group.message.code)
        return group.message

    async def _sent(self, group: SendGroup, message: Message) -> Outcome:
        """Send and return the outcome; any error is a failed attempt, so that the next rule acts."""
        delivery = group.deliveries[0]
        if max(d.lost_claims for d in group.deliveries) > CLAIMS:
            return Failed(f"Gave up after {CLAIMS} attempts; the outcome is unknown.", suspect=False)
        try:
            async with self._ctx.pace.timeout(CHANNELS[delivery.channel].attempt_limit_s):
                transport = self._transports[delivery.channel]
                return await transport.send(delivery.address, message, group.key)
        except TimeoutError:
            return Retry(f"No answer within {CHANNELS[delivery.channel].attempt_limit_s:g} s.")
        except asyncio.CancelledError:
            return Unsent("Firebell stopped during this attempt.", after_s=0)
        except Exception as exc:
            log.exception("a channel failed", extra={"delivery": delivery.id, "channel": delivery.channel})
            return Retry(f"Sending failed: {exc!r}")

    async def _record_accepted(self, groups: list[tuple[Sequence[Delivery], Accepted]]) -> None:
        """Record messages, each whole: what is reported of one is recorded for each of its deliveries."""
        now = self._ctx.clock.now()
        # one message has one price, however many deliveries it carries
        arrived = [
            (delivery, replace(outcome, parts=0) if place else outcome)
            for deliveries, outcome in groups
            for place, delivery in enumerate(deliveries)
        ]
        async with self._ctx.work_db.tx() as tx:
            recorded = await delivery_store.accepted(tx, [(d, a.provider_id) for d, a in arrived], now)
            # also if the lease was lost: the provider charges for it
            if charged := [(d, a) for d, a in arrived if a.provider]:
                await receipt_store.record_accepted(tx, charged, now)
            for delivery, _ in arrived:
                if delivery.id in recorded:
                    if delivery.subject_kind in REQUESTED:
                        await people.record_test(tx, delivery.method_id, "accepted", now)
                    await tx.live(topic_of(self._ctx, delivery))
        if charged:
            async with self._ctx.work_db.tx() as tx:
                await receipt_actions.apply_early(tx, [d for d, _ in charged if d.id in recorded], now)
                await cost_limits.warn(tx, self._ctx.channel_settings, {d.channel for d, _ in charged}, now)
        # in a transaction that sees what was committed while they were sent
        if late := [d for d, _ in arrived if d.id in recorded and d.channel in RETRACTING and d.epoch]:
            async with self._ctx.work_db.tx() as tx:
                await retraction_actions.retract_late(tx, late, now)

    def _count_failure(self, delivery: Delivery, outcome: Failed) -> None:
        now = self._ctx.clock.now()
        self._ctx.counters.channel_failures.failed(delivery.channel, delivery.person_id, outcome.reason, now)

    async def _record(
        self, deliveries: Sequence[Delivery], outcome: Retry | Failed | Unsent
    ) -> Failed | None:
        """Record an outcome; return the failure if the messages will not arrive."""
        now = self._ctx.clock.now()
        attempts = max(d.attempts for d in deliveries)
        ended: Failed | None = None
        async with self._ctx.work_db.tx() as tx:
            match outcome:
                case Unsent(reason, after_s):
                    at = now + timedelta(seconds=after_s)
                    await delivery_store.retry(tx, deliveries, at, reason, counted=False)
                case Retry(reason, after_s):
                    delay_s = retry_delay_s(attempts, after_s, self._ctx.pace.uniform(0.8, 1.2))
                    if delay_s is None:
                        ended = Failed(reason, suspect=False)
                        await failures.record(tx, deliveries, ended, now)
                    else:
                        await delivery_store.retry(tx, deliveries, now + timedelta(seconds=delay_s), reason)
                case Failed():
                    ended = outcome
                    await failures.record(tx, deliveries, ended, now)
            for delivery in deliveries:
                await tx.live(topic_of(self._ctx, delivery))
        return ended
