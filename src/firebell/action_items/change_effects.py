"""What follows from each change of an item: events, audit entry, timer, live topics, and the event for other slices."""

from collections.abc import Mapping
from datetime import date, datetime
from enum import Enum
from typing import Any

from firebell.action_items import reminder_times, store, working_days
from firebell.action_items.model import ActionItem, ActionItemChanged, ItemEvent
from firebell.action_items.settings import actions as settings
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.jobs import timers
from firebell.people import actions as people
from firebell.people.action_permissions import internal

REMINDER_TIMER = "action_items.reminder"
_SILENT = {"changed_at", "proposed_at", "done_at", "done_on", "escalated_at", "reminded_until", "moved"}
"""Columns that only accompany another field, and are no events."""


def via_of(actor: Actor, via: str) -> str:
    """Return through what a change comes: a tracker if one is given, else the API for a key, else the app."""
    return via or ("api" if actor.kind == "key" else "app")


def event_text(value: object) -> str:
    """Return a value as it stands in an event: empty for none, links by line."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case Enum():
            return str(value.value)
        case date():
            return value.isoformat()
        case tuple():
            return "\n".join(one.url for one in value)
        case _:
            return str(value)


async def today_of(tx: Tx, item: ActionItem, now: datetime) -> tuple[date, str]:
    """Return the local day and the time zone of the owner of an item; UTC without an owner."""
    tz = (await people.person(tx, item.owner_id)).tz if item.owner_id else "UTC"
    return working_days.local_day(now, tz), tz


async def schedule_reminder(tx: Tx, item: ActionItem, now: datetime) -> None:
    """Set the timer of an item to its next reminder, or remove it."""
    _, tz = await today_of(tx, item, now)
    at = reminder_times.next_at(item, await settings.load(tx), tz, now)
    if at is None:
        await timers.cancel(tx, REMINDER_TIMER, str(item.id))
    else:
        await timers.schedule(tx, REMINDER_TIMER, str(item.id), at)


@internal("Called by the actions on items.")
async def save_item_changes(
    tx: Tx,
    actor: Actor,
    old: ActionItem,
    changes: Mapping[str, Any],
    change: str,
    now: datetime,
    *,
    note: str = "",
    via: str = "",
) -> ActionItem:
    """Store the changes of a locked item with an event for each field, and return the item. Idempotent."""
    different = {name: value for name, value in changes.items() if value != getattr(old, name)}
    if not different:
        return old
    columns = dict(different)
    if "evidence" in columns:
        columns["evidence"] = store.evidence_json(columns["evidence"])
    item = await store.change(tx, old.id, **columns, changed_at=now)
    via = via_of(actor, via)
    fields = [name for name in different if name not in _SILENT]
    await store.add_events(
        tx,
        item.id,
        [
            ItemEvent(
                item.id,
                0,
                now,
                actor.label,
                name,
                event_text(getattr(old, name)),
                event_text(getattr(item, name)),
                note,
                via,
            )
            for name in fields
        ],
    )
    detail = {"state": item.state, "fields": fields, "through": via}
    await tx.audit(actor, f"action_item.{change}", item.ref, now, **detail)
    await _publish(tx, actor, item, fields, now, via, old.owner_id)
    return item


@internal("Called when an item is added.")
async def record_added(tx: Tx, actor: Actor, item: ActionItem, now: datetime, via: str = "") -> None:
    """Write the first event of a new item, and everything that follows from it."""
    via = via_of(actor, via)
    event = ItemEvent(item.id, 0, now, actor.label, "added", "", item.title, "", via)
    await store.add_events(tx, item.id, [event])
    await tx.audit(actor, "action_item.added", item.ref, now, state=item.state, through=via)
    await _publish(tx, actor, item, ["added"], now, via, None)


@internal("Called by trackers to record links and conflicts.")
async def record_event(
    tx: Tx,
    actor: Actor,
    item: ActionItem,
    field: str,
    old: str,
    new: str,
    now: datetime,
    *,
    note: str = "",
    via: str = "",
    is_conflict: bool = False,
) -> None:
    """Add something that changes no field of a locked item to its history."""
    event = ItemEvent(item.id, 0, now, actor.label, field, old, new, note, via_of(actor, via), is_conflict)
    await store.add_events(tx, item.id, [event])
    await tx.live("actions")


async def _publish(
    tx: Tx,
    actor: Actor,
    item: ActionItem,
    fields: list[str],
    now: datetime,
    via: str,
    previous_owner_id: int | None,
) -> None:
    """Set the timer, notify the slices above, and refresh open screens."""
    await schedule_reminder(tx, item, now)
    changed = ActionItemChanged(
        item.id, item.incident_id, ",".join(fields), via, by=actor.label, state=item.state
    )
    await tx.emit(changed, now)
    await tx.live("actions")
    if item.incident_id is not None:
        await tx.live(f"inc-{item.incident_id}")
    for person_id in {item.owner_id, previous_owner_id} - {None}:
        await tx.live(f"person-{person_id}")
