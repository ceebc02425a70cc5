"""Publishes the windows of maintenance that repeats, a year or 60 windows ahead."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.localtime import to_instant, to_local
from firebell.people.action_permissions import internal
from firebell.status_pages import lookup
from firebell.status_pages import store as page_store
from firebell.status_pages.maintenance import recurrence, transitions
from firebell.status_pages.maintenance_windows import store, texts
from firebell.status_pages.maintenance_windows.model import (
    Maintenance,
    MaintenancePlan,
    MaintenanceSeries,
    MaintenanceStage,
)
from firebell.status_pages.model import StatusPage

_INSTANT = timedelta(microseconds=1)


@internal("Called when maintenance is scheduled, and by its timer.")
async def add_window(
    tx: Tx,
    actor: Actor,
    page: StatusPage,
    plan: MaintenancePlan,
    scheduled_for: datetime,
    now: datetime,
    *,
    series_id: int | None = None,
    occurrence: datetime | None = None,
    created_by: int | None = None,
) -> Maintenance:
    """Publish a window, and return it."""
    new_id = await store.insert(
        tx,
        page.id,
        lookup.new_public_id(),
        plan,
        scheduled_for,
        created_by,
        now,
        series_id=series_id,
        occurrence=occurrence,
    )
    window = await store.by_id(tx, new_id)
    assert window
    components = await page_store.components(tx, page.id)
    names = [component.name for component in components if component.id in window.component_ids]
    body = texts.filled(plan.body, names, window.planned, page.tz)
    update = await transitions.publish(tx, actor, page, window, MaintenanceStage.SCHEDULED, body, now)
    window = replace(window, updates=(update,))
    await transitions.schedule_timer(tx, window, now)
    return window


@internal("Called when maintenance is scheduled, and by its timer.")
async def add_windows(
    tx: Tx, actor: Actor, page: StatusPage, series: MaintenanceSeries, now: datetime
) -> Sequence[Maintenance]:
    """Publish the windows of a series that are within the horizon and not yet published; return them."""
    if series.stopped_at is not None:
        return []
    last, upcoming = await store.progress_of_series(tx, series.id)
    local_now = to_local(now, page.tz)
    after = max(local_now, series.first_start if last is None else last + _INSTANT)
    starts = recurrence.starts_between(series.rule, series.first_start, after, local_now + recurrence.HORIZON)
    plan = MaintenancePlan(
        *(series.name, series.body, None, now, series.component_ids),
        *(series.auto_start, series.auto_end, series.reminders),
        muting=series.muting,
    )
    windows = []
    for start in starts[: max(recurrence.MAX_WINDOWS - upcoming, 0)]:
        scheduled_for = to_instant(start, page.tz)
        planned = replace(plan, scheduled_until=scheduled_for + series.length)
        window = await add_window(
            *(tx, actor, page, planned, scheduled_for, now),
            series_id=series.id,
            occurrence=start,
            created_by=series.created_by,
        )
        windows.append(window)
    return windows


@internal("Called when a repeating window changes.")
async def top_up(tx: Tx, actor: Actor, page: StatusPage, window: Maintenance, now: datetime) -> None:
    """Publish the next windows of the series of a window, if it repeats."""
    if window.series_id is not None:
        await add_windows(tx, actor, page, await store.series_by_id(tx, window.series_id), now)
