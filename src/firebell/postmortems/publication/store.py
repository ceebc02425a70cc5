"""The SQL of publications: acknowledged problems and the distribution of a document."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor


@dataclass(frozen=True, slots=True)
class Acknowledgment:
    """A problem that someone accepts for the publication, with the reason."""

    problem: str
    message: str
    reason: str
    actor: str
    at: datetime


@dataclass(frozen=True, slots=True)
class PublicPlace:
    """Where a version for customers is published."""

    page_slug: str
    page_name: str
    public_id: str
    at: datetime


async def acknowledge(
    tx: Tx, postmortem_id: int, problem: str, message: str, reason: str, actor: Actor, now: datetime
) -> None:
    """Record that a problem is accepted; a later reason replaces the earlier one."""
    await tx.execute(
        """
        insert into postmortem_acknowledgment (postmortem_id, problem, message, reason, by_id, actor, at)
        values ($1, $2, $3, $4, $5, $6, $7)
        on conflict (postmortem_id, problem) do update
        set reason = excluded.reason,
            by_id = excluded.by_id,
            actor = excluded.actor,
            at = excluded.at
        """,
        postmortem_id,
        problem,
        message,
        reason,
        actor.person_id,
        actor.label,
        now,
    )


async def acknowledgments(tx: Tx, postmortem_id: int) -> list[Acknowledgment]:
    """Return the accepted problems of a document, oldest first."""
    rows = await tx.fetch(
        """
        select problem, message, reason, actor, at
        from postmortem_acknowledgment
        where postmortem_id = $1
        order by at, problem
        """,
        postmortem_id,
    )
    return [Acknowledgment(**dict(row)) for row in rows]


async def set_distribution(tx: Tx, postmortem_id: int, members: Sequence[str]) -> None:
    """Replace whom a document is sent to."""
    await tx.execute("delete from postmortem_distribution where postmortem_id = $1", postmortem_id)
    await tx.execute(
        """
        insert into postmortem_distribution (postmortem_id, member, position)
        select $1, member, position
        from unnest($2::text[]) with ordinality listed (member, position)
        """,
        postmortem_id,
        list(members),
    )


async def distribution(tx: Tx, postmortem_id: int) -> list[str]:
    """Return whom someone chose to send a document to, empty if no one chose."""
    rows = await tx.fetch(
        """
        select member
        from postmortem_distribution
        where postmortem_id = $1
        order by position
        """,
        postmortem_id,
    )
    return [row["member"] for row in rows]


async def public_places(tx: Tx, incident_id: int) -> list[PublicPlace]:
    """Return the status pages that show the post-mortem of an incident."""
    rows = await tx.fetch(
        """
        select page_slug, page_name, public_id, at
        from incident_public_postmortem
        where incident_id = $1
        order by page_name, public_id
        """,
        incident_id,
    )
    return [PublicPlace(**dict(row)) for row in rows]
