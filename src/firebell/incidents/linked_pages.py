"""Actions on the pages of an incident: page for it, and link pages to it."""

from collections.abc import Sequence
from datetime import datetime

from firebell.catalog import actions as catalog
from firebell.catalog.model import Service
from firebell.incidents import lookup, store, timeline_writer, visibility_store
from firebell.incidents.model import DrillPaged, Incident, IncidentBecamePrivate, PagesHidden
from firebell.kit.db.database import Tx
from firebell.kit.db.events import SYSTEM, Actor
from firebell.paging import actions as paging
from firebell.paging.model import ManualPageStarted
from firebell.people.action_permissions import internal, permits
from firebell.people.permissions import Verb


@internal("Part of linking pages, and of declaring and paging for an incident.")
async def attach_page(
    tx: Tx, incident: Incident, page_id: int, now: datetime, *, is_new: bool = False
) -> None:
    """Link a page to an incident without a timeline entry. Idempotent.

    If the incident is private, a manual page stops showing its reason. `is_new` means that this transaction started
    the page, so that nothing else names it yet.
    """
    await attach_pages(tx, incident, [page_id], now, is_new=is_new)


@internal("Part of linking a page, and of merging incidents.")
async def attach_pages(
    tx: Tx, incident: Incident, page_ids: Sequence[int], now: datetime, *, is_new: bool = False
) -> None:
    """Link pages to an incident as `attach_page` does."""
    for page_id in page_ids:
        await store.link_page(tx, incident.id, page_id)
    if incident.is_private:
        await _hide(tx, page_ids, now, is_new=is_new)


async def _hide(tx: Tx, page_ids: Sequence[int], now: datetime, *, is_new: bool = False) -> None:
    """Hide the reasons of the manual pages among these."""
    hidden = await paging.set_manual_pages_private(tx, page_ids, private=True)
    if hidden and not is_new:
        await tx.emit(PagesHidden(tuple(hidden)), now)


@internal("Called before an action changes several pages, or links pages and may page.")
async def lock_pages(
    tx: Tx, incident_ids: Sequence[int], service_ids: Sequence[int] = (), *, linking: Sequence[int] = ()
) -> None:
    """Lock the policy by which these services page, then the pages that an action on incidents changes, by id.

    That is the order in which people who act on many pages, and a policy that is applied, lock them (decision 0008).
    The incidents must be locked. Of the pages of alerts, only those for `linking` are locked.
    """
    service = await _first_service(tx, service_ids)
    linked = {page_id for ids in (await store.pages_of(tx, incident_ids)).values() for page_id in ids}
    pages = (await paging.pages_by_id(tx, sorted(linked))).values()
    page_ids = {*linking, *(page.id for page in pages if page.subject_kind != "group")}
    await paging.lock_pages(tx, sorted(page_ids), policy_id=service.policy_id if service else None)


async def _first_service(tx: Tx, service_ids: Sequence[int]) -> Service | None:
    """Return the service whose policy pages for an incident."""
    services_by_id = await catalog.services_by_id(tx, service_ids)
    return next((services_by_id[i] for i in service_ids if i in services_by_id), None)


@permits(Verb.INCIDENT_UPDATE)
async def link_page(tx: Tx, actor: Actor, incident_id: int, page_id: int, now: datetime) -> None:
    """Link a page to the incident. If the incident is private, a manual page stops showing its reason."""
    incident = await lookup.locked(tx, incident_id)
    page = await paging.page(tx, page_id)
    await attach_page(tx, incident, page_id, now)
    await timeline_writer.add_timeline_entry(
        tx, actor, incident_id, "linked", f"linked {page.ref}: {page.title}", now, page=page_id
    )


async def link_manual_page(tx: Tx, event: ManualPageStarted, now: datetime) -> None:
    """Link a page that a person started for the incident, and record who was paged; raise `NotFound`.

    The page of a drill says so.
    """
    incident = await lookup.locked(tx, event.incident_id)
    if incident.drill:
        await paging.mark_as_drill(tx, event.page_id)
    await attach_page(tx, incident, event.page_id, now, is_new=True)
    actor = Actor("person", event.actor, event.actor_id)
    text = f"paged {event.target_name} (PG-{event.page_id}): {event.text}"
    await timeline_writer.add_timeline_entry(
        tx, actor, event.incident_id, "paged", text, now, page=event.page_id
    )


def page_title(incident: Incident) -> str:
    """Return the title of the incident's page, which everyone can see: that of a private one says nothing."""
    drill = "DRILL " if incident.drill else ""
    if incident.is_private:
        return f"{drill}Private SEV{incident.severity} incident"
    return f"{drill}{incident.ref}: {incident.title}"


@internal("Part of changing who sees an incident, and of merging it.")
async def follow_visibility(tx: Tx, incident: Incident, now: datetime) -> None:
    """Hide what an incident that became private is about on its pages, which are locked, or show it again."""
    await paging.retitle_incident_page(tx, incident.id, page_title(incident))
    if incident.is_private:
        await tx.emit(IncidentBecamePrivate(incident.id), now)
        await _hide(tx, await store.page_ids(tx, incident.id), now)
    else:
        page_ids = await visibility_store.pages_only_of(tx, incident.id)
        await paging.set_manual_pages_private(tx, page_ids, private=False)


@internal("Part of declaring an incident, raising its severity and reopening it.")
async def page_for(
    tx: Tx, actor: Actor, incident: Incident, service_ids: Sequence[int], now: datetime
) -> None:
    """Page for the incident by the policy of its first service, or raise the page that it already has."""
    service = await _first_service(tx, service_ids)
    page_id = await paging.start_incident_page(
        tx,
        actor,
        incident_id=incident.id,
        title=page_title(incident),
        severity=incident.severity,
        service_id=service.id if service else None,
        team_id=service.team_id if service else None,
        policy_id=service.policy_id if service else None,
        now=now,
    )
    if page_id is None:
        await paging.raise_incident_page(tx, "incident", incident.id, incident.severity, now)
        return
    await store.link_page(tx, incident.id, page_id)
    if incident.drill:
        await tx.emit(DrillPaged(incident.id, page_id), now)
    text = f"Paged for a commander and subject matter experts (PG-{page_id})."
    await timeline_writer.add_timeline_entry(tx, SYSTEM, incident.id, "paged", text, now, page=page_id)
