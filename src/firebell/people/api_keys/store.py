"""The SQL of API keys."""

from datetime import datetime

from firebell.kit.db.database import Reads, Row, Tx
from firebell.people.model import ApiKey, Person
from firebell.people.store import to_person

_KEY = "id, name, prefix, scopes, person_id, created_at, last_used_at, revoked_at"


def _api_key(row: Row) -> ApiKey:
    return ApiKey(
        id=row["id"],
        name=row["name"],
        prefix=row["prefix"],
        scopes=tuple(row["scopes"]),
        person_id=row["person_id"],
        created_at=row["created_at"],
        last_used_at=row["last_used_at"],
        revoked_at=row["revoked_at"],
    )


async def insert_key(
    tx: Tx, name: str, prefix: str, key_hash: bytes, scopes: list[str], person_id: int, now: datetime
) -> ApiKey:
    row = await tx.row(
        f"""
        insert into api_key (name, prefix, key_hash, scopes, person_id, created_at)
        values ($1, $2, $3, $4, $5, $6)
        returning {_KEY}
        """,
        name,
        prefix,
        key_hash,
        scopes,
        person_id,
        now,
    )
    assert row
    return _api_key(row)


async def key(tx: Reads, key_hash: bytes) -> tuple[Person, ApiKey] | None:
    """Return the key in force with this hash and its active owner."""
    row = await tx.row(
        """
        select
            owner.id,
            owner.name,
            owner.email,
            owner.role,
            owner.tz,
            owner.theme,
            owner.active,
            api_key.id as key_id,
            api_key.name as key_name,
            api_key.prefix,
            api_key.scopes,
            api_key.created_at,
            api_key.last_used_at,
            api_key.revoked_at
        from api_key
        join person owner on owner.id = api_key.person_id and owner.active
        where api_key.key_hash = $1 and api_key.revoked_at is null
        """,
        key_hash,
    )
    if row is None:
        return None
    api_key = ApiKey(
        id=row["key_id"],
        name=row["key_name"],
        prefix=row["prefix"],
        scopes=tuple(row["scopes"]),
        person_id=row["id"],
        created_at=row["created_at"],
        last_used_at=row["last_used_at"],
        revoked_at=row["revoked_at"],
    )
    return to_person(row), api_key


async def touch_key(tx: Tx, key_id: int, now: datetime) -> None:
    """Record the use of a key."""
    await tx.execute("update api_key set last_used_at = $2 where id = $1", key_id, now)


async def keys(tx: Tx, person_id: int) -> list[ApiKey]:
    rows = await tx.fetch(f"select {_KEY} from api_key where person_id = $1 order by id desc", person_id)
    return [_api_key(row) for row in rows]


async def revoke_key(tx: Tx, key_id: int, person_id: int, now: datetime) -> str | None:
    """Revoke a key of the person and return its name; None if there is no such key in force."""
    name: str | None = await tx.value(
        """
        update api_key
        set revoked_at = $3
        where id = $1
            and person_id = $2
            and revoked_at is null
        returning name
        """,
        key_id,
        person_id,
        now,
    )
    return name


async def revoke_keys(tx: Tx, person_id: int, now: datetime) -> int:
    """Revoke every key of the person; return the number of keys that were in force."""
    return await tx.changed(
        """
        update api_key
        set revoked_at = $2
        where person_id = $1 and revoked_at is null
        """,
        person_id,
        now,
    )


async def restore_key(tx: Tx, key_id: int, revoked_at: datetime) -> bool:
    """Restore a key that was revoked at `revoked_at`; return False if its owner is not active."""
    changed = await tx.changed(
        """
        update api_key
        set revoked_at = null
        from person owner
        where api_key.id = $1
            and api_key.revoked_at = $2
            and owner.id = api_key.person_id
            and owner.active
        """,
        key_id,
        revoked_at,
    )
    return changed == 1
