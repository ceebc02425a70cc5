"""The SQL that searches action items."""

from firebell.action_items.model import ActionItem
from firebell.action_items.store import COLUMNS, item_from_row
from firebell.incidents import actions as incidents
from firebell.kit.db.database import Reads


async def items(tx: Reads, tsquery: str, limit: int) -> list[ActionItem]:
    """Return the readable items whose title or detail matches: unfinished ones first, the newest of each first."""
    rows = await tx.fetch(
        f"""
        select {COLUMNS}
        from action_item
        where search_vector(title || ' ' || detail) @@ to_tsquery('simple', $1)
            and (incident_id is null or incident_id <> all($2::bigint[]))
        order by state in ('open', 'in_progress') desc, id desc
        limit $3
        """,
        tsquery,
        await incidents.hidden_ids(tx),
        limit,
    )
    return [item_from_row(row) for row in rows]
