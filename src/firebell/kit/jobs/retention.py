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
VARIABLE = "FIREBELL_RETENTION"
FOREVER = "forever"
Days = Mapping[str, int | None]
"""Days by setting; None keeps everything."""

Prune = Callable[[Tx, datetime, int], Awaitable[int | None]]
"""Delete a batch of what is older than an instant and return the cursor of the next one, or None after the last.

The first batch has the cursor 0. Deleting again what is deleted does nothing, so a batch may run twice.
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
    return others
