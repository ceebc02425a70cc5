"""The SQL of what each process knows to be wrong with itself; a process renews its rows, and stale ones are ignored."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from firebell.kit.db.arrays import transpose
from firebell.kit.db.database import Reads, Tx
from firebell.kit.process_health import HealthWarning, ProcessFinding
from firebell.kit.text import to_storable

COUNTS_FOR = timedelta(seconds=90)
"""How long a finding counts after its process renewed it; longer than another process needs to take over a lease."""
KEPT_FOR = timedelta(hours=1)
NOTE_CHARS = 500


async def replace(
    tx: Tx, process_id: UUID, host: str, findings: Sequence[ProcessFinding], now: datetime
) -> None:
    """Store what a process knows now instead of what it knew before."""
    await tx.execute("delete from process_finding where process_id = $1", process_id)
    await tx.execute(
        """
        insert into process_finding (process_id, name, host, note, warning, delays_pages, noticed_at)
        select $1, name, $2, note, warning, delays_pages, $3
        from unnest($4::text[], $5::text[], $6::text[], $7::boolean[])
            finding (name, note, warning, delays_pages)
        """,
        process_id,
        host,
        now,
        *transpose(
            (
                (
                    finding.name,
                    to_storable(finding.note, NOTE_CHARS),
                    to_storable(finding.warning.text, NOTE_CHARS),
                    finding.warning.delays_pages,
                )
                for finding in findings
            ),
            4,
        ),
    )


async def current(tx: Reads, now: datetime, *, without: UUID | None = None) -> list[ProcessFinding]:
    """Return the current findings of all processes but `without`, by host.

    Findings from far in the future are ignored too: the clock was set back since.
    """
    rows = await tx.fetch(
        """
        select name, host, note, warning, delays_pages
        from process_finding
        where process_id is distinct from $1
            and noticed_at between $2 and $3
        order by host, name
        """,
        without,
        now - COUNTS_FOR,
        now + COUNTS_FOR,
    )
    return [
        ProcessFinding(
            row["name"],
            f"On {row['host']}: {row['note']}",
            HealthWarning(row["warning"], row["delays_pages"]),
        )
        for row in rows
    ]


async def delete_expired(tx: Tx, now: datetime) -> None:
    """Delete the findings of processes that ended, and those from before the clock was set back."""
    await tx.execute(
        """
        delete from process_finding
        where noticed_at not between $1 and $2
        """,
        now - KEPT_FOR,
        now + COUNTS_FOR,
    )
