"""Runs due timers, stored reactions and queued deliveries, and monitors its own health."""

import asyncio
import itertools
import logging
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from types import MappingProxyType
from typing import Protocol

import asyncpg

from firebell import clock_set_back
from firebell.action_items.trackers.sync_worker import TrackerSync
from firebell.audiences.posts.mailer import AudienceMailer
from firebell.chat.mattermost.room_reader import RoomReader
from firebell.chat.mirror_worker import ChatMirror
from firebell.chat.slack.inbound_worker import Inbox
from firebell.chat.slack.socket import Sockets
from firebell.heartbeats.reception import ReceptionRecorder
from firebell.inbound_mail.mailbox_reader import MailboxReader
from firebell.kit.context import Context
from firebell.kit.db.database import AWAY, LIVE_CHANNEL, WORK_CHANNEL, Tx
from firebell.kit.db.database_clock import DatabaseClock
from firebell.kit.db.migrate import Outdated, fence
from firebell.kit.errors import StartupError, Unavailable
from firebell.kit.jobs import outbox, pruning, timers
from firebell.kit.log import OncePerMinute, correlation_id
from firebell.kit.slice import Slice, unique
from firebell.metrics.facts.projection_worker import Projector
from firebell.notify.retractions.retractor import Retractor
from firebell.notify.sender import Sender
from firebell.oncall.calendars.fetcher import Fetcher
from firebell.paging import actions as paging
from firebell.postmortems.publication.mailer import PostmortemMailer
from firebell.replies import answer_fetching
from firebell.runbooks.sources.source_reader import SourceReader
from firebell.self_watch.watcher import Checks, Watcher, unchecked
from firebell.slices import SLICES
from firebell.status_copies.copier import Copier
from firebell.status_pages.hosting.mirroring import MirrorWriter
from firebell.subscribers.sending import lanes as subscriber_lanes
from firebell.webhooks.deliveries.sender import WebhookSender
from firebell.worker_lanes import LANE_LIMITS_S, TIMER_LANES, lanes_woken, timer_lane

log = logging.getLogger(__name__)

BATCH = 250
"""Number of timers per batch, so that planning their messages takes the event loop for a few hundredths of a second."""
POLL = timedelta(seconds=5)
"""Longest sleep of a lane; it matters only if a notification is lost."""
UNUSED_POLLS = 12
"""How many times as long a lane sleeps that nothing is set up for, such as chats before one is connected."""
ALONE = 20
"""If a batch fails, retry this many of its timers individually; the rest go back to the queue."""
REST_S = 0.1
"""Longest rest of the timer lane between two batches; it rests as long as it worked."""
BUSY = timedelta(milliseconds=20)
"""Pause before retrying timers whose subject was locked."""
GRACE_S = 5
"""How long shutdown waits for running work; with web and database it takes less than ten seconds."""
LATE = timedelta(seconds=30)
"""Timer lateness that is reported as `engine_late` (spec 2.7 T3)."""
LOCKED_PAUSE = timedelta(seconds=2)
"""Pause before retrying timers whose tables another program has locked."""
HEARTBEAT_S = 20.0
"""How often the listening connection is checked: a dead one does not report itself."""


def timer_handlers(
    slices: Sequence[Slice] = SLICES, retention_days: pruning.Days = MappingProxyType({})
) -> dict[str, timers.Handler]:
    """Return the timer handlers by kind; raise DeclarationError if two slices claim one kind.

    Raise StartupError if `retention_days` names a setting that does not exist.
    """
    retentions = [each for declared in slices for each in declared.retentions()]
    pruning.check(retention_days, retentions)
    return unique(
        "timer kind",
        [
            *((each.name, kind, handler) for each in slices for kind, handler in each.timers().items()),
            ("kit", pruning.KIND, pruning.handler(retentions, retention_days)),
        ],
    )


class Part(Protocol):
    """What one lane runs: it does some of its work, and says when it has work next."""

    @property
    def upcoming(self) -> datetime | None: ...

    @property
    def is_unused(self) -> bool:
        """True if the last run found that nothing is set up that could give it work."""
        ...

    async def run_once(self, now: datetime) -> int:
        """Do some work that is due, and return how much; 0 if there was none."""
        ...


class Worker:
    """Runs the lanes of `worker_lanes`; any number of workers share one database."""

    def __init__(
        self,
        ctx: Context,
        handlers: Mapping[str, timers.Handler],
        reactions: Mapping[str, outbox.Handler],
        ensure_database: Callable[[], Awaitable[None]] | None = None,
        poll: timedelta = POLL,
        heartbeat_s: float = HEARTBEAT_S,
        checks: Checks = unchecked,
    ) -> None:
        self._ctx = ctx
        self._pace = ctx.pace
        self._poll = poll
        self._heartbeat_s = heartbeat_s
        self._handlers = handlers
        self._reactions = reactions
        self.timer_kinds = {
            lane: frozenset(k for k in handlers if timer_lane(k) == lane) for lane in TIMER_LANES
        }
        """The kinds of timers that each lane runs: those with a handler here; a newer release may have more."""
        self._ensure = ensure_database
        self._wake = {name: asyncio.Event() for name in LANE_LIMITS_S}
        self._sender = Sender(ctx, on_free=self._wake["send"].set)
        self._webhooks = WebhookSender(ctx)
        self._mirror = ChatMirror(ctx)
        self._sockets = Sockets(ctx)
        self._mailbox = MailboxReader(ctx)
        self._fetchers = answer_fetching.lanes(ctx)
        self._watcher = Watcher(ctx, checks)
        self._parts: dict[str, Part] = {
            "send": self._sender,
            "calendars": Fetcher(ctx),
            "chat": self._mirror,
            "chat_inbox": Inbox(ctx),
            "chat_socket": self._sockets,
            "chat_rooms": RoomReader(ctx),
            "audience_mail": AudienceMailer(ctx),
            "postmortem_mail": PostmortemMailer(ctx),
            "status_pages": MirrorWriter(ctx),
            **subscriber_lanes.lanes(ctx),
            "webhooks": self._webhooks,
            "status_copies": Copier(ctx),
            "runbook_sources": SourceReader(ctx),
            "trackers": TrackerSync(ctx),
            "metrics": Projector(ctx),
            "heartbeats": ReceptionRecorder(ctx),
            "mailbox": self._mailbox,
            "retractions": Retractor(ctx),
            "self_watch": self._watcher,
            **self._fetchers,
        }
        self._upcoming: dict[str, datetime | None] = {}
        """When each lane that had nothing to do has work next, read in the transaction that found nothing."""
        self._polls: dict[str, timedelta] = {}
        """The longest sleep of each lane that does not have the usual one."""
        self._measuring = asyncio.Lock()
        self._waits = OncePerMinute(log, "the worker is waiting for the database")

    async def run(self, stop: asyncio.Event) -> None:
        """Run until `stop` is set, then finish running work; wait for a lost database.

        Stops and raises `Outdated` once a newer Firebell has migrated the database.
        """
        for name, limit_s in LANE_LIMITS_S.items():
            self._ctx.health.watch(name, limit_s)
        self._mailbox.watch(self._wake["mailbox"].set)
        asked = asyncio.create_task(stop.wait())
        listener = self._pace.start(self._listen())
        lanes = [
            *(
                self._pace.start(self._lane(name, stop, partial(self._run_while_due, name), rests=True))
                for name in TIMER_LANES
            ),
            self._pace.start(self._lane("outbox", stop, self.run_outbox)),
            *(
                self._pace.start(self._lane(name, stop, self._running(name, part)))
                for name, part in self._parts.items()
            ),
        ]
        await asyncio.wait([asked, listener, *lanes], return_when=asyncio.FIRST_COMPLETED)
        end_s = self._pace.monotonic() + GRACE_S
        stop.set()
        self._wake_all()
        listener.cancel()
        for lane in await self._pace.join(lanes, GRACE_S):
            lane.cancel()
        await self._sender.drain(max(0, end_s - self._pace.monotonic()))
        await self._webhooks.drain(max(0, end_s - self._pace.monotonic()))
        await self._release_leases()
        await self._mailbox.close()
        ended = await asyncio.gather(*lanes, listener, return_exceptions=True)
        for failure in ended:
            if isinstance(failure, Exception):
                raise failure

    async def _release_leases(self) -> None:
        """Release the leases of this process, and delete its findings, so that others continue at once."""
        try:
            await self._sockets.close()
            await self._mirror.close()
            for fetcher in self._fetchers.values():
                await fetcher.close()
            await self._watcher.close()
        except Unavailable:
            log.info("the leases of chats and channels end by themselves")

    @property
    def upcoming(self) -> Mapping[str, datetime | None]:
        """When each lane that had nothing to do looks for work again, by name; None if it waits to be woken."""
        return self._upcoming

    async def settle(self, now: datetime, woken: set[str] | None = None) -> None:
        """Run everything due at `now` until nothing is left; used by tests with a fake clock.

        With `woken`, to which commits add the lanes that they wake, run only these lanes and those that have work by
        `now`, as a running worker does between its polls.
        """
        runs: list[tuple[Sequence[str], Callable[[datetime], Awaitable[int]]]] = [
            (TIMER_LANES, self.run_due),
            (("outbox",), self.run_outbox),
            *(((name,), self._running(name, part)) for name, part in self._parts.items()),
        ]
        idle = 0
        for names, run in itertools.cycle(runs):
            idle += 1
            if woken is None or self._has_work(names, woken, now):
                while await run(now):
                    await self._sender.drain()
                    idle = 1
            if idle >= len(runs):
                return

    def _has_work(self, names: Sequence[str], woken: set[str], now: datetime) -> bool:
        """Return True if one of these lanes was woken, which is then forgotten, or has work by `now`."""
        is_woken = not woken.isdisjoint(names)
        woken.difference_update(names)
        due = [at for name in names if (at := self._upcoming.get(name))]
        return is_woken or (bool(due) and min(due) <= now)

    async def run_due(self, now: datetime) -> int:
        """Run one batch of timers of each lane, those of pages first; return the number finished."""
        return sum([await self.run_timers(lane, now) for lane in TIMER_LANES])

    async def run_timers(self, lane: str, now: datetime) -> int:
        """Run one batch of timers of one kind of a lane, or of the next if all are kept; return the number finished."""
        kinds = self.timer_kinds[lane]
        async with self._ctx.work_db.tx() as tx:
            await fence(tx, now)
            finished: int | None = 0
            while not finished and (due_timers := await timers.claim(tx, now, kinds, limit=BATCH)):
                finished = await self._run_batch(tx, due_timers, now)
                if finished is None:
                    break
                kinds = kinds - {due_timers[0].kind}
            self._upcoming[lane] = await timers.next_at(tx, self.timer_kinds[lane])
            return finished or 0

    async def _run_while_due(self, lane: str, now: datetime) -> int:
        """Run one batch of a lane's timers; return 0 if none is due after it, so that the lane can rest."""
        finished, upcoming = await self.run_timers(lane, now), self._upcoming[lane]
        return finished if upcoming and upcoming <= now else 0

    async def _run_batch(self, tx: Tx, due_timers: Sequence[timers.Timer], now: datetime) -> int | None:
        """Return how many timers are finished, the others are kept; None if another program has locked their tables."""
        if now - due_timers[0].due_at > LATE:
            log.warning(
                "engine_late",
                extra={
                    "kind": due_timers[0].kind,
                    "late_s": (now - due_timers[0].due_at).total_seconds(),
                },
            )
        try:
            async with tx.savepoint():
                return await self._run_timers(tx, due_timers, now)
        except asyncpg.LockNotAvailableError as exc:
            # run individually, they would wait for the same lock while holding their own
            log.warning("timers are locked by another program", extra={"kind": due_timers[0].kind})
            await timers.delay(tx, due_timers, now + LOCKED_PAUSE, repr(exc))
            return None
        except Exception:
            if tx.conn.is_closed():
                raise
            log.exception(
                "timer batch failed, running its timers individually", extra={"kind": due_timers[0].kind}
            )
            return sum([await self._run_alone(tx, timer, now) for timer in due_timers[:ALONE]])

    async def _run_timers(self, tx: Tx, due_timers: Sequence[timers.Timer], now: datetime) -> int:
        kept = {timer.id for timer in await self._handlers[due_timers[0].kind](tx, due_timers, now)}
        done = [timer for timer in due_timers if timer.id not in kept]
        await timers.finish(tx, done)
        lateness = self._ctx.counters.timer_lateness[due_timers[0].kind in paging.PAGE_LANE_KINDS]
        for timer in done:
            lateness.observe((now - timer.due_at).total_seconds())
        return len(done)

    async def _run_alone(self, tx: Tx, timer: timers.Timer, now: datetime) -> int:
        try:
            async with tx.savepoint():
                return await self._run_timers(tx, [timer], now)
        except Exception as exc:
            log.exception("timer failed, retrying later", extra={"kind": timer.kind, "key": timer.key})
            await timers.postpone(tx, timer, now, repr(exc))
            return 1

    async def run_outbox(self, now: datetime) -> int:
        """Run one stored reaction; return 1 if there was one, else 0."""
        async with self._ctx.work_db.tx() as tx:
            await fence(tx, now)
            job = await outbox.claim(tx, now)
            if job is None:
                self._upcoming["outbox"] = await outbox.next_at(tx)
                return 0
            try:
                async with tx.savepoint():
                    await self._reactions[job.reaction](tx, job.payload, now)
            except Exception as exc:
                if tx.conn.is_closed():
                    raise
                log.exception("reaction failed", extra={"reaction": job.reaction, "job": job.id})
                await outbox.fail(tx, job, now, repr(exc))
            else:
                await outbox.finish(tx, job)
        return 1

    def _running(self, name: str, part: Part) -> Callable[[datetime], Awaitable[int]]:
        """Return what a lane runs: its part, which also says when it has work next."""

        async def run(now: datetime) -> int:
            done = await part.run_once(now)
            self._upcoming[name] = part.upcoming
            self._polls[name] = self._poll * (UNUSED_POLLS if part.is_unused else 1)
            return done

        return run

    async def _lane(
        self,
        name: str,
        stop: asyncio.Event,
        run: Callable[[datetime], Awaitable[int]],
        *,
        rests: bool = False,
    ) -> None:
        wake = self._wake[name]

        async def look() -> int:
            # while it looks, each wake-up may be about what it has not seen
            self._upcoming[name] = None
            return await run(await self._now())

        while not stop.is_set():
            correlation_id.set(f"{name}-{uuid.uuid4().hex[:8]}")
            try:
                wake.clear()
                began = self._pace.monotonic()
                while not stop.is_set() and await look():
                    self._ctx.health.passed(name)
                    # in an alert storm, timers batch up and half of the time is left for accepting alerts
                    await self._pace.sleep(min(REST_S, self._pace.monotonic() - began) if rests else 0)
                    began = self._pace.monotonic()
                self._ctx.health.passed(name)
                upcoming, now = self._upcoming.get(name), self._ctx.clock.now()
                poll = self._polls.get(name, self._poll)
                pause = poll if upcoming is None else min(poll, max(upcoming - now, BUSY))
            except Outdated:
                raise
            except Unavailable as error:
                self._ctx.health.failed(name, error.message)
                self._waits.add(error.reason)
                pause = timedelta(seconds=0.5)
            except Exception as exc:
                self._ctx.health.failed(name, type(exc).__name__)
                log.exception("lane failed, continuing", extra={"lane": name})
                pause = timedelta(seconds=1)
            if not stop.is_set():
                await self._pace.wait(wake, pause.total_seconds())

    async def _now(self) -> datetime:
        """Return the database's time, measured recently, so that nothing is claimed early."""
        clock = self._ctx.clock
        if isinstance(clock, DatabaseClock) and (clock.stale() or clock.set_back_by):
            # lanes that measure concurrently would each move the timers
            async with self._measuring:
                await clock_set_back.reschedule_if_set_back(self._ctx.work_db, clock)
        return clock.now()

    async def _listen(self) -> None:
        is_again = False
        while True:
            try:
                conn = await self._ctx.work_db.listen(
                    {WORK_CHANNEL: self._woken, LIVE_CHANNEL: self._ctx.live.publish}
                )
            except Exception as exc:
                log.warning("the database is unavailable, retrying", extra={"reason": repr(exc)})
                await self._restore()
                await self._pace.sleep(0.5)
                continue
            if is_again and isinstance(self._ctx.clock, DatabaseClock):
                # the server may be another one, and a wake-up may have been lost
                self._ctx.clock.expire()
            is_again = True
            self._wake_all()
            closed = asyncio.Event()
            conn.add_termination_listener(lambda _, gone=closed: gone.set())
            try:
                await self._until_dead(conn, closed)
            finally:
                # closing gracefully would wait for a server that may be gone
                conn.terminate()

    async def _until_dead(self, conn: asyncpg.Connection, closed: asyncio.Event) -> None:
        """Return once the connection is closed, does not answer, or its server became read-only."""
        while not closed.is_set():
            await self._pace.wait(closed, self._heartbeat_s)
            if closed.is_set():
                return
            try:
                if await conn.fetchval("select current_setting('transaction_read_only')::boolean"):
                    log.warning("the server of the listening connection became read-only, reconnecting")
                    return
            except AWAY as exc:
                log.warning("the listening connection is dead, reconnecting", extra={"reason": repr(exc)})
                return

    async def _restore(self) -> None:
        """Restart an embedded database; log a failure, so that the caller can retry."""
        try:
            if self._ensure:
                await self._ensure()
        except StartupError as exc:
            log.error("cannot start the database", extra={"reason": exc.message, "hint": exc.hint})
        except Exception:
            log.exception("cannot start the database")

    def _woken(self, what: str) -> None:
        if what == clock_set_back.WAKE and isinstance(self._ctx.clock, DatabaseClock):
            self._ctx.clock.expire()
            self._wake_all()
        scheduled = timers.Scheduled.of(what)
        due_at = scheduled.due_at if scheduled else None
        for lane in lanes_woken(what):
            looks_at = self._upcoming.get(lane)
            if due_at is None or looks_at is None or due_at < looks_at:
                self._wake[lane].set()

    def _wake_all(self) -> None:
        for event in self._wake.values():
            event.set()
