"""The lane of text messages: a sender and a limit of its own, so that no page waits for it (decision 0100)."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

from firebell.channels.base import Accepted, Edges, Failed, Retry, Unsent
from firebell.channels.phone import gsm7, phone_channel, public_sms
from firebell.channels.phone import settings as phone_settings
from firebell.channels.phone.provider import PAGE_VALIDITY_S, ProviderMessage
from firebell.kit.context import Context
from firebell.kit.retries import retry_at
from firebell.subscribers.broadcasts import store as broadcast_store
from firebell.subscribers.deliveries import store as delivery_store
from firebell.subscribers.deliveries.retries import GAVE_UP, LOST_CLAIMS, SMS_RETRIES
from firebell.subscribers.deliveries.store import DeliveryOutcome
from firebell.subscribers.messages import delivery_texts as message_texts
from firebell.subscribers.messages import sms_texts
from firebell.subscribers.model import Broadcast, ClaimedDelivery
from firebell.subscribers.sending import delivery_outcomes, sms_limit, sms_store
from firebell.subscribers.sending.connection_share import ConnectionShare
from firebell.subscribers.sending.journal import Journal
from firebell.subscribers.sending.mail_sender import BLOCKED_PAUSE
from firebell.subscribers.subscription_rules import SENDABLE_PERIODS

BATCH = 5
PER_PART = timedelta(seconds=1)
"""A plain number sends one part a second, for all processes; the provider drops what waits there for too long."""
OWN_TROUBLE_PAUSE = timedelta(seconds=30)


class SmsSender:
    """Sends queued text messages through the providers in their order, a batch at a time."""

    def __init__(self, ctx: Context, journal: Journal, share: ConnectionShare) -> None:
        self._ctx = ctx
        self._share = share
        self._name = journal.name
        self._failover = public_sms.open_failover(Edges(ctx.http, ctx.signer, ctx.channel_settings, ctx.pace))
        self.upcoming: datetime | None = None
        self.is_unused = not self._failover.providers

    async def run_once(self, now: datetime) -> int:
        """Send a batch, record the outcomes, and return how many there were."""
        if not self._failover.providers:
            return 0
        async with self._share.reads() as reads:
            self.upcoming = await delivery_store.next_at(reads, "sms", now)
        self.is_unused = self.upcoming is None
        if self.upcoming is None or self.upcoming > now:
            return 0
        async with self._share.claiming() as tx:
            free_at = await sms_store.lock_pace(tx)
            # a clock that was set back does not stop the lane
            if now < free_at <= now + BATCH * sms_texts.MAX_SEGMENTS * PER_PART:
                self.upcoming = free_at
                return 0
            claimed = await delivery_store.claim(tx, "sms", BATCH, _choose, self._name, now)
            ids = {i for d in claimed for i in (d.broadcast_id, *d.carried) if i}
            broadcasts = await broadcast_store.by_ids(tx, sorted(ids))
            used = await sms_store.parts_since(tx, now - sms_limit.DAY)
            limit = phone_settings.public_daily_parts(self._ctx.channel_settings)
            sending, refused = self._written(claimed, broadcasts, used, limit, now)
            if sending:
                parts = sum(gsm7.segments(text) for _, text in sending)
                await sms_store.set_pace(tx, now + parts * PER_PART)
        if not claimed:
            self.upcoming = now + BLOCKED_PAUSE
            return 0
        sent = await asyncio.gather(*(self._send(delivery, text, now) for delivery, text in sending))
        async with self._share.tx() as tx:
            at = self._ctx.clock.now()
            await delivery_outcomes.record(tx, self._name, [*refused, *sent], at)
            await sms_limit.warn(tx, self._ctx.channel_settings, at)
        return len(claimed)

    def _written(
        self,
        claimed: Sequence[ClaimedDelivery],
        broadcasts: dict[int, Broadcast],
        used: int,
        limit: int,
        now: datetime,
    ) -> tuple[list[tuple[ClaimedDelivery, str]], list[DeliveryOutcome]]:
        """Return the deliveries to send with their texts, and the outcomes of those that are not sent."""
        refused, sending = list[DeliveryOutcome](), list[tuple[ClaimedDelivery, str]]()
        for delivery in claimed:
            if delivery.lost_claims > LOST_CLAIMS:
                reason = GAVE_UP
            elif not sms_limit.is_within(used, limit, delivery.purpose):
                reason = sms_limit.REFUSED
            else:
                try:
                    news = message_texts.news_of(delivery, broadcasts)
                    text = message_texts.sms_text_of(self._ctx, delivery, news)
                except Exception as exc:
                    refused.append(delivery_outcomes.after_error(self._ctx, delivery, exc, SMS_RETRIES, now))
                    continue
                used += gsm7.segments(text)
                sending.append((delivery, text))
                continue
            refused.append(DeliveryOutcome(delivery, reason, is_failed=True, blames_address=False))
        return sending, refused

    async def _send(self, delivery: ClaimedDelivery, text: str, now: datetime) -> DeliveryOutcome:
        rest = SENDABLE_PERIODS["sms"] - max(timedelta(), now - delivery.created_at)
        validity_s = max(PAGE_VALIDITY_S, int(rest.total_seconds()))
        order = ProviderMessage(
            delivery.subscriber.address, delivery.key, delivery.id, now, text=text, validity_s=validity_s
        )
        # a claim that was lost, or an attempt without an answer, may have sent it
        may_be_sent = delivery.lost_claims > 1 or delivery.attempts > 0
        begun_since = delivery.created_at if may_be_sent else None
        try:
            async with asyncio.timeout(phone_channel.ATTEMPT_LIMIT_S):
                outcome = await self._failover.send(order, is_critical=False, begun_since=begun_since)
        except TimeoutError:
            outcome = Retry("The providers took too long.")
        except Exception as exc:
            return delivery_outcomes.after_error(self._ctx, delivery, exc, SMS_RETRIES, now)
        match outcome:
            case Accepted(_, provider, parts):
                return DeliveryOutcome(delivery, f"Accepted by {provider}.", parts=parts)
            case Failed(reason, suspect, gone):
                return DeliveryOutcome(
                    delivery, reason, is_failed=True, is_gone=gone, blames_address=suspect or gone
                )
            case Unsent(reason):
                again_at = now + OWN_TROUBLE_PAUSE
                return DeliveryOutcome(delivery, reason, retry_at=again_at, is_counted=False)
            case Retry(reason, after_s):
                jitter = self._ctx.pace.uniform(-1, 1)
                retry = retry_at(SMS_RETRIES, delivery.attempts + 1, now, jitter, after_s)
                return DeliveryOutcome(
                    delivery, reason, is_failed=retry is None, retry_at=retry, blames_address=False
                )


def _choose(candidates: Sequence[tuple[int, str]]) -> list[int]:
    return [delivery_id for delivery_id, _ in candidates]
