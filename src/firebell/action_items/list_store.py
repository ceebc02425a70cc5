"""The SQL of lists of action items; each is restricted to what the reader may read."""

from collections.abc import Sequence
from datetime import date, datetime

from firebell.action_items.model import NAMED_AFTER, WEEK, ActionItem, DueFilter, ItemFilter
from firebell.action_items.store import COLUMNS, item_from_row
from firebell.incidents import actions as incidents
from firebell.kit.db.database import Reads
from firebell.kit.search_terms import parse

COUNTED = 1000
"""Number up to which a list is counted."""


class _Conditions:
    """The conditions of a list, with their values."""

    def __init__(self, wanted: ItemFilter, today: date, hidden_ids: Sequence[int]) -> None:
        self.values: list[object] = []
        self.parts = ["true"]
        if hidden_ids:
            hidden = self.add(list(hidden_ids))
            self.parts.append(f"(incident_id is null or incident_id <> all({hidden}::bigint[]))")
        if wanted.states:
            states = ", ".join(f"'{state}'" for state in wanted.states)
            self.parts.append(f"state in ({states})")
        for column in ("owner_id", "incident_id", "kind", "priority", "duplicate_of"):
            if (value := getattr(wanted, column)) is not None:
                self.parts.append(f"{column} = {self.add(value)}")
        if wanted.is_unowned is not None:
            self.parts.append("not is_accepted" if wanted.is_unowned else "is_accepted")
        if wanted.team_ids:
            self.parts.append(f"team_id = any({self.add(list(wanted.team_ids))}::bigint[])")
        if wanted.done_since is not None:
            self.parts.append(f"done_on >= {self.add(wanted.done_since)}")
        if wanted.text:
            query = self.add(parse(wanted.text).tsquery)
            self.parts.append(f"search_vector(title || ' ' || detail) @@ to_tsquery('simple', {query})")
        match wanted.due:
            case DueFilter.OVERDUE:
                self.parts.append(f"due < {self.add(today)}")
            case DueFilter.WEEK:
                first, last = self.add(today), self.add(today + WEEK)
                self.parts.append(f"due between {first} and {last}")
            case DueFilter.NAMED:
                self.parts.append(f"due < {self.add(today - NAMED_AFTER)}")

    def add(self, value: object) -> str:
        """Add a value and return its placeholder."""
        self.values.append(value)
        return f"${len(self.values)}"

    @property
    def text(self) -> str:
        """The conditions, joined."""
        return "\n                and ".join(self.parts)


async def by_due(
    tx: Reads, wanted: ItemFilter, today: date, limit: int, after: int | None = None
) -> list[ActionItem]:
    """Return items by due day, earliest first, those after an item."""
    conditions = _Conditions(wanted, today, await incidents.hidden_ids(tx))
    if after is not None:
        place = conditions.add(after)
        conditions.parts.append(f"(due, id) > (select due, id from action_item where id = {place})")
    rows = await tx.fetch(
        f"""
        select {COLUMNS}
        from action_item
        where {conditions.text}
        order by due, id
        limit {conditions.add(limit)}
        """,
        *conditions.values,
    )
    return [item_from_row(row) for row in rows]


async def newest(
    tx: Reads, wanted: ItemFilter, today: date, limit: int, before: int | None = None
) -> list[ActionItem]:
    """Return items, newest first, those with an id below `before`."""
    conditions = _Conditions(wanted, today, await incidents.hidden_ids(tx))
    if before is not None:
        conditions.parts.append(f"id < {conditions.add(before)}")
    rows = await tx.fetch(
        f"""
        select {COLUMNS}
        from action_item
        where {conditions.text}
        order by id desc
        limit {conditions.add(limit)}
        """,
        *conditions.values,
    )
    return [item_from_row(row) for row in rows]


async def recently_done(tx: Reads, wanted: ItemFilter, today: date, limit: int) -> list[ActionItem]:
    """Return finished items, the last finished first."""
    conditions = _Conditions(wanted, today, await incidents.hidden_ids(tx))
    rows = await tx.fetch(
        f"""
        select {COLUMNS}
        from action_item
        where {conditions.text}
        order by done_on desc, id
        limit {conditions.add(limit)}
        """,
        *conditions.values,
    )
    return [item_from_row(row) for row in rows]


async def count(tx: Reads, wanted: ItemFilter, today: date) -> int:
    """Return the number of items, counted up to 1,000."""
    conditions = _Conditions(wanted, today, await incidents.hidden_ids(tx))
    total = await tx.value(
        f"""
        select count(*)
        from (
            select
            from action_item
            where {conditions.text}
            limit {COUNTED}
        ) listed
        """,
        *conditions.values,
    )
    return int(total or 0)


async def incidents_since(tx: Reads, since: datetime) -> int:
    """Return the number of incidents from which items were added since an instant, as far as they may be read."""
    total = await tx.value(
        """
        select count(distinct incident_id)
        from action_item
        where created_at >= $1
            and incident_id <> all($2::bigint[])
        """,
        since,
        await incidents.hidden_ids(tx),
    )
    return int(total or 0)
