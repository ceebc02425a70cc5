"""How long each table is kept, and what waits to be deleted, shared by web and API."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from firebell.kit.db.database import Tx
from firebell.kit.jobs import pruning, timers
from firebell.kit.jobs.pruning import COUNTED_ROWS, KIND, Days, Retention, WaitingRows


@dataclass(frozen=True, slots=True)
class RetentionStatus:
    """How long the rows of `tables` are kept, None forever, and what waits to be deleted.

    `waiting` rows were counted, of up to `COUNTED_ROWS` of each table. `last_ended_at` is None while a deletion runs,
    and before the first.
    """

    label: str
    tables: tuple[str, ...]
    setting: str
    days: int | None
    is_default: bool
    waiting: int
    has_more: bool
    """True if more rows than were counted may wait."""
    last_began_at: datetime | None
    last_ended_at: datetime | None
    next_at: datetime | None

    @property
    def is_running(self) -> bool:
        """True while a deletion has begun and not ended."""
        return self.last_began_at is not None and self.last_ended_at is None


async def statuses(
    tx: Tx, retentions: Iterable[Retention], days: Days, now: datetime
) -> list[RetentionStatus]:
    """Return the status of each retention: those with a setting first, then by label."""
    runs = await pruning.runs(tx)
    next_runs = await timers.due_times(tx, KIND)
    shown = sorted(retentions, key=lambda r: (not r.setting, r.setting, r.label))
    return [await _status(tx, each, days, runs.get(each.table), next_runs, now) for each in shown]


async def _status(
    tx: Tx,
    each: Retention,
    days: Days,
    run: pruning.RetentionRun | None,
    next_runs: dict[str, datetime],
    now: datetime,
) -> RetentionStatus:
    kept_days = days.get(each.setting, each.days)
    waiting = WaitingRows(0, has_more=False)
    if kept_days is not None and each.count is not None:
        waiting = await each.count(tx, now - timedelta(days=kept_days), COUNTED_ROWS)
    return RetentionStatus(
        label=each.label,
        tables=(each.table, *each.with_tables),
        setting=each.setting,
        days=kept_days,
        is_default=kept_days == each.days,
        waiting=waiting.rows,
        has_more=waiting.has_more,
        last_began_at=run.began_at if run else None,
        last_ended_at=run.ended_at if run else None,
        next_at=next_runs.get(each.table),
    )
