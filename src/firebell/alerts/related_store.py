"""The SQL that finds the pages of alerts and the incidents of these pages."""

from collections.abc import Collection

from firebell.kit.db.database import Tx


async def pages_of_groups(tx: Tx, group_ids: Collection[int]) -> dict[int, int]:
    """Return the id of the newest page of each group that has one."""
    rows = await tx.fetch(
        """
        select group_id, max(page_id) as page_id
        from group_page
        where group_id = any($1::bigint[])
        group by group_id
        """,
        list(group_ids),
    )
    return {row["group_id"]: row["page_id"] for row in rows}


async def incidents_of_pages(tx: Tx, page_ids: Collection[int]) -> dict[int, list[int]]:
    """Return the incident ids of each page that belongs to any, oldest first."""
    rows = await tx.fetch(
        """
        select page_id, array_agg(incident_id order by incident_id) as incident_ids
        from page_incident
        where page_id = any($1::bigint[])
        group by page_id
        """,
        list(page_ids),
    )
    return {row["page_id"]: row["incident_ids"] for row in rows}
