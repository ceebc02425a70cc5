"""What maintenance does by itself: it reminds, starts, ends, and says when it runs over."""

from datetime import datetime

from firebell.kit.db.database import Tx
from firebell.kit.db.events import SYSTEM
from firebell.notify import actions as notify
from firebell.notify.model import Notice
from firebell.people import actions as people
from firebell.status_pages import lookup
from firebell.status_pages.maintenance import series, transitions
from firebell.status_pages.maintenance_windows import lifecycle, store
from firebell.status_pages.maintenance_windows.lifecycle import Change, DueKind, DueStep
from firebell.status_pages.maintenance_windows.model import Maintenance, MaintenanceStage
from firebell.status_pages.model import StatusPage


async def run_due(tx: Tx, maintenance_id: int, page_id: int, epoch: int, now: datetime) -> None:
    """Do what is due of a window in order, each once, and set its timer again; the page must be locked."""
    window = await store.by_id(tx, maintenance_id)
    if window is None or window.version != epoch:
        return
    page = await lookup.locked_page(tx, page_id)
    for step in lifecycle.due_steps(window, now):
        window = await _run(tx, page, window, step, now)
    await store.change(tx, window.id, handled_until=now)
    handled = await store.by_id(tx, window.id)
    assert handled
    await transitions.schedule_timer(tx, handled, now)


async def _run(tx: Tx, page: StatusPage, window: Maintenance, step: DueStep, now: datetime) -> Maintenance:
    if step.kind is DueKind.REMIND:
        await transitions.emit(tx, window, "reminder", None, now, reminder_minutes=step.minutes)
    elif step.kind is DueKind.START:
        is_news = now < window.scheduled_until
        window = await transitions.apply(
            tx, SYSTEM, page, window, Change.START, now, since=step.at, notify=is_news
        )
        await series.top_up(tx, SYSTEM, page, window, now)
    elif step.kind is DueKind.END:
        window = await _end(tx, page, window, step, now)
    elif not window.stage.is_over:
        note = "It is 15 minutes past its end. Complete or extend it."
        await _notify_creator(tx, page, window, "overrun", note, now)
    return window


async def _end(tx: Tx, page: StatusPage, window: Maintenance, step: DueStep, now: datetime) -> Maintenance:
    """Complete a window as of its planned end, later if it waited for an alert; verify it while one fires."""
    firing = await transitions.firing_alert(tx, window)
    if firing is not None:
        if window.stage is MaintenanceStage.IN_PROGRESS:
            window = await transitions.apply(
                tx, SYSTEM, page, window, Change.COMPLETE, now, since=step.at, is_firing=True
            )
        note = f"An alert is firing: {firing.title}. It completes when no alert of its services fires."
        await _notify_creator(tx, page, window, "verifying", note, now)
        return window
    since = now if window.handled_until >= step.at else step.at
    return await transitions.apply(tx, SYSTEM, page, window, Change.COMPLETE, now, since=since)


async def _notify_creator(
    tx: Tx, page: StatusPage, window: Maintenance, what: str, note: str, now: datetime
) -> None:
    """Notify who scheduled the window, once for each of its ends."""
    if window.created_by is None or not (await people.person(tx, window.created_by)).active:
        return
    notice = Notice(
        key=f"maintenance:{window.id}:{what}:{window.scheduled_until.isoformat()}",
        person_id=window.created_by,
        kind="maintenance",
        title=f"{window.name}: maintenance has not ended",
        note=note,
        link=f"/status-pages/{page.slug}/maintenance/{window.public_id}",
    )
    await notify.send_notices(tx, [notice], now)
