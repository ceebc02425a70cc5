"""What the incident page shows of status pages, and what they add to the conditions for closing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from firebell.incidents import actions as incidents
from firebell.incidents.model import Incident
from firebell.kit.db.database import Tx
from firebell.kit.slice import IncidentPart
from firebell.status_pages import queries, stages
from firebell.status_pages.model import PublicIncident, StatusPage
from firebell.status_pages.queries import Publication


@dataclass(frozen=True, slots=True)
class StatusPagePart:
    """What status pages say about an incident, and what they leave open of those that were merged into it."""

    publications: Sequence[Publication]
    startable: frozenset[int]
    """The pages that show it as over for so long that a new public incident is started."""
    left_open: Sequence[tuple[StatusPage, PublicIncident]]


async def load(tx: Tx, incident: Incident, now: datetime) -> StatusPagePart | None:
    """Return what each status page says about an incident, without those that it does not concern."""
    listed = await queries.publications(tx, incident)
    if not listed:
        return None
    return StatusPagePart(
        [each for each in listed if each.published or each.suggested_ids] or listed[:1],
        frozenset(
            each.page.id
            for each in listed
            if each.behind and each.published and stages.can_publish_another(each.published, now)
        ),
        await queries.left_open(tx, incident),
    )


PART = IncidentPart(load, "status_pages/incident_part.html", "rest")


async def closing_conditions(tx: Tx, incident: Incident, now: datetime) -> list[incidents.ClosingCondition]:
    """Return a condition for each status page with the incident, or with one merged into it: it is resolved there."""
    shown = [
        (each.page, each.published) for each in await queries.publications(tx, incident) if each.published
    ]
    return [
        incidents.published_condition(
            page.name,
            f"/status-pages/{page.slug}/incidents/{published.public_id}",
            is_resolved=not published.is_open,
            stage=published.stage,
        )
        for page, published in [*shown, *await queries.left_open(tx, incident)]
    ]
