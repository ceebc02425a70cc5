"""Deletes what is older than its retention, in small batches: one timer for each table that grows."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from firebell.kit.db.database import Row, Tx
from firebell.kit.errors import StartupError
from firebell.kit.jobs import timers

KIND = "kit.retention"
"""The kind of the timers; the key is the table, and the epoch the cursor of its next batch."""
BATCH_ROWS = 1_000
"""Number of rows that a transaction reads at most, so that it holds locks only briefly."""
BATCH_PAUSE = timedelta(milliseconds=200)
"""Pause between two batches, in which alerts are accepted and pages are sent."""
COUNTED_ROWS = 10_000
"""Number of rows up to which the waiting rows of a table are counted, so that counting takes milliseconds."""
VARIABLE = "FIREBELL_RETENTION"
FOREVER = "forever"
Days = Mapping[str, int | None]
"""Days by setting; None keeps everything."""

Prune = Callable[[Tx, datetime, int], Awaitable[int | None]]
"""Delete a batch of what is older than an instant and return the cursor of the next one, or None after the last.

The first batch has the cursor 0. Deleting again what is deleted does nothing, so a batch may run twice.
"""


@dataclass(frozen=True, slots=True)
class WaitingRows:
    """The number of rows that wait to be deleted, among those that were counted; `has_more` if there may be more."""

    rows: int
    has_more: bool


Count = Callable[[Tx, datetime, int], Awaitable[WaitingRows]]
"""Count the rows that are older than an instant and wait to be deleted, reading as many rows as the limit.

Of a table that is deleted in the order of its ids, its oldest rows are read.
"""


@dataclass(frozen=True, slots=True)
class Retention:
    """How long rows of a table are kept.

    Without a `setting` the time is fixed. The rows of `with_tables` are deleted with the rows they belong to.
    """

    table: str
    days: int
    prune: Prune
    setting: str = ""
    least_days: int = 1
    with_tables: tuple[str, ...] = ()
    label: str = ""
    """What the rows are, for people."""
    count: Count | None = None


@dataclass(frozen=True, slots=True)
class RetentionRun:
    """The last deletion of a table; `ended_at` is None while it runs."""

    table: str
    began_at: datetime
    ended_at: datetime | None


def by_index(delete: Callable[[Tx, datetime, int], Awaitable[int]]) -> Prune:
    """Return a `Prune` for a statement that deletes the oldest rows of an index and returns their number."""

    async def prune(tx: Tx, before: datetime, cursor: int) -> int | None:
        return 0 if await delete(tx, before, BATCH_ROWS) >= BATCH_ROWS else None

    return prune


def next_cursor(rows: Sequence[Row], batch_rows: int) -> int | None:
    """Return the cursor after a batch of rows in the order of their ids; None if it was the last.

    It was if it is not full, or if its newest row, by `is_kept`, is younger than the retention.
    """
    return rows[-1]["id"] if len(rows) == batch_rows and not rows[-1]["is_kept"] else None


def parse(text: str) -> dict[str, int | None]:
    """Return the days by setting of text such as "alerts=90,audit=forever"; raise `StartupError`."""
    days: dict[str, int | None] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, value = (piece.strip() for piece in part.partition("="))
        if value != FOREVER and not (value.isascii() and value.isdecimal() and 0 < len(value) < 6):
            raise StartupError(
                f"{VARIABLE}: {part!r} is not a number of days or {FOREVER}.",
                hint="Example: alerts=90,audit=forever",
            )
        days[name] = None if value == FOREVER else int(value)
    return days


def check(days: Days, retentions: Iterable[Retention]) -> None:
    """Raise `StartupError` for a setting that does not exist, or that is shorter than what is needed."""
    least: dict[str, int] = {}
    for retention in retentions:
        if retention.setting:
            least[retention.setting] = max(least.get(retention.setting, 0), retention.least_days)
    for name, value in days.items():
        if name not in least:
            raise StartupError(f"{VARIABLE}: there is no {name!r}.", hint=f"Use {', '.join(sorted(least))}.")
        if value is not None and value < least[name]:
            raise StartupError(f"{VARIABLE}: {name} must be at least {least[name]} days.")


def handler(retentions: Iterable[Retention], days: Days) -> timers.Handler:
    """Return the handler of the timers: one batch of one table for each transaction."""
    return partial(_run, {retention.table: retention for retention in retentions}, days)


async def _run(
    retentions: Mapping[str, Retention], days: Days, tx: Tx, due_timers: Sequence[timers.Timer], now: datetime
) -> Sequence[timers.Timer]:
    timer, *others = due_timers
    retention = retentions.get(timer.key)
    if retention is None:
        return others
    kept_days = days.get(retention.setting, retention.days)
    cursor = None
    if kept_days is not None:
        cursor = await retention.prune(tx, now - timedelta(days=kept_days), timer.epoch)
    due_at = now + (timedelta(days=1) if cursor is None else BATCH_PAUSE)
    await timers.schedule(tx, KIND, timer.key, due_at, epoch=cursor or 0)
    await record_run(tx, timer.key, now, is_over=cursor is None)
    return others


async def record_run(tx: Tx, table: str, now: datetime, *, is_over: bool) -> None:
    """Record a batch of a deletion, which began with the first batch after the last one that was over."""
    await tx.execute(
        """
        insert into retention_run as run (table_name, began_at, ended_at)
        values ($1, $2, case when $3 then $2::timestamptz end)
        on conflict (table_name) do update
        set began_at = case when run.ended_at is null then run.began_at else excluded.began_at end,
            ended_at = excluded.ended_at
        """,
        table,
        now,
        is_over,
    )


async def runs(tx: Tx) -> dict[str, RetentionRun]:
    """Return the last deletion of each table that had one, by table."""
    rows = await tx.fetch("select table_name, began_at, ended_at from retention_run")
    return {row["table_name"]: RetentionRun(*row) for row in rows}
