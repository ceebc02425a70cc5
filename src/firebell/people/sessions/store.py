"""The SQL of browser sessions."""

from datetime import datetime

from firebell.kit.db.database import Reads, Row, Tx
from firebell.people.model import Person, Session
from firebell.people.store import to_person

_PRUNED_AT_ONCE = 1000


def _session(row: Row, id_column: str) -> Session:
    return Session(
        id=row[id_column],
        user_agent=row["user_agent"],
        address=row["address"],
        created_at=row["created_at"],
        last_used_at=row["last_used_at"],
        expires_at=row["expires_at"],
    )


async def insert_session(
    tx: Tx,
    token_hash: bytes,
    person: Person,
    session: Session,
    csrf: str,
    password_hash: str | None,
) -> bool:
    """Store a session only while its person is active and `password_hash`, when given, is still the current one.

    The share lock makes a concurrent change of password or departure wait, and end this session too.
    """
    inserted = await tx.value(
        """
        with verified as (
            select id
            from person
            where id = $2 and active and ($9::text is null or password_hash = $9)
            for share
        )
        insert into session
            (token_hash, person_id, csrf, created_at, last_used_at, expires_at, user_agent, address)
        select $1, verified.id, $3, $4, $5, $6, $7, $8
        from verified
        returning id
        """,
        token_hash,
        person.id,
        csrf,
        session.created_at,
        session.last_used_at,
        session.expires_at,
        session.user_agent,
        session.address,
        password_hash,
    )
    return inserted is not None


async def session(tx: Reads, token_hash: bytes, now: datetime) -> tuple[Person, str, Session] | None:
    """Return who is signed in with a token, their CSRF value and the session; None when it has ended."""
    row = await tx.row(
        """
        select
            person.id,
            person.name,
            person.email,
            person.role,
            person.tz,
            person.theme,
            person.active,
            session.csrf,
            session.id as session_id,
            session.user_agent,
            session.address,
            session.created_at,
            session.last_used_at,
            session.expires_at
        from session
        join person on person.id = session.person_id and person.active
        where session.token_hash = $1 and session.expires_at > $2
        """,
        token_hash,
        now,
    )
    if row is None:
        return None
    return to_person(row), row["csrf"], _session(row, "session_id")


async def touch_session(tx: Tx, session_id: int, address: str, expires_at: datetime, now: datetime) -> None:
    """Record that a session was used; a session that has ended stays ended."""
    await tx.execute(
        """
        update session
        set last_used_at = $3, expires_at = $4, address = $2
        where id = $1 and expires_at > $3
        """,
        session_id,
        address,
        now,
        expires_at,
    )


async def sessions(tx: Reads, person_id: int, now: datetime) -> list[Session]:
    """Return the person's sessions, most recently used first."""
    rows = await tx.fetch(
        """
        select id, user_agent, address, created_at, last_used_at, expires_at
        from session
        where person_id = $1 and expires_at > $2
        order by last_used_at desc, id desc
        """,
        person_id,
        now,
    )
    return [_session(row, "id") for row in rows]


async def delete_session(tx: Tx, person_id: int, session_id: int) -> bool:
    """End one session of the person; return True if there was one."""
    deleted = await tx.changed(
        """
        delete from session
        where id = $1 and person_id = $2
        """,
        session_id,
        person_id,
    )
    return deleted == 1


async def delete_sessions(tx: Tx, person_id: int, keep: int | None = None) -> int:
    """End every session of the person but `keep`; return how many that were."""
    return await tx.changed(
        """
        delete from session
        where person_id = $1 and id is distinct from $2::bigint
        """,
        person_id,
        keep,
    )


async def prune_sessions(tx: Tx, now: datetime) -> None:
    """Delete sessions that have expired, a bounded number at a time."""
    await tx.execute(
        """
        delete from session
        where id in (
            select id
            from session
            where expires_at <= $1
            order by expires_at
            limit $2
            for update skip locked
        )
        """,
        now,
        _PRUNED_AT_ONCE,
    )


async def sign_in_addresses(tx: Reads, now: datetime) -> list[tuple[str, int, int]]:
    """Return (address, sessions, people) of every address with a session, most used first."""
    rows = await tx.fetch(
        """
        select address, count(*) as sessions, count(distinct person_id) as people
        from session
        where expires_at > $1 and address <> ''
        group by address
        order by sessions desc, address
        """,
        now,
    )
    return [(row["address"], row["sessions"], row["people"]) for row in rows]
