"""The SQL of people, teams, contact methods and notification rules."""

from collections.abc import Sequence
from datetime import datetime

from firebell.kit.db.database import Reads, Row, Tx
from firebell.people.model import ContactMethod, Person, Rule, Team

_PERSON = "id, name, email, role, tz, theme, active"
_METHOD = (
    "id, person_id, kind, address, label, verified_at, disabled_at, suspect_since, unusable_since, exempt,"
    " replaces, test_at, test_result"
)
_METHOD_FIELDS = tuple(_METHOD.split(", "))
_TEAM = "id, name, slug"


def to_person(row: Row) -> Person:
    return Person(
        id=row["id"],
        name=row["name"],
        email=row["email"],
        role=row["role"],
        tz=row["tz"],
        theme=row["theme"],
        active=row["active"],
    )


def _team(row: Row) -> Team:
    return Team(id=row["id"], name=row["name"], slug=row["slug"])


def to_method(row: Row) -> ContactMethod:
    return ContactMethod(**{name: row[name] for name in _METHOD_FIELDS})


async def insert_person(
    tx: Tx, name: str, email: str, role: str, tz: str, password_hash: str | None, now: datetime
) -> Person | None:
    """Insert and return a person, or None if the email is taken."""
    row = await tx.row(
        f"""
        insert into person (name, email, role, tz, password_hash, created_at)
        values ($1, $2, $3, $4, $5, $6)
        on conflict (email) do nothing
        returning {_PERSON}
        """,
        name,
        email,
        role,
        tz,
        password_hash,
        now,
    )
    return to_person(row) if row else None


async def update_person(
    tx: Tx, person_id: int, *, name: str, role: str, tz: str, theme: str, active: bool
) -> None:
    await tx.execute(
        """
        update person
        set name = $2, role = $3, tz = $4, theme = $5, active = $6
        where id = $1
        """,
        person_id,
        name,
        role,
        tz,
        theme,
        active,
    )


async def note_left(tx: Tx, person_id: int, now: datetime) -> None:
    """Record that a person was deactivated at `now`."""
    await tx.execute("insert into person_gone (person_id, since) values ($1, $2)", person_id, now)


async def note_back(tx: Tx, person_id: int, now: datetime) -> None:
    """Record that a person was reactivated at `now`."""
    await tx.execute(
        """
        update person_gone
        set until = $2
        where person_id = $1 and until is null
        """,
        person_id,
        now,
    )


async def left_since(tx: Reads, person_id: int, since: datetime) -> bool:
    """Return True if the person is inactive, or was deactivated since `since`."""
    return bool(
        await tx.value(
            """
            select not person.active or exists (
                select
                from person_gone
                where person_gone.person_id = person.id and person_gone.since >= $2
            )
            from person
            where person.id = $1
            """,
            person_id,
            since,
        )
    )


async def lock_organisation(tx: Tx) -> None:
    """Serialize changes of admins, active people and fallback responders."""
    await tx.execute("lock table catch_all in share row exclusive mode")


async def lock_person(tx: Tx, person_id: int) -> None:
    """Serialize changes of a person's contact methods and notification rules."""
    await tx.fetch("select id from person where id = $1 for no key update", person_id)


async def set_password_hash(tx: Tx, person_id: int, password_hash: str) -> None:
    await tx.execute("update person set password_hash = $2 where id = $1", person_id, password_hash)


async def replace_password_hash(tx: Tx, person_id: int, old: str | None, new: str) -> bool:
    """Replace an active person's password hash `old`; return False if it is another one by now."""
    replaced = await tx.changed(
        """
        update person
        set password_hash = $3
        where id = $1 and active and password_hash is not distinct from $2
        """,
        person_id,
        old,
        new,
    )
    return replaced == 1


async def password_hash(tx: Tx, person_id: int) -> str | None:
    stored_hash: str | None = await tx.value("select password_hash from person where id = $1", person_id)
    return stored_hash


async def without_password(tx: Reads, ids: Sequence[int]) -> set[int]:
    """Return those of `ids` who have no password yet."""
    rows = await tx.fetch(
        """
        select id
        from person
        where password_hash is null and id = any($1::bigint[])
        """,
        list(ids),
    )
    return {row["id"] for row in rows}


async def has_people(tx: Reads) -> bool:
    """Return True if there is at least one person."""
    return bool(await tx.value("select exists (select from person)"))


async def people(tx: Reads) -> list[Person]:
    return [to_person(row) for row in await tx.fetch(f"select {_PERSON} from person order by name, id")]


async def people_by_id(tx: Reads, ids: Sequence[int]) -> dict[int, Person]:
    rows = await tx.fetch(f"select {_PERSON} from person where id = any($1::bigint[])", list(ids))
    return {row["id"]: to_person(row) for row in rows}


async def search(
    tx: Reads, query: str = "", *, active: bool = False, limit: int, offset: int = 0
) -> list[Person]:
    """Return people whose name or email contains `query`, sorted by name."""
    rows = await tx.fetch(
        f"""
        select {_PERSON}
        from person
        where (active or not $2)
          and (position(lower($1) in lower(name)) > 0 or position(lower($1) in email) > 0)
        order by name, id
        limit $3
        offset $4
        """,
        query.strip(),
        active,
        limit,
        offset,
    )
    return [to_person(row) for row in rows]


async def person_by_email(tx: Reads, email: str) -> Person | None:
    """Return the person with this email, even if deactivated."""
    row = await tx.row(f"select {_PERSON} from person where email = $1", email)
    return to_person(row) if row else None


async def credentials(tx: Tx, email: str) -> tuple[Person, str | None] | None:
    """Return the active person with this email and their password hash."""
    row = await tx.row(f"select {_PERSON}, password_hash from person where email = $1 and active", email)
    return (to_person(row), row["password_hash"]) if row else None


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


async def insert_method(
    tx: Tx,
    person_id: int,
    kind: str,
    address: str,
    label: str,
    now: datetime,
    signing_secret: bytes | None = None,
    replaces: int | None = None,
) -> ContactMethod | None:
    """Insert and return an unverified contact method, also if it was removed before; None if it is in use."""
    row = await tx.row(
        f"""
        insert into contact_method (person_id, kind, address, label, created_at, signing_secret, replaces)
        values ($1, $2, $3, $4, $5, $6, $7)
        on conflict (person_id, kind, address) do update
        set disabled_at = null, verified_at = null, suspect_since = null, unusable_since = null, exempt = false,
            created_at = excluded.created_at, label = excluded.label, replaces = excluded.replaces,
            test_at = null, test_result = null,
            signing_secret = excluded.signing_secret, previous_secret = null, previous_until = null
        where contact_method.disabled_at is not null
        returning {_METHOD}
        """,
        person_id,
        kind,
        address,
        label,
        now,
        signing_secret,
        replaces,
    )
    return to_method(row) if row else None


async def signing_secrets(
    tx: Reads, method_ids: Sequence[int], now: datetime
) -> dict[int, tuple[bytes, ...]]:
    """Return the signing secrets of each webhook: the current one, then the previous one while it is in force."""
    rows = await tx.fetch(
        """
        select
            id,
            signing_secret,
            case when previous_until > $2 then previous_secret end as previous_secret
        from contact_method
        where id = any($1::bigint[]) and signing_secret is not null
        """,
        list(method_ids),
        now,
    )
    return {
        row["id"]: tuple(s for s in (row["signing_secret"], row["previous_secret"]) if s is not None)
        for row in rows
    }


async def rotate_secret(tx: Tx, method_id: int, signing_secret: bytes, previous_until: datetime) -> None:
    await tx.execute(
        """
        update contact_method
        set previous_secret = signing_secret, previous_until = $3, signing_secret = $2
        where id = $1
        """,
        method_id,
        signing_secret,
        previous_until,
    )


async def methods(tx: Tx, person_ids: Sequence[int]) -> list[ContactMethod]:
    """Return the contact methods in use of these people, oldest first."""
    rows = await tx.fetch(
        f"""
        select {_METHOD}
        from contact_method
        where person_id = any($1::bigint[]) and disabled_at is null
        order by id
        """,
        list(person_ids),
    )
    return [to_method(row) for row in rows]


async def method(tx: Tx, method_id: int) -> ContactMethod | None:
    row = await tx.row(f"select {_METHOD} from contact_method where id = $1", method_id)
    return to_method(row) if row else None


async def disable_method(tx: Tx, method_id: int, now: datetime) -> None:
    await tx.execute("update contact_method set disabled_at = $2 where id = $1", method_id, now)
    await tx.execute("delete from notification_rule where method_id = $1", method_id)


async def add_rule(tx: Tx, person_id: int, urgency: str, delay_s: int, method_id: int) -> None:
    await tx.execute(
        """
        insert into notification_rule (person_id, urgency, delay_s, method_id)
        values ($1, $2, $3, $4)
        on conflict do nothing
        """,
        person_id,
        urgency,
        delay_s,
        method_id,
    )


async def clear_rules(tx: Tx, person_id: int, urgency: str) -> None:
    await tx.execute(
        "delete from notification_rule where person_id = $1 and urgency = $2", person_id, urgency
    )


async def rules(tx: Tx, person_ids: Sequence[int], urgency: str) -> dict[int, list[Rule]]:
    """Return the notification rules of each person over the methods in use, by delay."""
    rows = await tx.fetch(
        """
        select rule.delay_s, method.*
        from notification_rule rule
        join contact_method method on method.id = rule.method_id and method.disabled_at is null
        where rule.person_id = any($1::bigint[]) and rule.urgency = $2
        order by rule.delay_s, rule.id
        """,
        list(person_ids),
        urgency,
    )
    rules_by_person: dict[int, list[Rule]] = {person_id: [] for person_id in person_ids}
    for row in rows:
        rules_by_person[row["person_id"]].append(Rule(row["delay_s"], to_method(row)))
    return rules_by_person
