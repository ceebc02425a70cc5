"""What others need to know to announce a published update, such as to subscribers."""

from datetime import datetime

from firebell.kit.db.database import Tx
from firebell.status_pages import impact, incident_store, queries, store
from firebell.status_pages.maintenance import store as maintenance_store
from firebell.status_pages.maintenance.model import MaintenanceAnnouncement
from firebell.status_pages.model import Announcement, Component, ComponentGroup, StatusPage
from firebell.status_pages.public import statuspage_api as public_api


async def announcement(
    tx: Tx, status_page_id: int, public_id: str, seq: int, now: datetime
) -> Announcement | None:
    """Return a published update with its incident, None if it does not exist."""
    page = await store.page_by_id(tx, status_page_id)
    incident = await incident_store.by_public_id(tx, status_page_id, public_id) if page else None
    update = next((each for each in incident.updates if each.seq == seq), None) if incident else None
    if page is None or incident is None or update is None:
        return None
    view = await queries.view_of(tx, page, now)
    components = tuple(c.component for c in view.components if c.component.id in incident.component_ids)
    document = public_api.incident_document(view, incident, "")
    return Announcement(page, incident, update, impact.impact(incident), components, document)


async def maintenance_announcement(
    tx: Tx, status_page_id: int, maintenance_id: int, now: datetime
) -> MaintenanceAnnouncement | None:
    """Return a maintenance window with what a page shows of it, None if it does not exist."""
    page = await store.page_by_id(tx, status_page_id)
    window = await maintenance_store.by_id(tx, maintenance_id)
    if page is None or window is None:
        return None
    view = await queries.view_of(tx, page, now)
    components = tuple(c.component for c in view.components if c.component.id in window.component_ids)
    document = public_api.maintenance_document(view, window, "")
    return MaintenanceAnnouncement(page, window, components, document)


async def parts(tx: Tx, page: StatusPage) -> tuple[list[ComponentGroup], list[Component]]:
    """Return the groups and components that a status page shows, in their order."""
    return await store.groups(tx, page.id), await store.components(tx, page.id)
