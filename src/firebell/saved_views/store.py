"""The SQL of saved views."""

from collections.abc import Sequence
from datetime import datetime

from firebell.kit.db.database import Row, Tx
from firebell.saved_views.model import ListName, SavedView

_COLUMNS = "id, owner_id, list as list_name, name, query, shared, position"


def _saved_view(row: Row) -> SavedView:
    return SavedView(**{**dict(row), "list_name": ListName(row["list_name"])})


async def visible(tx: Tx, person_id: int, list_name: ListName) -> list[SavedView]:
    """Return a person's own views of a list in their order, then the shared ones of others by name."""
    rows = await tx.fetch(
        f"""
        select {_COLUMNS}
        from saved_view
        where list = $2
            and (owner_id = $1 or shared)
        order by owner_id <> $1, case when owner_id = $1 then position end, lower(name), id
        """,
        person_id,
        list_name,
    )
    return [_saved_view(row) for row in rows]


async def view(tx: Tx, view_id: int) -> SavedView | None:
    """Return a view."""
    row = await tx.row(
        f"""
        select {_COLUMNS}
        from saved_view
        where id = $1
        """,
        view_id,
    )
    return _saved_view(row) if row else None


async def lock_of_owner(tx: Tx, person_id: int, list_name: ListName) -> list[SavedView]:
    """Return the views of a list that a person owns, in their order; one transaction at a time changes them."""
    # before they are read, because another transaction may change their number and their order
    await tx.execute("select pg_advisory_xact_lock(hashtextextended('saved_view', $1))", person_id)
    rows = await tx.fetch(
        f"""
        select {_COLUMNS}
        from saved_view
        where owner_id = $1
            and list = $2
        order by position
        """,
        person_id,
        list_name,
    )
    return [_saved_view(row) for row in rows]


async def insert(
    tx: Tx, owner_id: int, list_name: ListName, name: str, query: str, shared: bool, now: datetime
) -> SavedView | None:
    """Insert a view as the last one of its owner; return None if they have one of that name."""
    row = await tx.row(
        f"""
        insert into saved_view (owner_id, list, name, query, shared, created_at, position)
        select $1, $2, $3, $4, $5, $6, coalesce(max(position), 0) + 1
        from saved_view
        where owner_id = $1
            and list = $2
        on conflict (owner_id, list, lower(name)) do nothing
        returning {_COLUMNS}
        """,
        owner_id,
        list_name,
        name,
        query,
        shared,
        now,
    )
    return _saved_view(row) if row else None


async def is_name_taken(tx: Tx, view: SavedView, name: str) -> bool:
    """Return True if another view of the same owner and list has this name."""
    taken: bool = await tx.value(
        """
        select exists (
            select
            from saved_view
            where owner_id = $1
                and list = $2
                and lower(name) = lower($3)
                and id <> $4
        )
        """,
        view.owner_id,
        view.list_name,
        name,
        view.id,
    )
    return taken


async def rename(tx: Tx, view_id: int, name: str) -> None:
    """Rename a view."""
    await tx.execute(
        """
        update saved_view
        set name = $2
        where id = $1
        """,
        view_id,
        name,
    )


async def reorder(tx: Tx, ids: Sequence[int]) -> None:
    """Store the order of views."""
    await tx.execute(
        """
        update saved_view
        set position = ordered.position
        from unnest($1::bigint[]) with ordinality as ordered (id, position)
        where saved_view.id = ordered.id
        """,
        list(ids),
    )


async def delete(tx: Tx, view_id: int) -> None:
    """Delete a view."""
    await tx.execute("delete from saved_view where id = $1", view_id)
