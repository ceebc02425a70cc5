"""Where a public incident goes on: where it was merged, or at a new one ([spec 7.3](docs/spec/7-comms.md))."""

from datetime import datetime

from firebell.incidents import actions as incidents
from firebell.incidents.model import IncidentMerged
from firebell.kit.db.database import Tx
from firebell.kit.db.events import SYSTEM, Actor
from firebell.kit.errors import Conflict
from firebell.people.action_guards import internal
from firebell.status_pages import actions, incident_store, store
from firebell.status_pages.model import PublicIncident, StatusPage


async def continue_merged(tx: Tx, event: IncidentMerged, now: datetime) -> None:
    """Link what status pages say about a merged incident to what they say about the one that it is part of now."""
    earlier = await incident_store.of_incident(tx, event.incident_id)
    later = await incident_store.of_incident(tx, event.into_id)
    for page_id in earlier:
        if page_id in later:
            page = await actions.locked_page(tx, page_id)
            await _link(tx, SYSTEM, page, earlier[page_id], later[page_id], now)


async def earlier_incident(tx: Tx, page: StatusPage, public_id: str) -> PublicIncident | None:
    """Return the incident that a new one continues, None for an empty id; raise `Conflict` unless it is over."""
    if not public_id:
        return None
    earlier = await incident_store.by_public_id(tx, page.id, public_id)
    why_not = ""
    if earlier is None:
        why_not = "This status page has no such incident."
    elif earlier.is_open:
        why_not = "It is still open. Publish an update of it instead."
    elif earlier.continued_at is not None:
        why_not = f"It is already continued at “{earlier.continued_at.name}”."
    if why_not:
        raise Conflict(why_not, fields={"continues": why_not})
    return earlier


@internal("A part of publishing an incident.")
async def link_earlier(
    tx: Tx,
    actor: Actor,
    page: StatusPage,
    opened: PublicIncident,
    earlier: PublicIncident | None,
    now: datetime,
) -> None:
    """Link to a new public incident what it continues: a chosen one, and those of incidents merged into its own."""
    if earlier is not None:
        await _link(tx, actor, page, earlier, opened, now)
    if opened.incident_id is None:
        return
    incident = await incidents.incident(tx, opened.incident_id)
    for relation, _ in await incidents.related(tx, incident):
        if relation.kind == "merged":
            published = await incident_store.of_incident(tx, relation.incident_id)
            if page.id in published:
                await _link(tx, SYSTEM, page, published[page.id], opened, now)


async def _link(
    tx: Tx, actor: Actor, page: StatusPage, earlier: PublicIncident, later: PublicIncident, now: datetime
) -> None:
    await incident_store.change_incident(tx, earlier.id, continued_by=later.id)
    await store.change_page(tx, page.id, updated_at=now)
    await tx.audit(
        *(actor, "status_page.incident_continued", page.name, now), incident=earlier.name, at=later.name
    )
    await tx.live(actions.topic(page))
