"""The SQL of waivers of findings."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from firebell.kit.db.database import Row, Tx


@dataclass(frozen=True, slots=True)
class Waiver:
    """A finding that someone waived, with the reason; it ends at `until`, None for never, or when it is undone."""

    id: int
    incident_id: int
    finding_id: str
    code: str
    reason: str
    until: datetime | None
    at: datetime
    actor: str


_WAIVER = "id, incident_id, finding_id, code, reason, until, at, actor"


def _waiver(row: Row) -> Waiver:
    return Waiver(**dict(row))


async def waivers(tx: Tx, ids: Sequence[int], now: datetime) -> dict[int, dict[str, Waiver]]:
    """Return the waivers in force of each incident, by the id of the finding."""
    rows = await tx.fetch(
        f"""
        select {_WAIVER}
        from check_waiver
        where incident_id = any($1::bigint[])
            and ended_at is null
            and (until is null or until > $2)
        order by id
        """,
        list(ids),
        now,
    )
    by_incident: dict[int, dict[str, Waiver]] = {i: {} for i in ids}
    for row in rows:
        by_incident[row["incident_id"]][row["finding_id"]] = _waiver(row)
    return by_incident


async def add_waiver(
    tx: Tx,
    incident_id: int,
    finding_id: str,
    code: str,
    reason: str,
    until: datetime | None,
    actor: str,
    actor_id: int | None,
    now: datetime,
) -> None:
    """Record that a finding is waived."""
    await tx.execute(
        """
        insert into check_waiver (incident_id, finding_id, code, reason, until, at, actor, actor_id)
        values ($1, $2, $3, $4, $5, $6, $7, $8)
        """,
        incident_id,
        finding_id,
        code,
        reason,
        until,
        now,
        actor,
        actor_id,
    )


async def end_waivers(
    tx: Tx, incident_id: int, finding_id: str, actor: str, actor_id: int | None, now: datetime
) -> int:
    """End the waivers of a finding that are in force; return their number."""
    return await tx.changed(
        """
        update check_waiver
        set ended_at = $3, ended_by = $4, ended_by_id = $5
        where incident_id = $1
            and finding_id = $2
            and ended_at is null
            and (until is null or until > $3)
        """,
        incident_id,
        finding_id,
        now,
        actor,
        actor_id,
    )
