"""The SQL of links between items and issues, and of the notifications that were received."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from firebell.action_items.trackers.model import LinkState, SyncField, TrackerLink
from firebell.incidents import actions as incidents
from firebell.kit.db.database import Reads, Row, Tx
from firebell.kit.jobs.pruning import Retention, by_index
from firebell.kit.jobs.retention_store import count_rows

DELIVERIES_KEPT_DAYS = 7
_COLUMNS = (
    "l.id, l.item_id, l.tracker_id, l.state, l.marker, l.external_id, l.issue_key, l.url, l.snapshot,"
    " l.standoffs, l.left_out, l.is_changed, l.attempts, l.created_at, l.created_by, l.check_at, l.tried_at,"
    " l.synced_at, l.error, l.etag"
)
_CHANGEABLE = {
    *(
        "state",
        "marker",
        "external_id",
        "issue_key",
        "url",
        "snapshot",
        "standoffs",
        "left_out",
        "is_changed",
    ),
    *("attempts", "check_at", "tried_at", "synced_at", "error", "etag"),
}


def _link(row: Row) -> TrackerLink:
    return TrackerLink(
        **{
            **dict(row),
            "state": LinkState(row["state"]),
            "marker": str(row["marker"]),
            "snapshot": {SyncField(name): value for name, value in row["snapshot"].items()},
            "standoffs": {SyncField(name): tuple(pair) for name, pair in row["standoffs"].items()},
            "left_out": frozenset(SyncField(name) for name in row["left_out"]),
        }
    )


async def insert(
    tx: Tx, item_id: int, tracker_id: int, marker: UUID, external_id: str | None, by: str, now: datetime
) -> TrackerLink | None:
    """Insert a link and return it, None if the item has one with this tracker, or the issue has another."""
    row = await tx.row(
        f"""
        insert into tracker_link as l (
            item_id, tracker_id, state, marker, external_id, created_at, created_by, check_at
        )
        values ($1, $2, 'creating', $3, $4, $5, $6, $5)
        on conflict do nothing
        returning {_COLUMNS}
        """,
        item_id,
        tracker_id,
        marker,
        external_id,
        now,
        by,
    )
    return _link(row) if row else None


async def change(tx: Tx, link_id: int, **changes: Any) -> None:
    """Update the named columns of a link."""
    assert set(changes) <= _CHANGEABLE
    assignments = ", ".join(f"{name} = ${i}" for i, name in enumerate(changes, 2))
    await tx.execute(f"update tracker_link set {assignments} where id = $1", link_id, *changes.values())


async def delete(tx: Tx, link_id: int) -> None:
    """Delete a link; the issue stays."""
    await tx.execute("delete from tracker_link where id = $1", link_id)


async def lock(tx: Tx, link_id: int) -> TrackerLink | None:
    """Lock a link and return it, None if there is none."""
    row = await tx.row(f"select {_COLUMNS} from tracker_link l where l.id = $1 for update", link_id)
    return _link(row) if row else None


async def of_items(tx: Reads, item_ids: Sequence[int]) -> dict[int, list[TrackerLink]]:
    """Return the links of items that the caller may read, by item, in the order in which they were added."""
    rows = await tx.fetch(
        f"""
        select {_COLUMNS}
        from tracker_link l
        where l.item_id = any($1::bigint[])
        order by l.id
        """,
        list(item_ids),
    )
    links: dict[int, list[TrackerLink]] = {}
    for row in rows:
        links.setdefault(row["item_id"], []).append(_link(row))
    return links


async def of_issue(tx: Reads, tracker_id: int, external_id: str) -> TrackerLink | None:
    """Return the link of an issue, None if it has none."""
    row = await tx.row(
        f"""
        select {_COLUMNS}
        from tracker_link l
        where l.tracker_id = $1
            and l.external_id = $2
        """,
        tracker_id,
        external_id,
    )
    return _link(row) if row else None


async def of_tracker(tx: Reads, tracker_id: int, limit: int, before: int | None = None) -> list[TrackerLink]:
    """Return links of a tracker whose items may be read, newest first."""
    rows = await tx.fetch(
        f"""
        select {_COLUMNS}
        from tracker_link l
        join action_item i on i.id = l.item_id
        where l.tracker_id = $1
            and ($3::bigint is null or l.id < $3)
            and (i.incident_id is null or i.incident_id <> all($4::bigint[]))
        order by l.id desc
        limit $2
        """,
        tracker_id,
        limit,
        before,
        await incidents.hidden_ids(tx),
    )
    return [_link(row) for row in rows]


async def troubled(tx: Reads, tracker_id: int, limit: int) -> list[TrackerLink]:
    """Return links of a tracker with a problem whose items may be read, the one tried last first."""
    rows = await tx.fetch(
        f"""
        select {_COLUMNS}
        from tracker_link l
        join action_item i on i.id = l.item_id
        where l.tracker_id = $1
            and (l.state in ('gone', 'error') or l.error <> '')
            and (i.incident_id is null or i.incident_id <> all($3::bigint[]))
        order by l.tried_at desc nulls last, l.id
        limit $2
        """,
        tracker_id,
        limit,
        await incidents.hidden_ids(tx),
    )
    return [_link(row) for row in rows]


async def counts(tx: Reads) -> dict[int, Mapping[LinkState, int]]:
    """Return the number of links whose items may be read, by tracker and state."""
    rows = await tx.fetch(
        """
        select l.tracker_id, l.state, count(*) links
        from tracker_link l
        join action_item i on i.id = l.item_id
        where i.incident_id is null or i.incident_id <> all($1::bigint[])
        group by l.tracker_id, l.state
        """,
        await incidents.hidden_ids(tx),
    )
    by_tracker: dict[int, dict[LinkState, int]] = {}
    for row in rows:
        by_tracker.setdefault(row["tracker_id"], {})[LinkState(row["state"])] = row["links"]
    return dict(by_tracker)


async def next_due(tx: Reads, tracker_id: int, now: datetime) -> TrackerLink | None:
    """Return the link to look at now: what changed here goes before what is only looked at."""
    row = await tx.row(
        f"""
        select {_COLUMNS}
        from tracker_link l
        where l.tracker_id = $1
            and l.state <> 'gone'
            and l.check_at <= $2
        order by l.is_changed desc, l.check_at, l.id
        limit 1
        """,
        tracker_id,
        now,
    )
    return _link(row) if row else None


async def mark_changed(tx: Tx, item_id: int, except_tracker_id: int | None, now: datetime) -> int:
    """Look at the links of an item that changed here, except where the change comes from; return their number."""
    return await tx.changed(
        """
        update tracker_link
        set is_changed = true, check_at = least(check_at, $3)
        where item_id = $1
            and ($2::bigint is null or tracker_id <> $2)
            and state <> 'gone'
        """,
        item_id,
        except_tracker_id,
        now,
    )


async def mark_remote(tx: Tx, tracker_id: int, external_ids: Sequence[str], now: datetime) -> int:
    """Look at the links of issues that changed there; return their number."""
    return await tx.changed(
        """
        update tracker_link
        set check_at = least(check_at, $3)
        where tracker_id = $1
            and external_id = any($2::text[])
            and state <> 'gone'
        """,
        tracker_id,
        list(external_ids),
        now,
    )


async def mark_all(tx: Tx, tracker_id: int, now: datetime, *, afresh: bool = True) -> None:
    """Look at all links of a tracker; `afresh` reads also the issues that did not change there."""
    await tx.execute(
        """
        update tracker_link
        set check_at = least(check_at, $2),
            etag = case when $3 then '' else etag end
        where tracker_id = $1
            and state <> 'gone'
        """,
        tracker_id,
        now,
        afresh,
    )


async def clear_standoffs(tx: Tx, tracker_id: int, field: SyncField) -> None:
    """Forget that a field was refused, in all links of a tracker, so that the next sync tries it again."""
    await tx.execute(
        """
        update tracker_link
        set standoffs = standoffs - $2
        where tracker_id = $1
            and standoffs ? $2
            and state <> 'gone'
        """,
        tracker_id,
        str(field),
    )


async def add_delivery(tx: Tx, tracker_id: int, delivery_id: str, now: datetime) -> bool:
    """Store the id of a notification; return False if it was received before."""
    return bool(
        await tx.changed(
            """
            insert into tracker_hook_delivery (tracker_id, delivery_id, at)
            values ($1, $2, $3)
            on conflict do nothing
            """,
            tracker_id,
            delivery_id,
            now,
        )
    )


async def delete_deliveries(tx: Tx, before: datetime, limit: int) -> int:
    """Delete ids of notifications that were received before an instant."""
    return await tx.changed(
        """
        delete from tracker_hook_delivery
        where (tracker_id, delivery_id) in (
            select tracker_id, delivery_id
            from tracker_hook_delivery
            where at < $1
            order by at
            limit $2
        )
        """,
        before,
        limit,
    )


count_deliveries = count_rows(
    """
    select
    from tracker_hook_delivery
    where at < $1
    limit $2
    """
)


RETENTIONS = (
    Retention(
        "tracker_hook_delivery",
        DELIVERIES_KEPT_DAYS,
        by_index(delete_deliveries),
        label="Received notifications of trackers",
        count=count_deliveries,
    ),
)
