"""The SQL of action items and of their events."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from firebell.action_items.model import (
    UNFINISHED,
    ActionItem,
    EscalatedTo,
    EvidenceKind,
    ItemEvent,
    ItemEvidence,
    ItemKind,
    ItemState,
    Priority,
    Strength,
)
from firebell.incidents import actions as incidents
from firebell.kit.db.arrays import transpose
from firebell.kit.db.database import Reads, Row, Tx

COLUMNS = (
    "id, incident_id, postmortem_id, task_id, title, detail, kind, strength, priority, owner_id, is_accepted,"
    " proposed_at, team_id, due, state, duplicate_of, blocked_reason, moved, evidence, source_quote, created_at,"
    " created_by, changed_at, done_at, done_on, dropped_reason, risk_accepted_by, escalated_to, escalated_at,"
    " reminded_until, version"
)
_CHANGEABLE = {
    *("title", "detail", "kind", "strength", "priority", "owner_id", "is_accepted", "proposed_at", "team_id"),
    *(
        "due",
        "state",
        "duplicate_of",
        "blocked_reason",
        "moved",
        "evidence",
        "changed_at",
        "done_at",
        "done_on",
    ),
    *("dropped_reason", "risk_accepted_by", "escalated_to", "escalated_at", "reminded_until", "incident_id"),
}


def item_from_row(row: Row) -> ActionItem:
    """Return the item of a row with `COLUMNS`."""
    values = dict(row)
    evidence = [
        ItemEvidence(EvidenceKind(one["kind"]), one["url"], one.get("label", "")) for one in row["evidence"]
    ]
    return ActionItem(
        **{
            **values,
            "kind": ItemKind(row["kind"]),
            "strength": Strength(row["strength"]),
            "priority": Priority(row["priority"]),
            "state": ItemState(row["state"]),
            "escalated_to": EscalatedTo(row["escalated_to"]),
            "evidence": tuple(evidence),
        }
    )


def evidence_json(evidence: Sequence[ItemEvidence]) -> list[dict[str, str]]:
    """Return evidence as it is stored."""
    return [{"kind": str(one.kind), "url": one.url, "label": one.label} for one in evidence]


async def insert(tx: Tx, values: dict[str, Any]) -> ActionItem:
    """Insert an open item with the named columns and return it."""
    names = list(values)
    placeholders = ", ".join(f"${number}" for number in range(1, len(names) + 1))
    row = await tx.row(
        f"""
        insert into action_item ({", ".join(names)})
        values ({placeholders})
        returning {COLUMNS}
        """,
        *values.values(),
    )
    assert row
    return item_from_row(row)


async def change(tx: Tx, item_id: int, **changes: Any) -> ActionItem:
    """Update the named columns, raise the version, and return the item."""
    assert set(changes) <= _CHANGEABLE
    assignments = "".join(f", {name} = ${number}" for number, name in enumerate(changes, 2))
    row = await tx.row(
        f"""
        update action_item
        set version = version + 1{assignments}
        where id = $1
        returning {COLUMNS}
        """,
        item_id,
        *changes.values(),
    )
    assert row
    return item_from_row(row)


async def lock(tx: Tx, ids: Sequence[int]) -> dict[int, ActionItem]:
    """Lock items in the order of their ids and return those that exist and may be read."""
    rows = await tx.fetch(
        f"""
        select {COLUMNS}
        from action_item
        where id = any($1::bigint[])
            and (incident_id is null or incident_id <> all($2::bigint[]))
        order by id
        for update
        """,
        list(ids),
        await incidents.hidden_ids(tx),
    )
    return {row["id"]: item_from_row(row) for row in rows}


async def lock_free(tx: Tx, ids: Sequence[int]) -> list[ActionItem]:
    """Lock and return those of these items that no one else has locked."""
    rows = await tx.fetch(
        f"""
        select {COLUMNS}
        from action_item
        where id = any($1::bigint[])
        order by id
        for update skip locked
        """,
        list(ids),
    )
    return [item_from_row(row) for row in rows]


async def existing_ids(tx: Reads, ids: Sequence[int]) -> set[int]:
    """Return those of these ids that are items."""
    rows = await tx.fetch("select id from action_item where id = any($1::bigint[])", list(ids))
    return {row["id"] for row in rows}


async def by_id(tx: Reads, ids: Sequence[int]) -> dict[int, ActionItem]:
    """Return those of these items that exist and may be read, by id."""
    rows = await tx.fetch(
        f"""
        select {COLUMNS}
        from action_item
        where id = any($1::bigint[])
            and (incident_id is null or incident_id <> all($2::bigint[]))
        order by id
        """,
        list(ids),
        await incidents.hidden_ids(tx),
    )
    return {row["id"]: item_from_row(row) for row in rows}


async def of_incidents(tx: Reads, incident_ids: Sequence[int]) -> dict[int, list[ActionItem]]:
    """Return the items of incidents that the caller may read, in the order of their ids."""
    rows = await tx.fetch(
        f"""
        select {COLUMNS}
        from action_item
        where incident_id = any($1::bigint[])
        order by id
        """,
        list(incident_ids),
    )
    items: dict[int, list[ActionItem]] = {}
    for row in rows:
        items.setdefault(row["incident_id"], []).append(item_from_row(row))
    return items


async def of_task(tx: Tx, task_id: int) -> ActionItem | None:
    """Return the item that was created from a task, None if there is none."""
    row = await tx.row(f"select {COLUMNS} from action_item where task_id = $1", task_id)
    return item_from_row(row) if row else None


async def unfinished_of_owner(tx: Tx, person_id: int) -> list[int]:
    """Return the ids of the unfinished items of an owner."""
    rows = await tx.fetch(
        """
        select id
        from action_item
        where owner_id = $1
            and state = any($2::text[])
        order by id
        """,
        person_id,
        list(UNFINISHED),
    )
    return [row["id"] for row in rows]


async def originals(tx: Reads, item_id: int) -> dict[int, int]:
    """Return the duplicates that lead from an item to the last original, as item to original."""
    rows = await tx.fetch(
        """
        with recursive step as (
            select id, duplicate_of
            from action_item
            where id = $1
                and duplicate_of is not null
            union
            select following.id, following.duplicate_of
            from step
            join action_item following on following.id = step.duplicate_of
            where following.duplicate_of is not null
        )
        select id, duplicate_of
        from step
        """,
        item_id,
    )
    return {row["id"]: row["duplicate_of"] for row in rows}


async def move_to_incident(tx: Tx, incident_id: int, into_id: int) -> None:
    """Move the items of an incident to the one that it was merged into."""
    await tx.execute(
        """
        update action_item
        set incident_id = $2,
            version = version + 1
        where incident_id = $1
        """,
        incident_id,
        into_id,
    )


async def add_events(tx: Tx, item_id: int, events: Sequence[ItemEvent]) -> None:
    """Append events to the history of an item that is locked."""
    if not events:
        return
    await tx.execute(
        """
        insert into action_event (item_id, seq, at, by, field, old, new, note, via, is_conflict)
        select
            $1,
            (select coalesce(max(seq), 0) from action_event where item_id = $1) + number,
            at, by, field, old, new, note, via, is_conflict
        from unnest(
            $2::timestamptz[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::boolean[]
        )
            with ordinality as added (at, by, field, old, new, note, via, is_conflict, number)
        """,
        item_id,
        *transpose([(e.at, e.by, e.field, e.old, e.new, e.note, e.via, e.is_conflict) for e in events], 8),
    )


async def events(tx: Reads, item_id: int) -> list[ItemEvent]:
    """Return the history of an item, earliest first."""
    rows = await tx.fetch(
        """
        select item_id, seq, at, by, field, old, new, note, via, is_conflict
        from action_event
        where item_id = $1
        order by seq
        """,
        item_id,
    )
    return [ItemEvent(**dict(row)) for row in rows]


async def conflicts(tx: Reads, item_ids: Sequence[int], since: datetime) -> dict[int, list[ItemEvent]]:
    """Return the conflicts of items with trackers since an instant, by item, earliest first."""
    rows = await tx.fetch(
        """
        select item_id, seq, at, by, field, old, new, note, via, is_conflict
        from action_event
        where item_id = any($1::bigint[])
            and is_conflict
            and at >= $2
        order by item_id, seq
        """,
        list(item_ids),
        since,
    )
    events: dict[int, list[ItemEvent]] = {}
    for row in rows:
        events.setdefault(row["item_id"], []).append(ItemEvent(**dict(row)))
    return events


async def due_between(tx: Reads, start: date, end: date, team_ids: Sequence[int] = ()) -> list[ActionItem]:
    """Return the items that are due in `[start, end)` and may be read, also finished ones."""
    rows = await tx.fetch(
        f"""
        select {COLUMNS}
        from action_item
        where due >= $1
            and due < $2
            and (incident_id is null or incident_id <> all($3::bigint[]))
            and (cardinality($4::bigint[]) = 0 or team_id = any($4::bigint[]))
        """,
        start,
        end,
        await incidents.hidden_ids(tx),
        list(team_ids),
    )
    return [item_from_row(row) for row in rows]


async def ages(tx: Reads, now: datetime, team_ids: Sequence[int] = ()) -> list[int]:
    """Return the number of unfinished items by age: up to 7, 30 and 90 days, and older."""
    rows = await tx.fetch(
        """
        select width_bucket(extract(epoch from $1::timestamptz - created_at) / 86400.0, array[0, 8, 31, 91]) band,
            count(*) items
        from action_item
        where state in ('open', 'in_progress')
            and (incident_id is null or incident_id <> all($2::bigint[]))
            and (cardinality($3::bigint[]) = 0 or team_id = any($3::bigint[]))
        group by band
        """,
        now,
        await incidents.hidden_ids(tx),
        list(team_ids),
    )
    counts = {row["band"]: row["items"] for row in rows}
    return [counts.get(1, 0) + counts.get(0, 0), counts.get(2, 0), counts.get(3, 0), counts.get(4, 0)]
