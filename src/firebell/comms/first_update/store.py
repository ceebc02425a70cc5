"""The SQL of rules for the first update, what they did, and who posts it instead."""

from collections.abc import Mapping
from typing import Any

from firebell.comms.first_update.model import FirstUpdateClaim, FirstUpdateProgress, FirstUpdateRule
from firebell.kit.db.database import Reads, Row, Tx

_RULE_COLUMNS = "status_page_id, severities, minutes, headline, body, enabled_at"
_PROGRESS_COLUMNS = {"warned_at", "reminded_at", "post_id"}


def _rule(row: Row) -> FirstUpdateRule:
    return FirstUpdateRule(**{**dict(row), "severities": frozenset(row["severities"])})


async def rule(tx: Reads, status_page_id: int) -> FirstUpdateRule | None:
    """Return the rule of a status page, None if none was saved."""
    row = await tx.row(
        f"""
        select {_RULE_COLUMNS}
        from first_update_rule
        where status_page_id = $1
        """,
        status_page_id,
    )
    return _rule(row) if row else None


async def enabled_rules(tx: Reads) -> dict[int, FirstUpdateRule]:
    """Return the rules that are on, by status page."""
    rows = await tx.fetch(
        f"""
        select {_RULE_COLUMNS}
        from first_update_rule
        where enabled_at is not null
        order by status_page_id
        """
    )
    return {row["status_page_id"]: _rule(row) for row in rows}


async def save_rule(tx: Tx, saved: FirstUpdateRule) -> None:
    """Insert or replace the rule of a status page."""
    await tx.execute(
        """
        insert into first_update_rule (status_page_id, severities, minutes, headline, body, enabled_at)
        values ($1, $2, $3, $4, $5, $6)
        on conflict (status_page_id) do update
        set
            severities = excluded.severities,
            minutes = excluded.minutes,
            headline = excluded.headline,
            body = excluded.body,
            enabled_at = excluded.enabled_at
        """,
        saved.status_page_id,
        sorted(saved.severities),
        saved.minutes,
        saved.headline,
        saved.body,
        saved.enabled_at,
    )


async def progress(tx: Reads, incident_id: int) -> Mapping[int, FirstUpdateProgress]:
    """Return what rules did about an incident, by status page."""
    rows = await tx.fetch(
        """
        select status_page_id, warned_at, reminded_at, post_id
        from first_update_progress
        where incident_id = $1
        """,
        incident_id,
    )
    return {
        row["status_page_id"]: FirstUpdateProgress(row["warned_at"], row["reminded_at"], row["post_id"])
        for row in rows
    }


async def record_progress(tx: Tx, incident_id: int, status_page_id: int, **changes: Any) -> None:
    """Set the named columns of what the rule of a status page did about an incident."""
    assert changes
    assert set(changes) <= _PROGRESS_COLUMNS
    columns = ", ".join(changes)
    values = ", ".join(f"${number}" for number in range(3, 3 + len(changes)))
    assignments = ", ".join(f"{name} = excluded.{name}" for name in changes)
    await tx.execute(
        f"""
        insert into first_update_progress (incident_id, status_page_id, {columns})
        values ($1, $2, {values})
        on conflict (incident_id, status_page_id) do update
        set {assignments}
        """,
        incident_id,
        status_page_id,
        *changes.values(),
    )


async def claim(tx: Reads, incident_id: int) -> FirstUpdateClaim | None:
    """Return who posts the first update about an incident, None if no one said so."""
    row = await tx.row(
        """
        select person_id, label, claimed_at
        from first_update_claim
        where incident_id = $1
        """,
        incident_id,
    )
    return FirstUpdateClaim(**dict(row)) if row else None


async def insert_claim(tx: Tx, incident_id: int, made: FirstUpdateClaim) -> None:
    """Insert who posts the first update about an incident."""
    await tx.execute(
        """
        insert into first_update_claim (incident_id, person_id, label, claimed_at)
        values ($1, $2, $3, $4)
        """,
        incident_id,
        made.person_id,
        made.label,
        made.claimed_at,
    )
