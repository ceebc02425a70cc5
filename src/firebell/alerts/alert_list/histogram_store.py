"""The SQL that counts the alerts of a list by when they began."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from firebell.alerts.alert_list.histogram import Grid, IntervalCount
from firebell.alerts.model import AlertFilter
from firebell.alerts.read_store import newest_alerts
from firebell.kit.db.database import Tx

_COLUMNS = "id, starts_at, status, severity"


@dataclass(frozen=True, slots=True)
class AlertSelection:
    """A statement for the alerts to count, with its values."""

    statement: str
    values: list[object]


def newest(before: int, limit: int, wanted: AlertFilter) -> AlertSelection:
    """Select the newest alerts with an id below `before`."""
    return AlertSelection(*newest_alerts(_COLUMNS, before, limit, wanted))


def of_ids(ids: Sequence[int]) -> AlertSelection:
    """Select the alerts with these ids."""
    return AlertSelection(f"select {_COLUMNS} from alert where id = any($1::bigint[])", [list(ids)])


async def extent(tx: Tx, selection: AlertSelection) -> tuple[int, datetime, datetime] | None:
    """Return the number of alerts, and when the first and the last of them began; None if there are none."""
    row = await tx.row(
        f"""
        select count(*) as alerts, min(starts_at) as earliest, max(starts_at) as latest
        from (
            {selection.statement}
        ) counted
        """,
        *selection.values,
    )
    assert row
    return (row["alerts"], row["earliest"], row["latest"]) if row["alerts"] else None


async def counts(tx: Tx, selection: AlertSelection, grid: Grid) -> list[IntervalCount]:
    """Return how many alerts of each status and severity began in each interval of the grid."""
    start, length = (f"${len(selection.values) + n}" for n in (1, 2))
    rows = await tx.fetch(
        f"""
        select
            floor(extract(epoch from starts_at - {start}::timestamptz) / {length}::int)::int as bar,
            status = 'firing' as is_firing,
            severity,
            count(*) as alerts
        from (
            {selection.statement}
        ) counted
        group by 1, 2, 3
        """,
        *selection.values,
        grid.start,
        int(grid.length.total_seconds()),
    )
    return [IntervalCount(**row) for row in rows]
