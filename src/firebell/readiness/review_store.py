"""The SQL of signed quarters, and of who looks at metrics."""

from dataclasses import dataclass
from datetime import datetime

from firebell.kit.calendar_periods import Quarter
from firebell.kit.db.database import Tx


@dataclass(frozen=True, slots=True)
class TeamReview:
    """The review of a quarter by a team; without a signature, `signed_at` is None."""

    team_id: int
    team: str
    slug: str
    signed_at: datetime | None = None
    signed_by: str = ""
    decisions: str = ""


async def reviews(tx: Tx, quarter: Quarter) -> list[TeamReview]:
    """Return the reviews of all teams that own a service and existed before the quarter ended."""
    rows = await tx.fetch(
        """
        select
            team.id as team_id,
            team.name as team,
            team.slug,
            signature.signed_at,
            coalesce(person.name, '') as signed_by,
            coalesce(signature.decisions, '') as decisions
        from team
        left join quarter_signature signature on signature.team_id = team.id
            and signature.quarter = $1
        left join person on person.id = signature.person_id
        where team.created_at < $2
            and exists (select from service where service.team_id = team.id and deleted_at is null)
        order by team.name, team.id
        """,
        quarter.first,
        quarter.end,
    )
    return [TeamReview(**dict(row)) for row in rows]


async def insert_signature(
    tx: Tx, quarter: Quarter, team_id: int, person_id: int, decisions: str, now: datetime
) -> bool:
    """Store a signature; return False if the team has signed the quarter already."""
    return bool(
        await tx.value(
            """
            insert into quarter_signature (quarter, team_id, person_id, signed_at, decisions)
            values ($1, $2, $3, $4, $5)
            on conflict do nothing
            returning true
            """,
            quarter.first,
            team_id,
            person_id,
            now,
            decisions,
        )
    )


async def is_view_recorded(tx: Tx, person_id: int, since: datetime) -> bool:
    """Return True if a person looked at metrics since an instant, or if the database is read-only."""
    return bool(
        await tx.value(
            """
            select current_setting('transaction_read_only')::boolean
                or exists (
                    select
                    from metric_reader
                    where person_id = $1
                        and viewed_at >= $2
                )
            """,
            person_id,
            since,
        )
    )


async def record_view(tx: Tx, person_id: int, now: datetime) -> None:
    """Store that a person looks at metrics."""
    await tx.execute(
        """
        insert into metric_reader (person_id, viewed_at)
        values ($1, $2)
        on conflict (person_id) do update
            set viewed_at = excluded.viewed_at
        """,
        person_id,
        now,
    )


async def metric_views(tx: Tx, since: datetime, limit: int) -> list[datetime]:
    """3.3: return when the last people looked at metrics, newest first; each person counts once."""
    rows = await tx.fetch(
        """
        select viewed_at
        from metric_reader
        where viewed_at > $1
        order by viewed_at desc
        limit $2
        """,
        since,
        limit,
    )
    return [row["viewed_at"] for row in rows]
