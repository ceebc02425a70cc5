"""The SQL of saved views."""

from datetime import datetime

from firebell.incidents.model import SavedView
from firebell.kit.db.database import Row, Tx

_COLUMNS = "id, owner_id, name, query, shared"


def _saved_view(row: Row) -> SavedView:
    return SavedView(**dict(row))


async def visible(tx: Tx, person_id: int) -> list[SavedView]:
    """Return a person's own views and the shared ones of others, by name."""
    rows = await tx.fetch(
        f"""
        select {_COLUMNS}
        from saved_view
        where owner_id = $1
            or shared
        order by lower(name), id
        """,
        person_id,
    )
    return [_saved_view(row) for row in rows]


async def lock(tx: Tx, view_id: int) -> SavedView | None:
    """Lock and return a view."""
    row = await tx.row(
        f"""
        select {_COLUMNS}
        from saved_view
        where id = $1
        for update
        """,
        view_id,
    )
    return _saved_view(row) if row else None


async def owned(tx: Tx, person_id: int) -> int:
    """Return how many views a person owns."""
    number: int = await tx.value("select count(*) from saved_view where owner_id = $1", person_id)
    return number


async def insert(
    tx: Tx, owner_id: int, name: str, query: str, shared: bool, now: datetime
) -> SavedView | None:
    """Insert a view; return None if its owner has one of that name."""
    row = await tx.row(
        f"""
        insert into saved_view (owner_id, name, query, shared, created_at)
        values ($1, $2, $3, $4, $5)
        on conflict (owner_id, lower(name)) do nothing
        returning {_COLUMNS}
        """,
        owner_id,
        name,
        query,
        shared,
        now,
    )
    return _saved_view(row) if row else None


async def delete(tx: Tx, view_id: int) -> None:
    """Delete a view."""
    await tx.execute("delete from saved_view where id = $1", view_id)
