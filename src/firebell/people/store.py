"""The SQL of people and their passwords."""

from collections.abc import Sequence
from datetime import datetime

from firebell.kit.db.database import Reads, Row, Tx
from firebell.kit.localtime import known_zone
from firebell.people.model import Person

_PERSON = "id, name, email, role, tz, theme, active"


def to_person(row: Row) -> Person:
    """Return the person of a row, with a zone that the tz database has: pages must not fail to be written."""
    return Person(
        id=row["id"],
        name=row["name"],
        email=row["email"],
        role=row["role"],
        tz=known_zone(row["tz"]),
        theme=row["theme"],
        active=row["active"],
    )


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


async def lock_organization(tx: Tx) -> None:
    """Serialize changes of admins, active people and fallback responders."""
    await tx.execute("lock table catch_all in share row exclusive mode")


async def lock_person(tx: Tx, person_id: int) -> None:
    """Serialize changes of a person's contact methods and notification rules."""
    await tx.fetch("select id from person where id = $1 for no key update", person_id)


async def hold_active(tx: Tx, person_id: int) -> bool:
    """Return True if a person is active; their deactivation then waits for the end of this transaction."""
    return await tx.value("select active from person where id = $1 for share", person_id) is True


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
