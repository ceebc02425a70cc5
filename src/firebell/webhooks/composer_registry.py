"""Composes the events of a change from what it is about, as that is now; what is gone makes no event."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from firebell.kit.db.database import Tx
from firebell.webhooks import (
    action_item_events,
    incident_events,
    maintenance_events,
    on_call_events,
    page_events,
    silence_events,
)
from firebell.webhooks.composition_context import CompositionContext
from firebell.webhooks.model import Change, NewEvent

COMPOSERS: Mapping[str, Callable[[CompositionContext, Mapping[str, Any]], Awaitable[list[NewEvent]]]] = {
    "PagesChanged": page_events.compose_pages,
    "IncidentDeclared": incident_events.compose_declared,
    "PhaseChanged": incident_events.compose_phase,
    "SeverityChanged": incident_events.compose_severity,
    "RoleChanged": incident_events.compose_role,
    "UpdatePosted": incident_events.compose_update,
    "IncidentMerged": incident_events.compose_merged,
    "IncidentClosed": incident_events.compose_closed,
    "PostmortemPublished": incident_events.compose_postmortem,
    "ActionItemChanged": action_item_events.compose_action_item,
    "ScheduleChanged": on_call_events.compose_schedule_changed,
    "OnCallChanged": on_call_events.compose_on_call_changed,
    "MaintenanceChanged": maintenance_events.compose_maintenance,
    "SilencesChanged": silence_events.compose_silences,
}
"""The composers by the name of the event that was recorded."""


async def compose(tx: Tx, change: Change, public_url: str, now: datetime) -> Sequence[NewEvent]:
    """Return the events of a change; those of drills never leave."""
    return await COMPOSERS[change.kind](CompositionContext(tx, change, public_url, now), change.payload)
