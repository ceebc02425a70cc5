"""The SQL of night limits, and of the nights in which someone had more pages."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime

from firebell.kit.db.arrays import transpose
from firebell.kit.db.database import Reads, Tx
from firebell.kit.jobs.pruning import Retention, by_index
from firebell.kit.jobs.retention_store import count_rows
from firebell.paging.model import TiredNight
from firebell.paging.night_limit.rules import NightLimit, OverLimit, PersonNight


async def limits(tx: Reads) -> dict[int, NightLimit]:
    """Return the limit of each team that has chosen one."""
    rows = await tx.fetch(
        """
        select team_id, is_on, pages
        from night_limit
        """
    )
    return {row["team_id"]: NightLimit(row["is_on"], row["pages"]) for row in rows}


async def save_limit(tx: Tx, team_id: int, limit: NightLimit) -> None:
    """Store the limit of a team."""
    await tx.execute(
        """
        insert into night_limit (team_id, is_on, pages)
        values ($1, $2, $3)
        on conflict (team_id) do update
        set is_on = excluded.is_on,
            pages = excluded.pages
        """,
        team_id,
        limit.is_on,
        limit.pages,
    )


async def pages_of_nights(tx: Tx, nights: dict[int, PersonNight]) -> dict[int, set[int]]:
    """Return the urgent pages, without drills, that reached each person since their night began."""
    rows = await tx.fetch(
        """
        select distinct delivery.person_id, delivery.subject_id as page_id
        from delivery
        join unnest($1::bigint[], $2::timestamptz[]) night (person_id, start)
            on night.person_id = delivery.person_id
                and delivery.sent_at >= night.start
        join page on page.id = delivery.subject_id
        where delivery.state = 'accepted'
            and delivery.subject_kind = 'page'
            and delivery.sent_at >= $3
            and not delivery.is_drill
            and page.urgency = 'high'
        """,
        list(nights),
        [night.start for night in nights.values()],
        min(night.start for night in nights.values()),
    )
    pages: dict[int, set[int]] = {}
    for row in rows:
        pages.setdefault(row["person_id"], set()).add(row["page_id"])
    return pages


async def record(tx: Tx, over: Mapping[int, OverLimit], now: datetime) -> list[int]:
    """Store who is over the limit, or that they had more pages; return the ids of the nights that are new."""
    rows = await tx.fetch(
        """
        insert into night_over_limit (person_id, night, ends_at, team_id, page_id, pages, at)
        select person_id, night, ends_at, team_id, page_id, pages, $7
        from unnest(
            $1::bigint[], $2::date[], $3::timestamptz[], $4::bigint[], $5::bigint[], $6::int[]
        ) tired (person_id, night, ends_at, team_id, page_id, pages)
        on conflict (person_id, night) do update
        set pages = greatest(night_over_limit.pages, excluded.pages)
        returning id, at = $7 as is_new
        """,
        *transpose(
            [
                (one.person_id, one.night.night, one.night.end, one.team_id, one.page_id, one.pages)
                for _, one in sorted(over.items())
            ],
            6,
        ),
        now,
    )
    return [row["id"] for row in rows if row["is_new"]]


async def _nights(tx: Reads, where: str, *values: object) -> list[TiredNight]:
    rows = await tx.fetch(
        f"""
        select
            tired.id,
            tired.person_id,
            person.name as person,
            tired.night,
            tired.ends_at,
            tired.page_id,
            tired.pages
        from night_over_limit tired
        join person on person.id = tired.person_id
        where {where}
        order by tired.night desc, person.name
        """,
        *values,
    )
    return [TiredNight(**dict(row)) for row in rows]


async def nights_by_id(tx: Tx, ids: Sequence[int]) -> list[TiredNight]:
    """Return nights over the limit."""
    return await _nights(tx, "tired.id = any($1::bigint[])", list(ids))


async def nights_between(tx: Reads, start: datetime, end: datetime) -> list[TiredNight]:
    """Return the nights that went over the limit in `[start, end)`, newest first."""
    return await _nights(tx, "tired.at >= $1 and tired.at < $2", start, end)


async def nights_of(tx: Reads, person_id: int, since: date) -> list[TiredNight]:
    """Return the nights of a person that began on a day or later, newest first."""
    return await _nights(tx, "tired.person_id = $1 and tired.night >= $2", person_id, since)


async def delete_nights(tx: Tx, before: datetime, limit: int) -> int:
    """Delete the nights before an instant; return their number."""
    return await tx.changed(
        """
        delete from night_over_limit
        where id in (
            select id
            from night_over_limit
            where at < $1
            order by at
            limit $2
        )
        """,
        before,
        limit,
    )


count_nights = count_rows(
    """
    select
    from night_over_limit
    where at < $1
    limit $2
    """
)

RETENTIONS = (
    Retention(
        "night_over_limit",
        400,
        by_index(delete_nights),
        label="Nights with more pages than the limit",
        count=count_nights,
    ),
)
