"""The SQL of teams, their members, and fallback responders."""

from collections.abc import Sequence
from datetime import datetime

from firebell.kit.db.database import Reads, Row, Tx
from firebell.people.model import Team

_TEAM = "id, name, slug"


def _team(row: Row) -> Team:
    return Team(id=row["id"], name=row["name"], slug=row["slug"])


async def insert_team(tx: Tx, name: str, slug: str, now: datetime) -> Team | None:
    row = await tx.row(
        f"""
        insert into team (name, slug, created_at)
        values ($1, $2, $3)
        on conflict (slug) do nothing
        returning {_TEAM}
        """,
        name,
        slug,
        now,
    )
    return _team(row) if row else None


async def teams(tx: Reads) -> list[Team]:
    return [_team(row) for row in await tx.fetch(f"select {_TEAM} from team order by name, id")]


async def team_by_slug(tx: Reads, slug: str) -> Team | None:
    row = await tx.row(f"select {_TEAM} from team where slug = $1", slug)
    return _team(row) if row else None


async def lock_team(tx: Tx, team_id: int) -> bool:
    """Serialize changes of a team; return False if there is no such team."""
    return bool(await tx.fetch("select id from team where id = $1 for no key update", team_id))


async def set_members(tx: Tx, team_id: int, members: Sequence[tuple[int, str]]) -> None:
    await tx.execute("delete from team_member where team_id = $1", team_id)
    await tx.many(
        "insert into team_member (team_id, person_id, role) values ($1, $2, $3)",
        [(team_id, person, role) for person, role in members],
    )


async def team_members(tx: Reads, team_id: int) -> list[tuple[int, str]]:
    """Return (person id, role) of the active members."""
    rows = await tx.fetch(
        """
        select member.person_id, member.role
        from team_member member
        join person on person.id = member.person_id and person.active
        where member.team_id = $1
        order by member.person_id
        """,
        team_id,
    )
    return [(row["person_id"], row["role"]) for row in rows]


async def team_roles(tx: Tx, team_id: int) -> list[tuple[int, str]]:
    """Return (person id, member|manager) of everyone in a team."""
    rows = await tx.fetch(
        """
        select person_id, role
        from team_member
        where team_id = $1
        order by person_id
        """,
        team_id,
    )
    return [(row["person_id"], row["role"]) for row in rows]


async def members(tx: Reads, team_ids: Sequence[int]) -> dict[int, list[tuple[int, str]]]:
    """Return (person id, role) of the active members of each team."""
    rows = await tx.fetch(
        """
        select member.team_id, member.person_id, member.role
        from team_member member
        join person on person.id = member.person_id and person.active
        where member.team_id = any($1::bigint[])
        order by member.person_id
        """,
        list(team_ids),
    )
    members_by_team: dict[int, list[tuple[int, str]]] = {team_id: [] for team_id in team_ids}
    for row in rows:
        members_by_team[row["team_id"]].append((row["person_id"], row["role"]))
    return members_by_team


async def colleagues(tx: Reads, person_id: int) -> list[int]:
    """Return the ids of everyone who shares a team with the person, themselves included."""
    rows = await tx.fetch(
        """
        select distinct member.person_id
        from team_member member
        join team_member own on own.team_id = member.team_id and own.person_id = $1
        order by member.person_id
        """,
        person_id,
    )
    return [row["person_id"] for row in rows]


async def team_ids_of(tx: Reads, person_id: int) -> list[int]:
    """Return the teams that a person is a member of."""
    rows = await tx.fetch(
        """
        select team_id
        from team_member
        where person_id = $1
        order by team_id
        """,
        person_id,
    )
    return [row["team_id"] for row in rows]


async def fallback_responders(tx: Reads) -> list[int]:
    rows = await tx.fetch(
        """
        select catch_all.person_id
        from catch_all
        join person on person.id = catch_all.person_id and person.active
        order by catch_all.person_id
        """
    )
    return [row["person_id"] for row in rows]


async def set_fallback_responders(tx: Tx, ids: Sequence[int]) -> None:
    await tx.execute("delete from catch_all")
    await tx.many("insert into catch_all (person_id) values ($1)", [(i,) for i in ids])
