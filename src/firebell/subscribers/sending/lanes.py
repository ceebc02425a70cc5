"""The lanes of subscribers in the worker: requests and fan-out, mails, and webhooks."""

import logging
from collections import defaultdict
from datetime import datetime, timedelta
from typing import Protocol

from firebell.kit.context import Context
from firebell.subscribers import store, subscription_rules
from firebell.subscribers.broadcasts import actions as broadcasts
from firebell.subscribers.broadcasts import store as broadcast_store
from firebell.subscribers.deliveries import store as delivery_store
from firebell.subscribers.sending.connection_share import ConnectionShare
from firebell.subscribers.sending.hook_sender import HookSender
from firebell.subscribers.sending.journal import FOLDER, Journal, JournaledOutcome
from firebell.subscribers.sending.mail_sender import MailSender
from firebell.subscribers.sending.sms_sender import SmsSender
from firebell.subscribers.subscribing import actions as subscribing

log = logging.getLogger(__name__)

REQUESTS_PER_RUN = 50
RECOVERED_PER_RUN = 500
HOUSEKEEPING = timedelta(hours=1)


class Lane(Protocol):
    """What the worker runs: some work at a time, and when there is work next."""

    upcoming: datetime | None
    is_unused: bool

    async def run_once(self, now: datetime) -> int:
        """Do some work that is due, and return how much."""
        ...


class Planner:
    """Works on requests, queues the deliveries of broadcasts, and recovers those of processes that are gone."""

    def __init__(self, ctx: Context, journal: Journal, share: ConnectionShare) -> None:
        self._ctx = ctx
        self._share = share
        self._journal = journal
        self._kept_house_at: datetime | None = None
        self.upcoming: datetime | None = None
        self.is_unused = False

    async def run_once(self, now: datetime) -> int:
        """Do one step of what is due, and return how much was done."""
        async with self._share.reads() as reads:
            waiting = await broadcast_store.waiting_work(reads)
        done = 0
        if waiting.request_at and waiting.request_at <= now:
            async with self._share.claiming() as tx:
                done += await subscribing.admit_requests(tx, now, REQUESTS_PER_RUN)
        if waiting.has_broadcast:
            async with self._share.claiming() as tx:
                done += await broadcasts.fan_out_step(tx, now)
        if waiting.lapse_at and waiting.lapse_at < now:
            done += await self._recover(now)
        if not done:
            self.upcoming, self.is_unused = waiting.next_at, not waiting.has_subscribers
            if waiting.has_subscribers:
                await self._keep_house(now)
        return done

    async def _keep_house(self, now: datetime) -> None:
        """Once an hour, end what was stopped long ago and send nothing that is old."""
        if self._kept_house_at is not None and now - self._kept_house_at < HOUSEKEEPING:
            return
        self._kept_house_at = now
        async with self._share.claiming() as tx:
            await store.expire_quarantined(tx, now - subscription_rules.QUARANTINE_PERIOD, now)
            for lane, period in subscription_rules.SENDABLE_PERIODS.items():
                await delivery_store.expire(tx, lane, now - period, now)

    async def _recover(self, now: datetime) -> int:
        """Record what processes that are gone had sent, and queue the rest again."""
        async with self._share.claiming() as tx:
            lapsed = await delivery_store.lapsed(tx, now, RECOVERED_PER_RUN)
            by_process: dict[str, list[int]] = defaultdict(list)
            for delivery_id, name in lapsed:
                by_process[name].append(delivery_id)
            outcomes = {
                delivery_id: outcome
                for name, ids in by_process.items()
                for delivery_id, outcome in self._journal.outcomes_of(name, ids).items()
            }
            sent = [i for i, outcome in outcomes.items() if outcome is JournaledOutcome.SENT]
            await delivery_store.recover(tx, sent, [i for i in outcomes if i not in set(sent)], now)
            ended = set(by_process) - await delivery_store.holders(tx, list(by_process))
        if lapsed:
            unknown = sum(outcome is JournaledOutcome.UNKNOWN for outcome in outcomes.values())
            extra = {"deliveries": len(lapsed), "sent": len(sent), "unknown": unknown}
            log.warning("mails of a process that is gone are sent again", extra=extra)
            for name in ended:
                self._journal.remove(name)
        return len(lapsed)


def lanes(ctx: Context) -> dict[str, Lane]:
    """Return the lanes of subscribers by name."""
    journal, share = Journal(ctx.data / FOLDER if ctx.data else None), ConnectionShare(ctx)
    return {
        "subscribers": Planner(ctx, journal, share),
        "subscriber_mail": MailSender(ctx, journal, share),
        "subscriber_hook": HookSender(ctx, journal, share),
        "subscriber_sms": SmsSender(ctx, journal, share),
    }
