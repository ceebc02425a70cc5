"""Composes the events of maintenance windows."""

from collections.abc import Mapping
from typing import Any

from firebell.kit.truncation import cut
from firebell.status_pages import actions as status_pages
from firebell.webhooks.events import subject_store
from firebell.webhooks.events.composition_context import (
    TEXT_BYTES,
    CompositionContext,
    services_of,
    team_ids_of,
)
from firebell.webhooks.events.payloads import MaintenanceEvent, WebhookMaintenance
from firebell.webhooks.model import NewEvent

MAINTENANCE_TYPES = {
    "scheduled": "maintenance_window.scheduled",
    "started": "maintenance_window.started",
    "verifying": "maintenance_window.updated",
    "updated": "maintenance_window.updated",
    "extended": "maintenance_window.updated",
    "postponed": "maintenance_window.updated",
    "completed": "maintenance_window.completed",
    "cancelled": "maintenance_window.canceled",
}


async def compose_maintenance(c: CompositionContext, payload: Mapping[str, Any]) -> list[NewEvent]:
    """Return what happened to a maintenance window; nothing for a reminder."""
    type_ = MAINTENANCE_TYPES.get(payload["change"])
    if type_ is None:
        return []
    announced = await status_pages.maintenance_announcement(
        c.tx, payload["status_page_id"], payload["public_incident_id"], c.now, has_document=False
    )
    if announced is None:
        return []
    page, window = announced.page, announced.window
    service_ids = sorted({i for component in announced.components for i in component.service_ids})
    names = await subject_store.names(c.tx, service_ids, (), ())
    shown = WebhookMaintenance(
        id=window.public_id,
        name=window.name,
        stage=window.stage,
        scheduled_for=window.scheduled_for,
        scheduled_until=window.scheduled_until,
        started_at=window.started_at,
        ended_at=window.ended_at,
        services=services_of(names, service_ids),
        text=cut(window.updates[-1].body, TEXT_BYTES) if window.updates else "",
        status_page=page.slug,
        url=c.url(f"/status-pages/{page.slug}/maintenance/{window.public_id}"),
    )
    subject = f"maintenance_window:{window.public_id}"
    about = {"teams": team_ids_of(names, service_ids), "services": service_ids}
    return [c.event(type_, subject, MaintenanceEvent(maintenance_window=shown), **about)]
