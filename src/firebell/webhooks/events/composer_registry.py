"""Composes the events of a change from what it is about, as that is now; what is gone makes no event."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from firebell.kit.db.database import Tx
from firebell.webhooks.events import action_items as action_item_events
from firebell.webhooks.events import incidents as incident_events
from firebell.webhooks.events import maintenance as maintenance_events
from firebell.webhooks.events import on_call as on_call_events
from firebell.webhooks.events import pages as page_events
from firebell.webhooks.events import silences as silence_events
from firebell.webhooks.events.composition_context import CompositionContext
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
_SUBJECT_LISTS = {
    "PagesChanged": "changes",
    "SilencesChanged": "silence_ids",
    "OnCallChanged": "schedule_ids",
}
"""The field of the payload that lists several subjects, of the kinds that have one."""


async def compose(tx: Tx, change: Change, public_url: str, now: datetime) -> Sequence[NewEvent]:
    """Return the events of a change; those of drills never leave."""
    return await COMPOSERS[change.kind](CompositionContext(tx, change, public_url, now), change.payload)


def split(change: Change) -> list[Change]:
    """Split a change into one for each subject; entries of a subject keep their order (pure)."""
    field = _SUBJECT_LISTS.get(change.kind)
    if field is None:
        return [change]
    by_subject: dict[int, list[Any]] = {}
    for entry in change.payload[field]:
        by_subject.setdefault(entry[0] if isinstance(entry, Sequence) else entry, []).append(entry)
    return [replace(change, payload={**change.payload, field: entries}) for entries in by_subject.values()]


def joined(parts: Sequence[Change]) -> Change:
    """Join parts of a change into one (pure)."""
    field = _SUBJECT_LISTS.get(parts[0].kind)
    if field is None:
        return parts[0]
    entries = [entry for part in parts for entry in part.payload[field]]
    return replace(parts[0], payload={**parts[0].payload, field: entries})
