"""What others need to know to announce a published update, such as to subscribers."""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime

from firebell.kit.db.database import Tx
from firebell.status_pages import derived_status, impact, incident_store, queries, store, view
from firebell.status_pages.derived_status import StatusCause
from firebell.status_pages.maintenance_windows import store as maintenance_store
from firebell.status_pages.maintenance_windows.model import MaintenanceAnnouncement
from firebell.status_pages.model import Announcement, Component, ComponentChange, ComponentGroup, StatusPage
from firebell.status_pages.public import statuspage_json
from firebell.status_pages.view import StatusView


async def announcement(
    tx: Tx, status_page_id: int, public_id: str, seq: int, now: datetime, *, has_document: bool
) -> Announcement | None:
    """Return a published update with its incident, None if it does not exist; the document only if it is wanted."""
    page = await store.page_by_id(tx, status_page_id)
    incident = await incident_store.by_public_id(tx, status_page_id, public_id) if page else None
    update = next((each for each in incident.updates if each.seq == seq), None) if incident else None
    if page is None or incident is None or update is None:
        return None
    components = await _components(tx, page, incident.component_ids)
    if not has_document:
        return Announcement(page, incident, update, impact.impact(incident), components, {})
    shown = await _view_of(tx, page, components, now)
    document = statuspage_json.incident_document(shown, incident, "")
    changes = _changes(shown, incident) if update is incident.updates[-1] else ()
    return Announcement(page, incident, update, impact.impact(incident), components, document, changes)


async def maintenance_announcement(
    tx: Tx, status_page_id: int, maintenance_id: int, now: datetime, *, has_document: bool
) -> MaintenanceAnnouncement | None:
    """Return a maintenance window, None if it does not exist; the document only if it is wanted."""
    page = await store.page_by_id(tx, status_page_id)
    window = await maintenance_store.by_id(tx, maintenance_id)
    if page is None or window is None:
        return None
    components = await _components(tx, page, window.component_ids)
    if not has_document:
        return MaintenanceAnnouncement(page, window, components, {})
    shown = await _view_of(tx, page, components, now)
    document = statuspage_json.maintenance_document(shown, window, "")
    return MaintenanceAnnouncement(page, window, components, document, _changes(shown, window))


def _changes(shown: StatusView, cause: StatusCause) -> tuple[ComponentChange, ...]:
    """Return the components of a view whose status the latest update of an incident or of maintenance changed."""
    causes: list[StatusCause] = [*shown.snapshot.incidents, *shown.snapshot.maintenances]
    components = {component.id: component for component in shown.snapshot.components}
    changes = derived_status.latest_changes(causes, cause, components, shown.now)
    return tuple(
        ComponentChange(
            components[component_id], old, new, statuspage_json.component_document(shown, component_id)
        )
        for component_id, (old, new) in changes.items()
    )


async def _components(tx: Tx, page: StatusPage, ids: Collection[int]) -> tuple[Component, ...]:
    """Return those of these components that the page shows, in its order."""
    return tuple(component for component in await store.components(tx, page.id) if component.id in ids)


async def _view_of(tx: Tx, page: StatusPage, components: tuple[Component, ...], now: datetime) -> StatusView:
    """Return the view of these components alone: publishing waits for no others."""
    whole = await queries.snapshot(tx, page, now)
    return view.build(replace(whole, components=components), now)


async def parts(tx: Tx, page: StatusPage) -> tuple[list[ComponentGroup], list[Component]]:
    """Return the groups and components that a status page shows, in their order."""
    return await store.groups(tx, page.id), await store.components(tx, page.id)
