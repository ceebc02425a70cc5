"""The SQL of versions for customers."""

from datetime import datetime
from typing import Any

from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.postmortems.external.model import ExternalVersion


async def external(tx: Tx, postmortem_id: int) -> ExternalVersion | None:
    """Return the version for customers of a document with its present text, None if no one decided about it."""
    row = await tx.row(
        """
        select
            external.postmortem_id,
            external.is_needed,
            external.decision_reason,
            external.decider,
            external.decided_at,
            external.version,
            external.asked_version,
            external.approved_version,
            external.approver,
            external.published_version,
            external.published_at,
            external.publisher,
            coalesce(version.body, '') as body
        from postmortem_external external
        left join postmortem_external_version version
            on version.postmortem_id = external.postmortem_id
            and version.n = external.version
        where external.postmortem_id = $1
        """,
        postmortem_id,
    )
    return ExternalVersion(**dict(row)) if row else None


async def decide(
    tx: Tx, postmortem_id: int, is_needed: bool, reason: str, actor: Actor, now: datetime
) -> None:
    """Record whether customers get a version."""
    await tx.execute(
        """
        insert into postmortem_external (
            postmortem_id, is_needed, decision_reason, decided_by, decider, decided_at
        )
        values ($1, $2, $3, $4, $5, $6)
        on conflict (postmortem_id) do update
        set is_needed = excluded.is_needed,
            decision_reason = excluded.decision_reason,
            decided_by = excluded.decided_by,
            decider = excluded.decider,
            decided_at = excluded.decided_at
        """,
        postmortem_id,
        is_needed,
        reason,
        actor.person_id,
        actor.label,
        now,
    )


async def insert_version(tx: Tx, postmortem_id: int, n: int, body: str, actor: Actor, now: datetime) -> None:
    """Store the next text; it needs a new review."""
    await tx.execute(
        """
        with version as (
            insert into postmortem_external_version (postmortem_id, n, body, by_id, actor, at)
            values ($1, $2, $3, $4, $5, $6)
        )
        update postmortem_external
        set version = $2
        where postmortem_id = $1
        """,
        postmortem_id,
        n,
        body,
        actor.person_id,
        actor.label,
        now,
    )


async def change(tx: Tx, postmortem_id: int, **changes: Any) -> None:
    """Change columns of a version for customers."""
    columns = ", ".join(f"{name} = ${number}" for number, name in enumerate(changes, 2))
    await tx.execute(
        f"""
        update postmortem_external
        set {columns}
        where postmortem_id = $1
        """,
        postmortem_id,
        *changes.values(),
    )


async def writer_ids(tx: Tx, postmortem_id: int) -> frozenset[int]:
    """Return everyone who saved a text for customers."""
    rows = await tx.fetch(
        """
        select distinct by_id
        from postmortem_external_version
        where postmortem_id = $1
            and by_id is not null
        """,
        postmortem_id,
    )
    return frozenset(row["by_id"] for row in rows)
