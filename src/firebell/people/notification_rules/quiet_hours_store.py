"""The SQL of quiet hours."""

from collections.abc import Sequence

from firebell.kit.db.database import Reads, Tx
from firebell.people.model import QuietHours


async def quiet_hours(tx: Reads, person_ids: Sequence[int]) -> dict[int, QuietHours]:
    """Return the quiet hours by person id, of those who have them on."""
    rows = await tx.fetch(
        """
        select person_id, starts, ends, tz
        from quiet_hours
        where person_id = any($1::bigint[])
        """,
        list(person_ids),
    )
    return {row["person_id"]: QuietHours(row["starts"], row["ends"], row["tz"]) for row in rows}


async def set_quiet_hours(tx: Tx, person_id: int, hours: QuietHours) -> None:
    await tx.execute(
        """
        insert into quiet_hours (person_id, starts, ends, tz)
        values ($1, $2, $3, $4)
        on conflict (person_id) do update
        set starts = excluded.starts, ends = excluded.ends, tz = excluded.tz
        """,
        person_id,
        hours.starts,
        hours.ends,
        hours.tz,
    )


async def clear_quiet_hours(tx: Tx, person_id: int) -> None:
    await tx.execute("delete from quiet_hours where person_id = $1", person_id)
