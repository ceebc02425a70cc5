"""The SQL that finds the pages of alerts and the incidents of these pages."""

from collections.abc import Collection

from firebell.kit import private_reader
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
    """Return the ids of the incidents of each page that the current reader may know of, oldest first."""
    rows = await tx.fetch(
        """
        select page_id, array_agg(incident_id order by incident_id) as incident_ids
        from page_incident
        where page_id = any($1::bigint[])
            and (
                $2::bigint is null
                or not exists (
                    select
                    from private_incident
                    where private_incident.incident_id = page_incident.incident_id
                        and $2 <> all(private_incident.readers)
                )
            )
        group by page_id
        """,
        list(page_ids),
        private_reader.reader(),
    )
    return {row["page_id"]: row["incident_ids"] for row in rows}
