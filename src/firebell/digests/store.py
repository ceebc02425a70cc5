"""The SQL of weekly digests: choices, the teams whose digest is on, and what was sent."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from firebell.digests.model import DigestChoice
from firebell.kit.db.database import Tx
from firebell.kit.jobs.pruning import Retention, by_index
from firebell.kit.jobs.retention_store import count_rows

DIGEST_DAYS = 400


@dataclass(frozen=True, slots=True)
class StoredDigest:
    """A digest as it was written for a person."""

    id: int
    person_id: int
    team_id: int | None
    week: date
    content: dict[str, Any]


async def choices(tx: Tx) -> list[DigestChoice]:
    """Return what active people chose."""
    rows = await tx.fetch(
        """
        select choice.person_id, choice.team_id, choice.is_on
        from digest_choice choice
        join person on person.id = choice.person_id and person.active
        """
    )
    return [DigestChoice(**dict(row)) for row in rows]


async def choices_of(tx: Tx, person_id: int) -> list[DigestChoice]:
    """Return what one person chose."""
    rows = await tx.fetch(
        """
        select person_id, team_id, is_on
        from digest_choice
        where person_id = $1
        """,
        person_id,
    )
    return [DigestChoice(**dict(row)) for row in rows]


async def save_choice(tx: Tx, person_id: int, team_id: int | None, now: datetime, *, is_on: bool) -> bool:
    """Store a choice in place of an earlier one; return False if it is the same."""
    changed = await tx.fetch(
        """
        insert into digest_choice (person_id, team_id, is_on, chosen_at)
        values ($1, $2, $3, $4)
        on conflict (person_id, coalesce(team_id, 0)) do update
        set is_on = excluded.is_on, chosen_at = excluded.chosen_at
        where digest_choice.is_on <> excluded.is_on
        returning id
        """,
        person_id,
        team_id,
        is_on,
        now,
    )
    return bool(changed)


async def team_ids(tx: Tx) -> list[int]:
    """Return the teams whose digest is on."""
    return [row["team_id"] for row in await tx.fetch("select team_id from digest_team order by team_id")]


async def set_team(tx: Tx, team_id: int, now: datetime, *, is_on: bool) -> bool:
    """Turn the digest of a team on or off; return False if it already was."""
    if is_on:
        changed = await tx.fetch(
            """
            insert into digest_team (team_id, enabled_at)
            values ($1, $2)
            on conflict do nothing
            returning team_id
            """,
            team_id,
            now,
        )
    else:
        changed = await tx.fetch("delete from digest_team where team_id = $1 returning team_id", team_id)
    return bool(changed)


async def written(tx: Tx, since: date) -> set[tuple[int, int | None, date]]:
    """Return (person id, team id, week) of the digests of weeks since a day."""
    rows = await tx.fetch(
        """
        select person_id, team_id, week
        from weekly_digest
        where week >= $1
        """,
        since,
    )
    return {(row["person_id"], row["team_id"], row["week"]) for row in rows}


async def insert(
    tx: Tx, person_id: int, team_id: int | None, week: date, content: dict[str, Any], now: datetime
) -> int | None:
    """Store a digest and return its id; None if this person has that of this week already."""
    number: int | None = await tx.value(
        """
        insert into weekly_digest (person_id, team_id, week, content, created_at)
        values ($1, $2, $3, $4, $5)
        on conflict do nothing
        returning id
        """,
        person_id,
        team_id,
        week,
        content,
        now,
    )
    return number


async def by_id(tx: Tx, ids: Sequence[int]) -> dict[int, StoredDigest]:
    """Return digests by id."""
    rows = await tx.fetch(
        """
        select id, person_id, team_id, week, content
        from weekly_digest
        where id = any($1::bigint[])
        """,
        list(ids),
    )
    return {row["id"]: StoredDigest(**dict(row)) for row in rows}


async def delete_old(tx: Tx, before: datetime, limit: int) -> int:
    """Delete digests of before an instant; return their number."""
    return await tx.changed(
        """
        delete from weekly_digest
        where id in (
            select id
            from weekly_digest
            where created_at < $1
            order by created_at
            limit $2
        )
        """,
        before,
        limit,
    )


count_old = count_rows(
    """
    select
    from weekly_digest
    where created_at < $1
    limit $2
    """
)

RETENTIONS = (
    Retention(
        "weekly_digest",
        DIGEST_DAYS,
        by_index(delete_old),
        label="Weekly digests that were sent",
        count=count_old,
    ),
)
