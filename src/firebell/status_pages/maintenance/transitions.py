"""What each change of a maintenance window stores and publishes; the page must be locked."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from firebell.alerts import actions as alerts
from firebell.alerts.model import Alert
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.jobs import timers
from firebell.people.action_permissions import internal
from firebell.status_pages import incident_store, lookup, published_log_writer
from firebell.status_pages import store as page_store
from firebell.status_pages.maintenance import muting
from firebell.status_pages.maintenance_windows import lifecycle, store, texts
from firebell.status_pages.maintenance_windows.lifecycle import Change
from firebell.status_pages.maintenance_windows.model import Maintenance, MaintenanceStage, MaintenanceUpdate
from firebell.status_pages.model import ComponentStatus, Effect, MaintenanceChanged, StatusPage

MAINTENANCE_TIMER = "status_pages.maintenance"
_CHANGE_NAMES = {
    Change.START: "started",
    Change.EXTEND: "extended",
    Change.POSTPONE: "postponed",
}
"""What events call a change whose stage does not say it."""


async def firing_alert(tx: Tx, window: Maintenance) -> Alert | None:
    """Return an alert that fires on a service of the window's components, None if there is none."""
    components = await page_store.components(tx, window.status_page_id)
    for service_id in sorted({s for c in components if c.id in window.component_ids for s in c.service_ids}):
        firing = await alerts.newest_alerts(tx, 1, service_id=service_id, firing=True)
        if firing:
            return firing[0]
    return None


async def schedule_timer(tx: Tx, window: Maintenance, now: datetime) -> None:
    """Set the one timer of a window to what is due next."""
    due_at = lifecycle.next_due(window, now)
    if due_at is None:
        await timers.cancel(tx, MAINTENANCE_TIMER, str(window.id))
    else:
        await timers.schedule(tx, MAINTENANCE_TIMER, str(window.id), due_at, epoch=window.version)


@internal("Called by the actions on maintenance.")
async def publish(
    tx: Tx,
    actor: Actor,
    page: StatusPage,
    window: Maintenance,
    stage: MaintenanceStage,
    body: str,
    now: datetime,
    effects: Sequence[Effect] = (),
) -> MaintenanceUpdate:
    """Publish the next update of a window: store it, append it to the log, and refresh the page."""
    update = MaintenanceUpdate(
        *(0, lookup.new_public_id(), len(window.updates) + 1, stage, body, tuple(effects)),
        display_at=now,
        created_at=now,
        actor=actor.label,
    )
    update = await store.insert_update(tx, window.id, update, actor.person_id)
    await published_log_writer.append(tx, actor, page, window.public_id, update, now)
    await page_store.change_page(tx, page.id, updated_at=now)
    await tx.live(lookup.topic(page))
    return update


async def emit(
    tx: Tx,
    window: Maintenance,
    change: str,
    update: MaintenanceUpdate | None,
    now: datetime,
    *,
    notify: bool = True,
    reminder_minutes: int | None = None,
) -> None:
    """Tell the subscribed slices what happened to a window."""
    update_id = update.id if update else None
    event = MaintenanceChanged(
        window.status_page_id, window.id, change, update_id, reminder_minutes, notify=notify
    )
    await tx.emit(event, now)


@internal("Called by the actions on maintenance and by its timer.")
async def apply(
    tx: Tx,
    actor: Actor,
    page: StatusPage,
    window: Maintenance,
    change: Change,
    now: datetime,
    *,
    body: str = "",
    since: datetime | None = None,
    scheduled_for: datetime | None = None,
    scheduled_until: datetime | None = None,
    is_firing: bool = False,
    notify: bool = True,
) -> Maintenance:
    """Apply a change that is not refused, publish it, and return the window; `since` is when it took effect.

    Components are under maintenance from the real start to the real end.
    """
    stage = lifecycle.next_stage(window.stage, change, is_firing=is_firing)
    values = _values(window, change, stage, since or now, now)
    if scheduled_for is not None:
        values["scheduled_for"] = scheduled_for
        if change is Change.POSTPONE:
            values["announced_at"] = now
    if scheduled_until is not None:
        values["scheduled_until"] = scheduled_until
    changed = replace(window, **values)
    await store.change(tx, window.id, **values)
    if stage.is_over:
        await incident_store.change_incident(tx, window.id, resolved_at=changed.ended_at)
    text = body or texts.default_text(changed, change, stage, page.tz)
    update = await publish(tx, actor, page, window, stage, text, now, _effects(window, changed))
    changed = replace(changed, updates=(*window.updates, update))
    await schedule_timer(tx, changed, now)
    await emit(tx, changed, _CHANGE_NAMES.get(change, stage.value), update, now, notify=notify)
    await tx.audit(
        actor, "maintenance.changed", page.name, now, maintenance=window.name, change=str(change), stage=stage
    )
    # last: until the commit, alerts of its services wait for the mute that it ends
    return await muting.follow(tx, actor, page, changed, now)


def _values(
    window: Maintenance, change: Change, stage: MaintenanceStage, since: datetime, now: datetime
) -> dict[str, Any]:
    values: dict[str, Any] = {"stage": stage, "version": window.version + 1}
    if change is Change.START:
        values["started_at"] = since
    if stage.is_over:
        values["ended_at"] = max(since, window.started_at or since)
    if change in (Change.EXTEND, Change.POSTPONE):
        # what was due at the old times is over, and what is due at the new ones is due again
        values["handled_until"] = now
    return values


def _effects(before: Maintenance, after: Maintenance) -> list[Effect]:
    """Return what a change says about the components: only real starts and ends say something."""
    if after.stage.is_active and not before.stage.is_active and after.started_at:
        status, since = ComponentStatus.UNDER_MAINTENANCE, after.started_at
    elif before.stage.is_active and after.stage.is_over and after.ended_at:
        status, since = ComponentStatus.OPERATIONAL, after.ended_at
    else:
        return []
    return [Effect(component_id, status, since) for component_id in sorted(after.component_ids)]
