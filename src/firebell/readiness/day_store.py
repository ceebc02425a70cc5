"""The SQL of the days and the waivers of readiness."""

from datetime import date, datetime

from firebell.kit.db.database import Row, Tx
from firebell.readiness.model import ReadinessDay, Waiver


def _waiver(row: Row) -> Waiver:
    return Waiver(**dict(row))


async def waivers(tx: Tx, now: datetime) -> dict[str, Waiver]:
    """Return the waivers in force by item."""
    rows = await tx.fetch(
        """
        select id, item_id, reason, actor, by_id, at, until
        from readiness_waiver
        where ended_at is null
            and until > $1
        """,
        now,
    )
    return {row["item_id"]: _waiver(row) for row in rows}


async def end_waiver(tx: Tx, item_id: str, now: datetime) -> bool:
    """End the waiver of an item; return False if there is none that is in force."""
    changed = await tx.fetch(
        """
        update readiness_waiver
        set ended_at = $2
        where item_id = $1
            and ended_at is null
        returning until
        """,
        item_id,
        now,
    )
    return any(row["until"] > now for row in changed)


async def insert_waiver(
    tx: Tx, item_id: str, reason: str, actor: str, by_id: int | None, now: datetime, until: datetime
) -> None:
    """Insert a waiver; the one before was ended."""
    await tx.execute(
        """
        insert into readiness_waiver (item_id, reason, actor, by_id, at, until)
        values ($1, $2, $3, $4, $5, $6)
        """,
        item_id,
        reason,
        actor,
        by_id,
        now,
        until,
    )


async def save_day(tx: Tx, day: ReadinessDay) -> None:
    """Store the assessment of a day, in place of an earlier one."""
    await tx.execute(
        """
        insert into readiness_day (day, score, states, missing)
        values ($1, $2, $3, $4)
        on conflict (day) do update
        set score = excluded.score, states = excluded.states, missing = excluded.missing
        """,
        day.day,
        day.score,
        day.states,
        day.missing,
    )


async def score_before(tx: Tx, day: date) -> int | None:
    """Return the last score that was recorded before a day, or None."""
    score: int | None = await tx.value(
        """
        select score
        from readiness_day
        where day < $1
        order by day desc
        limit 1
        """,
        day,
    )
    return score


async def days(tx: Tx, since: date) -> list[ReadinessDay]:
    """Return the stored days since one, oldest first."""
    rows = await tx.fetch(
        """
        select day, score, states, missing
        from readiness_day
        where day >= $1
        order by day
        """,
        since,
    )
    return [ReadinessDay(**dict(row)) for row in rows]
