"""The lane of webhooks, and of incoming webhooks of Slack and Teams."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

import httpx

from firebell.kit.context import Context
from firebell.kit.errors import Invalid
from firebell.kit.http_out import OutboundResponse, post
from firebell.kit.retries import HOOK_RETRIES, retry_at
from firebell.kit.secret_encryption import Sealer
from firebell.kit.standard_webhooks import request_headers
from firebell.subscribers import store
from firebell.subscribers.broadcasts import component_broadcasts
from firebell.subscribers.broadcasts import store as broadcast_store
from firebell.subscribers.deliveries import store as delivery_store
from firebell.subscribers.deliveries.retries import GAVE_UP, LOST_CLAIMS
from firebell.subscribers.deliveries.store import DeliveryOutcome
from firebell.subscribers.messages import delivery_texts as message_texts
from firebell.subscribers.model import Broadcast, ClaimedDelivery, Purpose, SubscriberChannel
from firebell.subscribers.sending import delivery_outcomes
from firebell.subscribers.sending.connection_share import ConnectionShare
from firebell.subscribers.sending.journal import Journal
from firebell.subscribers.sending.mail_sender import BLOCKED_PAUSE

BATCH = 50
PER_HOST = 10
LIMIT_S = 15.0
"""How long a receiver may take (spec 7.11)."""
CHALLENGE_RETRIES = HOOK_RETRIES[:3]
GONE = 410
WITHHELD = "The status page became private."
_NO_HOOK = (403, 404, 410)
"""What Slack and Teams answer when an incoming webhook was removed."""


class HookSender:
    """Posts queued messages to webhooks, a batch at a time."""

    def __init__(self, ctx: Context, journal: Journal, share: ConnectionShare) -> None:
        self._ctx = ctx
        self._share = share
        self._name = journal.name
        self.upcoming: datetime | None = None
        self.is_unused = False

    async def run_once(self, now: datetime) -> int:
        """Post a batch of messages, record their outcomes, and return how many there were."""
        async with self._share.reads() as reads:
            self.upcoming = await delivery_store.next_at(reads, "hook", now)
        self.is_unused = self.upcoming is None
        if self.upcoming is None or self.upcoming > now:
            return 0
        async with self._share.claiming() as tx:
            claimed = await delivery_store.claim(tx, "hook", BATCH, _choose, self._name, now)
            if not claimed:
                self.upcoming = now + BLOCKED_PAUSE
                return 0
            sealer = await store.sealer(tx)
            ids = {i for d in claimed for i in (d.broadcast_id, *d.carried) if i}
            broadcasts = await broadcast_store.by_ids(tx, sorted(ids))
        outcomes = await asyncio.gather(*(self._send(each, broadcasts, sealer, now) for each in claimed))
        async with self._share.tx() as tx:
            await delivery_outcomes.record(tx, self._name, outcomes, self._ctx.clock.now())
        return len(claimed)

    async def _send(
        self, delivery: ClaimedDelivery, broadcasts: dict[int, Broadcast], sealer: Sealer, now: datetime
    ) -> DeliveryOutcome:
        if delivery.lost_claims > LOST_CLAIMS:
            return DeliveryOutcome(delivery, GAVE_UP, is_failed=True)
        subscriber = delivery.subscriber
        headers = {"Content-Type": "application/json", "User-Agent": "Firebell"}
        try:
            news = message_texts.news_of(delivery, broadcasts)
            if delivery.is_private and news and news.broadcast.type == component_broadcasts.TYPE:
                # webhooks get nothing about the components of a private page
                return DeliveryOutcome(delivery, WITHHELD, is_failed=True, blames_address=False)
            body = message_texts.hook_body_of(self._ctx, delivery, news, now)
            if subscriber.channel is SubscriberChannel.WEBHOOK:
                context = f"subscriber/{subscriber.id}"
                secrets = [sealer.open(sealed, context) for sealed in delivery.secrets]
                headers = request_headers(secrets, f"msg_{delivery.key}", now, body)
            reply = await post(
                self._ctx.http, subscriber.address, content=body, headers=headers, limit_s=LIMIT_S
            )
        except (httpx.HTTPError, httpx.InvalidURL) as exc:
            return self._failed(delivery, type(exc).__name__, now)
        except Invalid as exc:
            return DeliveryOutcome(delivery, exc.message, is_failed=True)
        except Exception as exc:
            return delivery_outcomes.after_error(self._ctx, delivery, exc, _waits(delivery), now)
        return self._outcome(delivery, reply, now)

    def _outcome(self, delivery: ClaimedDelivery, reply: OutboundResponse, now: datetime) -> DeliveryOutcome:
        if reply.ok and (
            delivery.purpose is not Purpose.CHALLENGE or message_texts.echoes(delivery, reply.text)
        ):
            return DeliveryOutcome(delivery, str(reply.status))
        is_chat = delivery.subscriber.channel is not SubscriberChannel.WEBHOOK
        if reply.status == GONE or (is_chat and reply.status in _NO_HOOK):
            return DeliveryOutcome(delivery, f"It answered {reply.status}.", is_failed=True, is_gone=True)
        reason = f"It answered {reply.status}." if not reply.ok else "It did not echo the challenge."
        return self._failed(delivery, reason, now, reply.retry_after_s)

    def _failed(
        self, delivery: ClaimedDelivery, reason: str, now: datetime, retry_after_s: float | None = None
    ) -> DeliveryOutcome:
        jitter = self._ctx.pace.uniform(-1, 1)
        again_at = retry_at(_waits(delivery), delivery.attempts + 1, now, jitter, retry_after_s)
        return DeliveryOutcome(delivery, reason, is_failed=again_at is None, retry_at=again_at)


def _waits(delivery: ClaimedDelivery) -> Sequence[timedelta]:
    """Return the waits before each retry: a person waits for the result of a challenge or a test."""
    return HOOK_RETRIES if delivery.purpose is Purpose.BROADCAST else CHALLENGE_RETRIES


def _choose(candidates: Sequence[tuple[int, str]]) -> list[int]:
    """Return the deliveries of a batch: at most ten to one host, so that a slow one leaves room for others."""
    taken: dict[str, int] = {}
    chosen = []
    for delivery_id, host in candidates:
        taken[host] = taken.get(host, 0) + 1
        if taken[host] <= PER_HOST:
            chosen.append(delivery_id)
    return chosen
