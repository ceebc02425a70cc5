"""Where a public incident goes on: where it was merged, or at a new one ([spec 7.3](docs/spec/7-comms.md))."""

from collections.abc import Sequence
from datetime import datetime

from firebell.incidents import actions as incidents
from firebell.incidents.model import IncidentMerged
from firebell.kit.db.database import Tx
from firebell.kit.db.events import SYSTEM, Actor
from firebell.kit.errors import Conflict
from firebell.people.action_permissions import internal
from firebell.status_pages import incident_store, lookup, stages, store
from firebell.status_pages.model import PublicIncident, StatusPage


async def continue_merged(tx: Tx, event: IncidentMerged, now: datetime) -> None:
    """Let what status pages say about a merged incident go on with the one that it is part of now.

    Where a page shows both, the first leads to the second. Where only the first is open, it is about the second now.
    """
    shown = await incident_store.of_incident(tx, event.incident_id)
    shown_of_into = await incident_store.of_incident(tx, event.into_id)
    for page_id, earlier in shown.items():
        later = shown_of_into.get(page_id)
        page = await lookup.locked_page(tx, page_id)
        if later is not None and later.is_open:
            await _link(tx, SYSTEM, page, earlier, later, now)
        elif earlier.is_open:
            await _reassign(tx, page, earlier, event.into_id, now)
            if later is not None:
                await _link(tx, SYSTEM, page, later, earlier, now)


async def _reassign(tx: Tx, page: StatusPage, published: PublicIncident, into_id: int, now: datetime) -> None:
    """Make a public incident one about another incident; readers see no change."""
    into = await incidents.incident(tx, into_id)
    await incident_store.change_incident(tx, published.id, incident_id=into_id)
    await tx.audit(
        *(SYSTEM, "status_page.incident_reassigned", page.name, now), incident=published.name, to=into.ref
    )
    await tx.live(lookup.topic(page))


async def successor(tx: Tx, page_id: int, published: PublicIncident) -> PublicIncident | None:
    """Return the last open public incident at which one goes on, None if it goes on at none."""
    last, passed = None, {published.id}
    while published.continued_at is not None:
        later = await incident_store.by_public_id(tx, page_id, published.continued_at.public_id)
        if later is None or later.id in passed:
            break
        published = later
        passed.add(later.id)
        last = later if later.is_open else last
    return last


async def earlier_incidents(
    tx: Tx, page: StatusPage, continues: str, incident_id: int | None, now: datetime
) -> list[PublicIncident]:
    """Return what a new public incident continues: the chosen one, and the one that the page shows about its incident.

    Raise `Conflict` unless both are over, the second one for so long that it cannot be reopened.
    """
    shown = (await incident_store.of_incident(tx, incident_id)).get(page.id) if incident_id else None
    if shown is not None and not stages.can_publish_another(shown, now):
        raise Conflict(
            f"{page.name} already shows this incident.",
            hint="Publish an update instead." if shown.is_open else "Mark a regression of it instead.",
        )
    chosen = await _chosen_incident(tx, page, continues) if continues else None
    return [one for one in (chosen, shown) if one is not None]


async def _chosen_incident(tx: Tx, page: StatusPage, public_id: str) -> PublicIncident:
    earlier = await incident_store.by_public_id(tx, page.id, public_id)
    why_not = ""
    if earlier is None:
        why_not = "This status page has no such incident."
    elif earlier.is_open:
        why_not = "It is still open. Publish an update of it instead."
    elif earlier.continued_at is not None:
        why_not = f"It is already continued at “{earlier.continued_at.name}”."
    if earlier is None or why_not:
        raise Conflict(why_not, fields={"continues": why_not})
    return earlier


@internal("Part of publishing an incident.")
async def link_earlier(
    tx: Tx,
    actor: Actor,
    page: StatusPage,
    opened: PublicIncident,
    earlier: Sequence[PublicIncident],
    now: datetime,
) -> None:
    """Link to a new public incident what it continues: chosen ones, and those of incidents merged into its own."""
    linked = {one.id: one for one in earlier}
    for one in linked.values():
        await _link(tx, actor, page, one, opened, now)
    if opened.incident_id is None:
        return
    incident = await incidents.incident(tx, opened.incident_id)
    for relation, _ in await incidents.related(tx, incident):
        if relation.kind == "merged":
            published = (await incident_store.of_incident(tx, relation.incident_id)).get(page.id)
            if published is not None and published.id not in linked:
                await _link(tx, SYSTEM, page, published, opened, now)


async def _link(
    tx: Tx, actor: Actor, page: StatusPage, earlier: PublicIncident, later: PublicIncident, now: datetime
) -> None:
    """Link a public incident to the one at which it goes on, unless it goes on at another already."""
    if earlier.continued_at is not None:
        return
    await incident_store.change_incident(tx, earlier.id, continued_by=later.id)
    await store.change_page(tx, page.id, updated_at=now)
    await tx.audit(
        *(actor, "status_page.incident_continued", page.name, now), incident=earlier.name, at=later.name
    )
    await tx.live(lookup.topic(page))
