"""The lane of metrics: facts follow what happens within a minute, and are compared with it every night."""

import logging
from datetime import datetime, timedelta

from firebell.kit.context import Context
from firebell.kit.db.migrate import fence
from firebell.metrics.facts import projection, source_store
from firebell.metrics.facts import store as fact_store
from firebell.metrics.figures import page_month_store

log = logging.getLogger(__name__)

INTERVAL = timedelta(seconds=60)
COMPARISON_INTERVAL = timedelta(days=1)
MONTHS_AT_ONCE = 12
"""Number of months that are totaled in a minute at most; a month of 17,000 pages takes 0.05 s."""


class Projector:
    """Keeps facts up to date; of many processes, one works at a time."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._newest: source_store.Newest | None = None
        """The newest entries of the logs at the last run that left nothing to do."""
        self._rolled_up_in: tuple[int, int] | None = None
        """The month in which the totals were last found complete."""
        self._next_at: datetime | None = None
        self.upcoming: datetime | None = None
        """When facts are brought up to date next."""
        self.is_unused = False

    async def run_once(self, now: datetime) -> int:
        """Bring a batch of facts up to date; return 0 if nothing is left to do."""
        # a clock that was set back must not stop the lane
        if self._next_at is not None and now < self._next_at <= now + INTERVAL:
            return 0
        async with self._ctx.work_db.tx() as tx:
            await fence(tx)
            newest = await source_store.newest(tx)
            progress = await fact_store.progress(tx)
            is_settled = newest == self._newest and newest[:2] == (progress.page_log_id, progress.entry_id)
            if not is_settled:
                if not await fact_store.lock_progress(tx):
                    self._next_at = self.upcoming = now + INTERVAL
                    return 0
                if newest[:2] != (0, 0) and await projection.catch_up(tx, now):
                    return 1
                self._newest = newest
        if not is_settled or self._rolled_up_in != (now.year, now.month):
            await self._roll_up(now)
        if progress.compared_at is None or now >= progress.compared_at + COMPARISON_INTERVAL:
            await self._compare(now)
        self._next_at = self.upcoming = now + INTERVAL
        return 0

    async def _roll_up(self, now: datetime) -> None:
        """Compute the totals of some months that are over and have none, the latest first, each on its own."""
        for _ in range(MONTHS_AT_ONCE):
            async with self._ctx.work_db.tx() as tx:
                month = await page_month_store.next_missing(tx, now)
                if month is None:
                    self._rolled_up_in = now.year, now.month
                    return
                if not await fact_store.lock_progress(tx):
                    return
                await page_month_store.save(tx, month)

    async def _compare(self, now: datetime) -> None:
        """Compute the facts of the last weeks again; what differs is fixed and reported as M-DRIFT."""
        drifted = 0
        for compare in (projection.compare_incidents, projection.compare_pages):
            after_id: int | None = 0
            while after_id is not None:
                async with self._ctx.work_db.tx() as tx:
                    if not await fact_store.lock_progress(tx):
                        return
                    changed, after_id = await compare(tx, after_id, now)
                    drifted += changed
        async with self._ctx.work_db.tx() as tx:
            await fact_store.note_comparison(tx, drifted, now)
        if drifted:
            log.warning("facts of metrics differed from their sources", extra={"facts": drifted})
