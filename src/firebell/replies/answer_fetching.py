"""The lanes of channels that fetch what their recipients did: it is applied once, by one process at a time."""

import logging
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from firebell.channels.base import Channel, Edges
from firebell.channels.callbacks import SignalAnswer
from firebell.channels.polling import Poller, Update, WaitingMessage
from firebell.channels.registry import CHANNELS
from firebell.kit.context import Context
from firebell.kit.db.database import Tx
from firebell.kit.db.migrate import fence
from firebell.kit.errors import FirebellError, Unavailable
from firebell.kit.log import OncePerMinute
from firebell.notify import actions as notify
from firebell.replies import committing, poll_store

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=40)
"""When a process dies, another one continues after this time."""
RENEW_BEFORE = timedelta(seconds=25)
"""A lease that ends sooner, which is longer than a fetch takes, is renewed before the next one."""
PAUSE = timedelta(seconds=5)
"""Pause after a problem, and while another process fetches."""
_POLLED = {kind: channel for kind, channel in CHANNELS.items() if channel.poller}
LANES = {f"answers_{kind}": kind for kind in _POLLED}
"""The channel of each lane."""
NO_PROVIDER = ""


@dataclass(frozen=True, slots=True)
class _Lease:
    number: int
    cursor: str
    until: datetime


class AnswerFetcher:
    """Fetches for one channel while this process has its lease."""

    def __init__(self, ctx: Context, channel: Channel) -> None:
        assert channel.poller
        self._ctx = ctx
        self._channel = channel
        self._poller: Poller = channel.poller(Edges(ctx.http, ctx.signer, ctx.channel_settings))
        self._lease: _Lease | None = None
        self._problems = OncePerMinute(log, f"{channel.label}: what its recipients did cannot be fetched")
        settings = ctx.channel_settings
        self.is_unused = not channel.is_ready(settings) or not channel.polls(settings)
        self.upcoming: datetime | None = None
        self._unapplied: deque[Update] = deque()
        """What was fetched and not applied yet: some providers give it only once."""
        self._unanswered: list[tuple[str, SignalAnswer]] = []
        self._fetched = _Lease(0, "", datetime.min.replace(tzinfo=UTC))
        """The lease of the last fetch, with the cursor that it led to."""

    async def run_once(self, now: datetime) -> int:
        """Fetch once, apply what happened, and return how much did."""
        pause = timedelta(seconds=self._poller.pause_s)
        # a clock that was set back must not stop the lane
        if self.is_unused or (self.upcoming and now < self.upcoming <= now + max(pause, PAUSE)):
            return 0
        self.upcoming = now + pause
        waiting = await self._prepared(now)
        if self._unapplied or self._unanswered:
            kept = len(self._unapplied)
            await self._apply()
            return kept
        health, kind = self._ctx.health, self._channel.kind
        if self._lease is None or (self._poller.waits_for and not waiting):
            health.fetch_settled(kind)
            return 0
        health.fetch_started(kind)
        fetched = await self._poller.fetch(self._lease.cursor, waiting)
        if fetched.problem:
            self._problems.add(fetched.problem)
        if fetched.problem and not fetched.is_partial:
            self.upcoming = now + PAUSE
        else:
            health.fetch_settled(kind)
        if not fetched.updates and fetched.cursor == self._lease.cursor:
            return 0
        self._unapplied.extend(fetched.updates)
        self._fetched = replace(self._lease, cursor=fetched.cursor)
        await self._apply()
        return len(fetched.updates)

    async def _prepared(self, now: datetime) -> Sequence[WaitingMessage]:
        """Take or renew the lease, and return the messages that wait, in one transaction at most."""
        # a lease that ends later than a new one was taken before the clock was set back
        renews = self._lease is None or not RENEW_BEFORE <= self._lease.until - now <= LEASE
        if not renews and not self._poller.waits_for:
            return ()
        async with self._ctx.work_db.tx() as tx:
            await fence(tx, now)
            if renews and not await self._claim(tx, now):
                self.upcoming = now + PAUSE
                return ()
            if not self._poller.waits_for:
                return ()
            accepted = await notify.waiting_messages(tx, self._channel.kind, now - self._poller.waits_for)
            return [WaitingMessage(d.id, d.address, provider_id) for d, provider_id in accepted]

    async def _claim(self, tx: Tx, now: datetime) -> bool:
        until = now + LEASE
        if self._lease and await poll_store.advance(
            tx, self._channel.kind, self._lease.number, self._lease.cursor, until
        ):
            self._lease = replace(self._lease, until=until)
            return True
        claimed = await poll_store.claim(tx, self._channel.kind, now, until)
        self._lease = _Lease(claimed.number, claimed.cursor, until) if claimed else None
        return claimed is not None

    async def _apply(self) -> None:
        """Apply and answer each update, then advance the cursor: what is read again after a crash is recognized.

        Without the database, the rest is applied in the next round.
        """
        while self._unapplied:
            update = self._unapplied[0]
            answer = await self._applied(update)
            self._unapplied.popleft()
            if update.reply_to:
                self._unanswered.append((update.reply_to, answer))
        # after a pause, another process may have fetched more
        if self._lease and self._lease.number == self._fetched.number:
            until = self._ctx.clock.now() + LEASE
            async with self._ctx.work_db.tx() as tx:
                is_ours = await poll_store.advance(
                    tx, self._channel.kind, self._lease.number, self._fetched.cursor, until
                )
            self._lease = replace(self._fetched, until=until) if is_ours else None
        answers, self._unanswered = self._unanswered, []
        await self._poller.answer(answers)

    async def _applied(self, update: Update) -> SignalAnswer:
        """Apply one update; an error doesn't hold up those after it."""
        now = self._ctx.clock.now()
        try:
            db, signals = self._ctx.work_db, [update.signal]
            [answer] = await committing.apply(db, self._ctx, self._channel, NO_PROVIDER, signals, now)
        except Unavailable:
            raise
        except FirebellError as error:
            return SignalAnswer(error.message, is_done=False)
        except Exception:
            log.exception("an answer could not be applied", extra={"channel": self._channel.kind})
            return SignalAnswer("Something went wrong. Open Firebell.", is_done=False)
        return answer

    async def close(self) -> None:
        """Give up the lease, so that another process continues at once."""
        if self._lease:
            async with self._ctx.work_db.tx() as tx:
                await poll_store.release(tx, self._channel.kind, self._lease.number)


async def limit_leases(tx: Tx, now: datetime) -> None:
    """Let leases that were taken while the clock was ahead end no later than one that begins now."""
    await poll_store.end_leases_by(tx, now + LEASE)


def lanes(ctx: Context) -> dict[str, AnswerFetcher]:
    """Return the lanes of channels that fetch, by name."""
    return {lane: AnswerFetcher(ctx, CHANNELS[kind]) for lane, kind in LANES.items()}
