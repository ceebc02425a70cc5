"""The SQL of graphs: when the alerts of incidents fired, and when their pages were triggered and acknowledged."""

from collections.abc import Sequence

from firebell.incidents.measures import PageTimes
from firebell.kit.db.database import Tx
from firebell.kit.intervals import OpenInterval

ALERTS_READ = 5_000
"""Number of alerts that are drawn, the earliest."""


async def firing(tx: Tx, incident_ids: Sequence[int]) -> list[OpenInterval]:
    """Return when each alert of incidents fired, earliest first; one that still does has no end."""
    rows = await tx.fetch(
        """
        select
            alert.starts_at,
            case
                when alert.status = 'resolved' then coalesce(alert.ends_at, alert.last_seen)
            end as ends_at
        from page
        join alert on alert.group_id = page.subject_id
        where page.subject_kind = 'group'
            and page.id in (
                select page_id
                from incident_page
                where incident_id = any($1::bigint[])
            )
        order by alert.starts_at, alert.id
        limit $2
        """,
        list(incident_ids),
        ALERTS_READ,
    )
    return [(row["starts_at"], row["ends_at"]) for row in rows]


async def page_times(tx: Tx, incident_ids: Sequence[int]) -> list[tuple[int, PageTimes]]:
    """Return when each page was triggered and first acknowledged, with the id of its incident."""
    rows = await tx.fetch(
        """
        select incident_page.incident_id, page.triggered_at, page.first_ack_at
        from incident_page
        join page on page.id = incident_page.page_id
        where incident_page.incident_id = any($1::bigint[])
        order by page.id
        """,
        list(incident_ids),
    )
    return [(row["incident_id"], PageTimes(row["triggered_at"], row["first_ack_at"])) for row in rows]
