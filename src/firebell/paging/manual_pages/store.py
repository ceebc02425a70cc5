"""The SQL of pages that people start by hand."""

from collections.abc import Sequence
from datetime import datetime

from firebell.kit.db.database import Row, Tx
from firebell.paging.model import ManualPage, ManualTarget, ManualTargetKind

_COLUMNS = "id, page_id, actor, actor_id, target_kind, target_id, target_name, text, is_private"


def _manual_page(row: Row) -> ManualPage:
    values = dict(row)
    return ManualPage(**{**values, "target_kind": ManualTargetKind(values["target_kind"])})


async def insert(
    tx: Tx,
    *,
    actor: str,
    actor_id: int | None,
    target: ManualTarget,
    target_name: str,
    text: str,
    key: str | None,
    now: datetime,
    incident_id: int | None = None,
) -> int | None:
    """Insert a manual page and return its id; None if the actor used the key before.

    A concurrent request with the same key waits here until this transaction ends.
    """
    inserted: int | None = await tx.value(
        """
        insert into manual_page (
            actor, actor_id, target_kind, target_id, target_name, text, idempotency_key, created_at, incident_id
        )
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        on conflict (actor_id, idempotency_key) do nothing
        returning id
        """,
        actor,
        actor_id,
        target.kind,
        target.id,
        target_name,
        text,
        key,
        now,
        incident_id,
    )
    return inserted


async def set_page(tx: Tx, manual_page_id: int, page_id: int) -> None:
    """Store which page a manual page started."""
    await tx.execute("update manual_page set page_id = $2 where id = $1", manual_page_id, page_id)


async def by_key(tx: Tx, actor_id: int, key: str) -> ManualPage | None:
    """Return the manual page that the actor started with this idempotency key."""
    row = await tx.row(
        f"""
        select {_COLUMNS}
        from manual_page
        where actor_id = $1
            and idempotency_key = $2
        """,
        actor_id,
        key,
    )
    return _manual_page(row) if row else None


async def started_since(tx: Tx, actor_id: int, since: datetime) -> int:
    """Return how many pages the actor started by hand after an instant."""
    started: int = await tx.value(
        """
        select count(*)
        from manual_page
        where actor_id = $1
            and created_at > $2
        """,
        actor_id,
        since,
    )
    return started


async def open_test_page(tx: Tx, person_id: int, since: datetime) -> int | None:
    """Return the open page with which a person tested their notification rules after an instant."""
    page_id: int | None = await tx.value(
        """
        select page.id
        from manual_page
        join page on page.id = manual_page.page_id
        where manual_page.actor_id = $1
            and manual_page.created_at > $2
            and manual_page.target_kind = 'person'
            and manual_page.target_id = $1
            and page.plan ? 'is_drill'
            and page.state not in ('resolved', 'merged')
        order by page.id desc
        limit 1
        """,
        person_id,
        since,
    )
    return page_id


async def of_pages(tx: Tx, page_ids: Sequence[int]) -> dict[int, ManualPage]:
    """Return the manual pages among these, by page; pages of alerts and incidents are absent."""
    if not page_ids:
        return {}
    rows = await tx.fetch(
        f"""
        select {_COLUMNS}
        from manual_page
        where page_id = any($1::bigint[])
        """,
        list(page_ids),
    )
    return {row["page_id"]: _manual_page(row) for row in rows}


async def set_private(tx: Tx, page_ids: Sequence[int], private: bool) -> None:
    """Store whether manual pages are about a private incident."""
    await tx.execute(
        """
        update manual_page
        set is_private = $2
        where page_id = any($1::bigint[])
        """,
        list(page_ids),
        private,
    )


async def rewrite_first_entry(tx: Tx, page_id: int, text: str) -> None:
    """Replace what the log of a page says about its start."""
    await tx.execute(
        """
        update page_log
        set text = $2
        where page_id = $1
            and kind = 'triggered'
        """,
        page_id,
        text,
    )
