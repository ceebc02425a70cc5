"""Broadcasts about maintenance: when it is scheduled, changed, started and over, and reminders of it."""

from datetime import datetime
from typing import Any

from firebell.kit.db.database import Tx
from firebell.status_pages import actions as status_pages
from firebell.status_pages.maintenance_windows.model import MAINTENANCE_STAGE_LABELS, MaintenanceAnnouncement
from firebell.status_pages.model import Impact, MaintenanceChanged
from firebell.subscribers import store
from firebell.subscribers.broadcasts import actions as broadcasts
from firebell.subscribers.broadcasts import maintenance_numbers
from firebell.subscribers.model import BroadcastKind, NewBroadcast, Priority

REMINDER = "reminder"
_TYPES = {
    change: f"maintenance.{change}" for change in ("scheduled", "started", "completed", "cancelled", REMINDER)
}
"""The types of events that webhooks get; every other change is `maintenance.changed`."""
_LABELS = {
    "extended": "Maintenance extended",
    "postponed": "Maintenance postponed",
    "updated": "Maintenance update",
    REMINDER: "Maintenance reminder",
}
LABELS = (*_LABELS.values(), *(f"Maintenance {label.lower()}" for label in MAINTENANCE_STAGE_LABELS.values()))
"""What mails call each change, which the languages of a page translate."""


async def announce_maintenance(tx: Tx, event: MaintenanceChanged, now: datetime) -> None:
    """Store the broadcast of a change of maintenance, in the transaction that made it.

    Of an edited update, what was not sent yet has its new text.
    """
    if not event.notify:
        if event.change == "updated":
            await _replace_edited_text(tx, event, now)
        return
    announcement = await status_pages.maintenance_announcement(
        *(tx, event.status_page_id, event.public_incident_id, now),
        has_document=await store.has_webhooks(tx, event.status_page_id),
    )
    if announcement is not None:
        new = _broadcast_of(announcement, event, now)
        await broadcasts.queue_broadcast(tx, new, now)
        if event.update_id is not None:
            await broadcasts.queue_changes(tx, new, announcement.changes, event.update_id, now)


async def _replace_edited_text(tx: Tx, event: MaintenanceChanged, now: datetime) -> None:
    announcement = await status_pages.maintenance_announcement(
        tx, event.status_page_id, event.public_incident_id, now, has_document=False
    )
    if announcement is None:
        return
    for update in announcement.window.updates:
        if update.id == event.update_id and update.version > 1:
            await broadcasts.replace_text(tx, event.status_page_id, announcement.window.public_id, update)


def _broadcast_of(
    announcement: MaintenanceAnnouncement, event: MaintenanceChanged, now: datetime
) -> NewBroadcast:
    window, components = announcement.window, announcement.components
    return NewBroadcast(
        announcement.page.id,
        BroadcastKind.MAINTENANCE,
        window.public_id,
        _number(announcement, event),
        _TYPES.get(event.change, "maintenance.changed"),
        Priority.MAINTENANCE,
        int(Impact.MAINTENANCE),
        window.component_ids,
        frozenset(c.group_id for c in components if c.group_id is not None),
        _content(announcement, event, now),
    )


def _number(announcement: MaintenanceAnnouncement, event: MaintenanceChanged) -> int:
    """Return the place of a broadcast among those of its window: reminders lie between two updates."""
    window, seq = announcement.window, announcement.window.updates[-1].seq
    if event.reminder_minutes is None:
        return maintenance_numbers.of_update(seq)
    place = sorted(window.reminders, reverse=True).index(event.reminder_minutes)
    return maintenance_numbers.of_reminder(seq, place)


def _content(
    announcement: MaintenanceAnnouncement, event: MaintenanceChanged, now: datetime
) -> dict[str, Any]:
    window, update = announcement.window, announcement.window.updates[-1]
    label = _LABELS.get(event.change) or f"Maintenance {MAINTENANCE_STAGE_LABELS[update.stage].lower()}"
    is_reminder = event.reminder_minutes is not None
    shown = window.updates[0] if is_reminder else update
    return {
        "page": announcement.page.name,
        "title": window.name,
        "label": label,
        "body": shown.body,
        "translations": dict(shown.translations),
        "window": [at.isoformat() for at in window.planned],
        "at": (now if is_reminder else update.display_at).isoformat(),
        "next_update_at": None,
        "path": f"/maintenance/{window.public_id}",
        "components": [component.name for component in announcement.components],
        "component_translations": status_pages.named_parts(announcement.components),
        "document": dict(announcement.document),
    }
