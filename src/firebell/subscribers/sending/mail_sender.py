"""The lane of bulk mail: its own relay, its own pace, and a few connections; a page to a human never waits for it."""

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from datetime import datetime, timedelta

from firebell.kit.context import Context
from firebell.kit.log import OncePerMinute
from firebell.kit.mail.addresses import Mailbox, parse_mailbox
from firebell.kit.mail.connection import MailConnections
from firebell.kit.mail.headers import UnsafeHeaderError
from firebell.kit.mail.server_url import parse_smtp_url
from firebell.kit.retries import retry_at
from firebell.subscribers.broadcasts import store as broadcast_store
from firebell.subscribers.deliveries import store as delivery_store
from firebell.subscribers.deliveries.retries import GAVE_UP, LOST_CLAIMS, MAIL_RETRIES
from firebell.subscribers.deliveries.smtp_replies import SmtpReply
from firebell.subscribers.deliveries.store import LEASE, DeliveryOutcome
from firebell.subscribers.messages import delivery_texts as message_texts
from firebell.subscribers.model import Broadcast, ClaimedDelivery
from firebell.subscribers.sending import delivery_outcomes, throttle
from firebell.subscribers.sending.connection_share import ConnectionShare
from firebell.subscribers.sending.journal import Journal
from firebell.subscribers.sending.smtp_session import NotBegun, RelayAway, SmtpSession
from firebell.subscribers.sending.throttle import RelayPace, TokenBucket

log = logging.getLogger(__name__)

BATCH = 50
CONNECTIONS = 4
AWAY_PAUSE_S = 30.0
"""How long nothing is sent after the relay did not answer."""
BLOCKED_PAUSE = timedelta(seconds=1)
MAX_DOMAINS = 10_000
SAFETY_S = 20.0
"""How long before the end of its lease no mail is begun anymore; longer than one answer may take."""


class MailSender:
    """Sends queued mails to subscribers, a batch at a time."""

    def __init__(self, ctx: Context, journal: Journal, share: ConnectionShare) -> None:
        self._ctx = ctx
        self._share = share
        self._journal = journal
        settings = ctx.channel_settings
        url = settings["FIREBELL_BULK_SMTP_URL"] or settings["FIREBELL_SMTP_URL"]
        self._sender: Mailbox = parse_mailbox(
            settings["FIREBELL_BULK_MAIL_FROM"] or settings["FIREBELL_MAIL_FROM"]
        )
        self._bounce_address = settings["FIREBELL_BOUNCE_ADDRESS"]
        server = parse_smtp_url(url) if url else None
        connections = MailConnections(server) if server else None
        self._sessions = [
            SmtpSession(server, connections, self._sender.address)
            for _ in range(CONNECTIONS)
            if server and connections
        ]
        rate = float(settings["FIREBELL_BULK_MAIL_RATE"])
        self._burst = 2 * rate
        self._relay = RelayPace(rate, rate)
        self._bucket = TokenBucket(self._burst, ctx.pace.monotonic())
        self._domains: dict[str, TokenBucket] = {}
        self._domain_rate = max(throttle.DOMAIN_RATE, rate * throttle.DOMAIN_RATE / throttle.DEFAULT_RATE)
        self._failures = OncePerMinute(log, "the relay for mails to subscribers does not answer")
        self._journal_failures = OncePerMinute(log, "the journal of mails to subscribers cannot be written")
        self.upcoming: datetime | None = None
        self.is_unused = not self._sessions

    async def run_once(self, now: datetime) -> int:
        """Send a batch of mails, record their outcomes, and return how many there were."""
        mono = self._ctx.pace.monotonic()
        room = throttle.available(self._bucket, mono, self._relay.rate, self._burst)
        wait_s = max(self._relay.paused_until - mono, 0 if room else 1 / self._relay.rate)
        if not self._sessions or wait_s > 0:
            self.upcoming = now + timedelta(seconds=wait_s) if wait_s > 0 else None
            return 0
        async with self._share.reads() as reads:
            self.upcoming = await delivery_store.next_at(reads, "mail", now)
        self.is_unused = self.upcoming is None
        if self.upcoming is None or self.upcoming > now:
            await self._close()
            return 0
        async with self._share.claiming() as tx:
            claimed = await delivery_store.claim(
                tx, "mail", min(BATCH, room), self._choose, self._journal.name, now
            )
            ids = {i for d in claimed for i in (d.broadcast_id, *d.carried) if i}
            broadcasts = await broadcast_store.by_ids(tx, sorted(ids))
        if not claimed:
            # what waits is paused, or its domain is at its limit
            self.upcoming = now + BLOCKED_PAUSE
            return 0
        self._bucket, _ = throttle.take(self._bucket, mono, self._relay.rate, self._burst, len(claimed))
        outcomes = await self._send_all(claimed, broadcasts, now)
        async with self._share.tx() as tx:
            await delivery_outcomes.record(tx, self._journal.name, outcomes, self._ctx.clock.now())
        self._journal.clear()
        self._relay = self._relay.after(sum(outcome.is_sent for outcome in outcomes))
        return len(claimed)

    def _choose(self, candidates: Sequence[tuple[int, str]]) -> list[int]:
        """Return the deliveries whose domains may be sent to now, and take their turns."""
        mono, chosen = self._ctx.pace.monotonic(), list[int]()
        if len(self._domains) > MAX_DOMAINS:
            self._domains.clear()
        for delivery_id, host in candidates:
            bucket = self._domains.get(host, TokenBucket(self._domain_rate, mono))
            taken, wait_s = throttle.take(bucket, mono, self._domain_rate, self._domain_rate, 1)
            if wait_s == 0 and len(chosen) < BATCH:
                self._domains[host] = taken
                chosen.append(delivery_id)
        return chosen

    async def _send_all(
        self, claimed: Sequence[ClaimedDelivery], broadcasts: dict[int, Broadcast], now: datetime
    ) -> list[DeliveryOutcome]:
        waiting, outcomes = deque(claimed), list[DeliveryOutcome]()
        stop_at = self._ctx.pace.monotonic() + LEASE.total_seconds() - SAFETY_S

        async def work(session: SmtpSession) -> None:
            while waiting:
                delivery = waiting.popleft()
                mono = self._ctx.pace.monotonic()
                if mono < self._relay.paused_until or mono > stop_at:
                    outcomes.append(_put_back(delivery, now))
                    continue
                outcomes.append(await self._send(session, delivery, broadcasts, now))

        await asyncio.gather(*(work(session) for session in self._sessions))
        return outcomes

    async def _send(
        self, session: SmtpSession, delivery: ClaimedDelivery, broadcasts: dict[int, Broadcast], now: datetime
    ) -> DeliveryOutcome:
        if delivery.lost_claims > LOST_CLAIMS:
            return DeliveryOutcome(delivery, GAVE_UP, is_failed=True)
        try:
            news = message_texts.news_of(delivery, broadcasts)
            mail = message_texts.mail_of(self._ctx, delivery, news, self._sender, now)
            reply = await session.send(
                *(delivery.subscriber.mailbox, mail, lambda: self._journal.begin(delivery.id)),
                self._return_address(delivery),
            )
        except UnsafeHeaderError as exc:
            return DeliveryOutcome(delivery, str(exc), is_failed=True)
        except RelayAway as exc:
            self._failures.add(str(exc))
            self._pause(AWAY_PAUSE_S)
            return _put_back(delivery, now)
        except NotBegun as exc:
            # a full disk is the fault of no mail
            self._journal_failures.add(str(exc))
            self._pause(AWAY_PAUSE_S)
            return _put_back(delivery, now, "Firebell cannot write its journal.")
        except Exception as exc:
            session.drop()  # it may be in the middle of a mail
            return delivery_outcomes.after_error(self._ctx, delivery, exc, MAIL_RETRIES, now)
        if reply is None:
            # it may have been accepted: the same Message-ID lets the recipient see it once
            return _put_back(delivery, now)
        try:
            self._journal.end(delivery.id, reply.code)
        except OSError as exc:
            # the outcome is recorded in the database; only a kill before that would send the mail again
            self._journal_failures.add(repr(exc))
        return self._outcome(delivery, reply, now)

    def _return_address(self, delivery: ClaimedDelivery) -> str:
        """Return the address to which a bounce goes, which names the mail; empty if no one reads bounces."""
        local, _, domain = self._bounce_address.rpartition("@")
        return f"{local}+{self._ctx.signer.mail_token(delivery.id)}@{domain}" if domain else ""

    def _outcome(self, delivery: ClaimedDelivery, reply: SmtpReply, now: datetime) -> DeliveryOutcome:
        reason = f"{reply.code} {reply.text}"
        if reply.is_accepted:
            return DeliveryOutcome(delivery, reason)
        if reply.slows_down:
            self._relay = self._relay.slowed(self._ctx.pace.monotonic())
        again_at = None
        if reply.code < 500 or reply.is_about_relay:
            jitter = self._ctx.pace.uniform(-1, 1)
            again_at = retry_at(MAIL_RETRIES, delivery.attempts + 1, now, jitter)
        return DeliveryOutcome(delivery, reason, reply.failure, is_failed=again_at is None, retry_at=again_at)

    def _pause(self, seconds: float) -> None:
        until = self._ctx.pace.monotonic() + seconds
        self._relay = RelayPace(self._relay.full_rate, self._relay.rate, until, self._relay.accepted)

    async def _close(self) -> None:
        for session in self._sessions:
            await session.close()


def _put_back(
    delivery: ClaimedDelivery, now: datetime, reason: str = "The relay did not answer."
) -> DeliveryOutcome:
    """Return the outcome of a mail that is sent again without counting an attempt."""
    return DeliveryOutcome(delivery, reason, retry_at=now, is_counted=False)
