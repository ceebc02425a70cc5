"""The SQL of confirmed baselines and customer reports."""

from datetime import datetime

from firebell.incidents.model import Baseline, CustomerReport
from firebell.kit.db.database import Tx

_REPORT_COLUMNS = "id, text, reported_at, recorded_at, actor, answered_at"


async def sign_baseline(
    tx: Tx, incident_id: int, note: str, signed_by: int | None, actor: str, now: datetime
) -> None:
    """Record that someone confirmed the baseline."""
    await tx.execute(
        """
        insert into incident_baseline (incident_id, note, signed_at, signed_by, actor)
        values ($1, $2, $3, $4, $5)
        """,
        incident_id,
        note,
        now,
        signed_by,
        actor,
    )


async def baseline(tx: Tx, incident_id: int) -> Baseline | None:
    """Return the latest confirmation of the baseline, or None."""
    row = await tx.row(
        """
        select note, signed_at, signed_by, actor
        from incident_baseline
        where incident_id = $1
        order by id desc
        limit 1
        """,
        incident_id,
    )
    return Baseline(**dict(row)) if row else None


async def add_report(
    tx: Tx,
    incident_id: int,
    text: str,
    reported_at: datetime,
    recorded_by: int | None,
    actor: str,
    now: datetime,
) -> CustomerReport:
    """Record what a customer reported and return it."""
    row = await tx.row(
        f"""
        insert into customer_report (incident_id, text, reported_at, recorded_at, recorded_by, actor)
        values ($1, $2, $3, $4, $5, $6)
        returning {_REPORT_COLUMNS}
        """,
        incident_id,
        text,
        reported_at,
        now,
        recorded_by,
        actor,
    )
    assert row
    return CustomerReport(**dict(row))


async def reports(tx: Tx, incident_id: int) -> list[CustomerReport]:
    """Return the customer reports of an incident, oldest first."""
    rows = await tx.fetch(
        f"""
        select {_REPORT_COLUMNS}
        from customer_report
        where incident_id = $1
        order by id
        """,
        incident_id,
    )
    return [CustomerReport(**dict(row)) for row in rows]


async def answer_report(
    tx: Tx, incident_id: int, report_id: int, answered_by: int | None, now: datetime
) -> CustomerReport | None:
    """Mark a report answered and return it; return None if the incident has no such open report."""
    row = await tx.row(
        f"""
        update customer_report
        set answered_at = $3,
            answered_by = $4
        where incident_id = $1
            and id = $2
            and answered_at is null
        returning {_REPORT_COLUMNS}
        """,
        incident_id,
        report_id,
        now,
        answered_by,
    )
    return CustomerReport(**dict(row)) if row else None
