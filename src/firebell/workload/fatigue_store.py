"""The SQL behind the checks of fatigue: the incidents of pages, and the noise of teams."""

from collections.abc import Collection
from datetime import datetime

from firebell.incidents.model import UNDECLARED, Phase
from firebell.kit.db.database import Tx
from firebell.workload.model import TeamNoise

_NOT_COUNTED = (*UNDECLARED, Phase.DISMISSED, Phase.MERGED)


async def incidents_of_pages(tx: Tx, page_ids: Collection[int]) -> dict[int, list[int]]:
    """Return the incidents of pages; drills, private ones and those that were none are left out."""
    rows = await tx.fetch(
        """
        select incident_page.page_id, incident_page.incident_id
        from incident_page
        join incident on incident.id = incident_page.incident_id
        where incident_page.page_id = any($1::bigint[])
            and incident.visibility = 'open'
            and not incident.drill
            and incident.phase <> all($2::text[])
        order by incident_page.page_id, incident_page.incident_id
        """,
        list(page_ids),
        list(_NOT_COUNTED),
    )
    incidents: dict[int, list[int]] = {}
    for row in rows:
        incidents.setdefault(row["page_id"], []).append(row["incident_id"])
    return incidents


async def noise_of_teams(
    tx: Tx, team_ids: Collection[int], start: datetime, end: datetime
) -> list[TeamNoise]:
    """Return how many urgent pages of teams in `[start, end)` needed no action."""
    rows = await tx.fetch(
        """
        select
            team.id as team_id,
            team.name as team,
            count(*) as pages,
            count(*) filter (where counted_page.is_noise) as noise
        from counted_page
        join team on team.id = counted_page.team_id
        where counted_page.team_id = any($1::bigint[])
            and counted_page.triggered_at >= $2
            and counted_page.triggered_at < $3
        group by team.id
        order by team.name, team.id
        """,
        list(team_ids),
        start,
        end,
    )
    return [TeamNoise(**dict(row)) for row in rows]
