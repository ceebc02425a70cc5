"""The lane of trackers: one process calls a tracker, and no transaction is open during a call (spec 11.10).

An issue is created at most once, whatever is killed or lost: the attempt is stored before the call, and each further
attempt first looks for the issue of the one before by its marker.
"""

import asyncio
import logging
import uuid
from datetime import datetime, timedelta

from firebell.action_items.trackers import call_outcomes, link_store, link_sync, store
from firebell.action_items.trackers.model import Tracker
from firebell.action_items.trackers.session import LeaseLost, Session
from firebell.action_items.trackers.vendor import Answer, CallFailed, Outcome
from firebell.kit.context import Context
from firebell.kit.db.migrate import fence

log = logging.getLogger(__name__)

LEASE = timedelta(minutes=3)
"""Longer than the calls of most turns; a write is made only while it holds."""
TRACKERS_PER_TURN = 4
SWEEP_OVERLAP = timedelta(minutes=5)
PAGES_PER_SWEEP = 20
"""Number of pages of changed issues after which all links are looked at instead."""


class TrackerSync:
    """Syncs every tracker; any number of processes share them, and a slow one delays no other for long."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._holder = uuid.uuid4().hex
        self.upcoming: datetime | None = None
        """When a tracker has work next, after a run that had none."""
        self.is_unused = False
        """True if the last run found no active tracker at all."""

    async def run_once(self, now: datetime) -> int:
        """Do one thing for each of a few trackers, at the same time; return their number."""
        async with self._ctx.work_db.tx() as tx:
            await fence(tx)
            trackers = await store.lease_due(tx, self._holder, now + LEASE, now, TRACKERS_PER_TURN)
            if not trackers:
                self.upcoming = await store.next_due_at(tx)
                self.is_unused = self.upcoming is None
                return 0
        self.is_unused = False
        if len(trackers) == 1:
            await self._turn(trackers[0])
        else:
            turns = [self._turn(tracker) for tracker in trackers]
            for failure in await asyncio.gather(*turns, return_exceptions=True):
                if isinstance(failure, BaseException):
                    raise failure
        return len(trackers)

    async def _turn(self, tracker: Tracker) -> None:
        """Look at the next link of a tracker, or at what changed there."""
        now = self._ctx.clock.now()
        async with self._ctx.work_db.tx() as tx:
            link = await link_store.next_due(tx, tracker.id, now)
        session = Session(self._ctx, tracker, self._holder)
        failure: Answer | None = None
        try:
            if link is not None:
                failure = await link_sync.sync_link(self._ctx, session, link)
            elif tracker.sweep_at <= now:
                await self._sweep(session)
        except CallFailed as error:
            failure = error.answer
        except LeaseLost:
            log.warning("another process syncs a tracker", extra={"tracker": tracker.id})
            return
        async with self._ctx.work_db.tx() as tx:
            if failure is None:
                await call_outcomes.note_success(tx, tracker, self._ctx.clock.now())
            else:
                extra = {"tracker": tracker.id, "outcome": str(failure.outcome), "reason": failure.reason}
                log.warning("a call of a tracker failed", extra=extra)
                await call_outcomes.note_failure(tx, tracker, failure, self._ctx.clock.now())
            await store.release(tx, tracker.id, self._holder)

    async def _sweep(self, session: Session) -> None:
        """Look at the links of what changed in a tracker since the last sweep, for what webhooks lost."""
        tracker, began = session.tracker, session.now
        async with self._ctx.work_db.tx() as tx:
            await fence(tx)
            # a process that dies in a sweep leaves it to the next one, which begins where the last one ended
            await store.change(tx, tracker.id, sweep_at=began + session.vendor.sweep_every)
        ids: list[str] = []
        following: str | None = None
        since, etag = tracker.swept_until - SWEEP_OVERLAP, ""
        for _ in range(PAGES_PER_SWEEP):
            try:
                page = await session.vendor.api.changed(
                    session.call, tracker, since, began, following, "" if following else tracker.sweep_etag
                )
            except CallFailed as failure:
                if failure.answer.outcome is Outcome.UNCHANGED:
                    return
                if failure.answer.outcome in (Outcome.RETRY, Outcome.TOO_FAST):
                    async with self._ctx.work_db.tx() as tx:
                        await store.change(tx, tracker.id, sweep_at=began)
                raise
            ids += page.ids
            following, etag = page.following, page.etag
            if following is None:
                break
        is_quiet = following is None and not ids and bool(etag)
        async with self._ctx.work_db.tx() as tx:
            # the tracker before its links, as actions and webhooks lock them
            if is_quiet:
                # the next sweep asks the same again, and learns for free that nothing has changed since
                await store.change(tx, tracker.id, sweep_etag=etag)
            else:
                await store.change(tx, tracker.id, swept_until=began, sweep_etag="")
            if following is None:
                await link_store.mark_remote(tx, tracker.id, ids, began)
            else:
                await link_store.mark_all(tx, tracker.id, began, afresh=False)
            await tx.live("trackers")
