"""Scheduling maintenance on a status page, and changing it: each change is published at once."""

from dataclasses import replace
from datetime import datetime, timedelta

from firebell.catalog import actions as catalog
from firebell.kit.db.database import Tx
from firebell.kit.db.events import SYSTEM, Actor
from firebell.kit.errors import Conflict, Invalid, NotFound
from firebell.kit.localtime import to_local
from firebell.kit.text import clean_name
from firebell.people.action_permissions import permits
from firebell.people.permissions import Verb
from firebell.status_pages import lookup
from firebell.status_pages import store as page_store
from firebell.status_pages.maintenance import muting, recurrence, series, transitions
from firebell.status_pages.maintenance_windows import lifecycle, store, texts
from firebell.status_pages.maintenance_windows.lifecycle import Change
from firebell.status_pages.maintenance_windows.model import (
    MAX_LEAD,
    MAX_LENGTH,
    MAX_REMINDERS,
    Maintenance,
    MaintenancePlan,
)
from firebell.status_pages.model import StatusPage
from firebell.status_pages.publishing.actions import NAME_MAX_CHARS, checked_text

FORM_GRACE = timedelta(minutes=5)
"""A start in the past that is not older than this is now: filling in the form took a moment."""
LONGEST_REMINDER_MINUTES = 30 * 24 * 60


window_text = texts.window_text


async def maintenance(tx: Tx, page_id: int, public_id: str) -> Maintenance:
    """Return a maintenance window of a status page; raise `NotFound`."""
    window = await store.by_public_id(tx, page_id, public_id)
    if window is None:
        raise NotFound(f"This status page has no maintenance {public_id[:20]!r}.")
    return window


@permits(Verb.STATUS_PAGE_WRITE)
async def schedule_maintenance(
    tx: Tx, actor: Actor, page_id: int, plan: MaintenancePlan, now: datetime
) -> Maintenance:
    """Publish maintenance and return it, the first window if it repeats; one that starts now is started.

    Raise `Invalid` naming the fields of the plan.
    """
    # before the page: a deletion can wait for something that waits for the page
    await catalog.hold_uses(tx)
    page = await lookup.locked_page(tx, page_id)
    starts_now = plan.scheduled_for is None
    start = checked_start(plan.scheduled_for, now)
    plan = await checked_plan(tx, page, plan, now)
    await tx.audit(
        actor, "maintenance.scheduled", page.name, now, maintenance=plan.name, start=start.isoformat()
    )
    if plan.rule:
        first_start, length = to_local(start, page.tz), plan.scheduled_until - start
        added = await store.insert_series(
            *(tx, page.id, lookup.new_public_id(), plan, first_start, length, actor.person_id, now)
        )
        windows = await series.add_windows(tx, actor, page, added, now)
        if not windows:
            raise Invalid("The maintenance has no window.", fields={"rule": "Enter a rule that has one."})
        window = windows[0]
    else:
        window = await series.add_window(tx, actor, page, plan, start, now, created_by=actor.person_id)
    starts_now = starts_now or (window.auto_start and window.scheduled_for <= now)
    await transitions.emit(tx, window, "scheduled", window.updates[0], now, notify=not starts_now)
    return await transitions.apply(tx, actor, page, window, Change.START, now) if starts_now else window


def checked_start(scheduled_for: datetime | None, now: datetime) -> datetime:
    """Return the start, now for None; raise `Invalid` if it is over: the past cannot become maintenance."""
    if scheduled_for is None or now - FORM_GRACE <= scheduled_for < now:
        return now
    if scheduled_for < now:
        raise Invalid("The start is in the past.", fields={"scheduled_for": "Enter a time in the future."})
    if scheduled_for > now + MAX_LEAD:
        raise Invalid("The start is too far away.", fields={"scheduled_for": "Enter a time within a year."})
    return scheduled_for


def checked_end(start: datetime, end: datetime, now: datetime) -> datetime:
    """Return the end; raise `Invalid` if it is not after the start and now, or the window is too long."""
    if end <= start:
        raise Invalid("The end is before the start.", fields={"scheduled_until": "Enter a later time."})
    if end <= now:
        raise Invalid("The end is in the past.", fields={"scheduled_until": "Enter a time in the future."})
    if end - start > MAX_LENGTH:
        raise Invalid(
            "The maintenance is too long.",
            fields={"scheduled_until": f"Enter a time at most {MAX_LENGTH.days} days after the start."},
        )
    return end


async def checked_plan(tx: Tx, page: StatusPage, plan: MaintenancePlan, now: datetime) -> MaintenancePlan:
    """Return the plan as it is stored; raise `Invalid` naming the fields that cannot be accepted."""
    start = checked_start(plan.scheduled_for, now)
    end = checked_end(start, plan.scheduled_until, now)
    components = await page_store.components(tx, page.id)
    known = {component.id: component.name for component in components}
    if missing := set(plan.component_ids) - set(known):
        raise NotFound(
            f"This status page has no component {min(missing)}.",
            fields={"components": "Choose from the list."},
        )
    if not plan.component_ids:
        raise Invalid("The maintenance has no component.", fields={"components": "Choose at least one."})
    reminders = tuple(sorted(set(plan.reminders), reverse=True))
    if len(reminders) > MAX_REMINDERS or any(not 1 <= r <= LONGEST_REMINDER_MINUTES for r in reminders):
        raise Invalid(
            "The reminders can’t be sent.",
            fields={"reminders": f"Choose at most {MAX_REMINDERS}, within 30 days before the start."},
        )
    rule = recurrence.checked_rule(plan.rule, to_local(start, page.tz), end - start)
    if rule and plan.scheduled_for is None:
        raise Invalid(
            "Repeating maintenance needs a start.",
            fields={"scheduled_for": "Enter when the first window starts."},
        )
    names = [known[component_id] for component_id in plan.component_ids]
    checked_text(texts.filled(plan.body, names, (start, end), page.tz))
    return replace(
        plan,
        name=clean_name(plan.name, "name", limit=NAME_MAX_CHARS),
        body=plan.body.strip(),
        component_ids=tuple(sorted(set(plan.component_ids))),
        reminders=reminders,
        rule=rule,
        muting=await muting.checked(tx, components, plan.component_ids, plan.muting),
    )


async def _locked(
    tx: Tx, page_id: int, public_id: str, change: Change, body: str
) -> tuple[StatusPage, Maintenance, str]:
    """Lock the page; return it, the window and the text to publish; raise `Conflict` if the change is refused."""
    page = await lookup.locked_page(tx, page_id)
    window = await maintenance(tx, page_id, public_id)
    if why_not := lifecycle.refusal(window.stage, change):
        raise Conflict(why_not)
    return page, window, checked_text(body) if body.strip() else ""


@permits(Verb.STATUS_PAGE_PUBLISH)
async def start_maintenance(
    tx: Tx, actor: Actor, page_id: int, public_id: str, body: str, now: datetime
) -> Maintenance:
    """Start a window now; one that starts early keeps its length. Idempotent when it is over."""
    page, window, text = await _locked(tx, page_id, public_id, Change.START, body)
    if window.stage.is_over:
        return window
    if window.scheduled_until <= now:
        raise Conflict("Its end has passed. Postpone or cancel it.")
    start = until = None
    if now < window.scheduled_for:
        start, until = now, now + (window.scheduled_until - window.scheduled_for)
    window = await transitions.apply(
        *(tx, actor, page, window, Change.START, now),
        body=text,
        scheduled_for=start,
        scheduled_until=until,
    )
    await series.top_up(tx, SYSTEM, page, window, now)
    return window


@permits(Verb.STATUS_PAGE_PUBLISH)
async def verify_maintenance(
    tx: Tx, actor: Actor, page_id: int, public_id: str, body: str, now: datetime
) -> Maintenance:
    """Say that the work is done and is being checked. Idempotent when it is over."""
    page, window, text = await _locked(tx, page_id, public_id, Change.VERIFY, body)
    if window.stage.is_over:
        return window
    return await transitions.apply(tx, actor, page, window, Change.VERIFY, now, body=text)


@permits(Verb.STATUS_PAGE_PUBLISH)
async def complete_maintenance(
    tx: Tx, actor: Actor, page_id: int, public_id: str, body: str, now: datetime
) -> Maintenance:
    """End a window now; while an alert of its services fires it is verified first. Idempotent."""
    page, window, text = await _locked(tx, page_id, public_id, Change.COMPLETE, body)
    if window.stage.is_over:
        return window
    is_firing = await transitions.firing_alert(tx, window) is not None
    return await transitions.apply(
        tx, actor, page, window, Change.COMPLETE, now, body=text, is_firing=is_firing
    )


@permits(Verb.STATUS_PAGE_PUBLISH)
async def extend_maintenance(
    tx: Tx, actor: Actor, page_id: int, public_id: str, until: datetime, body: str, now: datetime
) -> Maintenance:
    """Change when a window ends; what was being verified is in progress again."""
    page, window, text = await _locked(tx, page_id, public_id, Change.EXTEND, body)
    end = checked_end(window.started_at or window.scheduled_for, until, now)
    if end == window.scheduled_until:
        return window
    return await transitions.apply(
        tx, actor, page, window, Change.EXTEND, now, body=text, scheduled_until=end
    )


@permits(Verb.STATUS_PAGE_PUBLISH)
async def postpone_maintenance(
    tx: Tx,
    actor: Actor,
    page_id: int,
    public_id: str,
    scheduled_for: datetime,
    scheduled_until: datetime,
    body: str,
    now: datetime,
) -> Maintenance:
    """Move a window that has not started to other times."""
    page, window, text = await _locked(tx, page_id, public_id, Change.POSTPONE, body)
    start = checked_start(scheduled_for, now)
    end = checked_end(start, scheduled_until, now)
    if (start, end) == window.planned:
        return window
    return await transitions.apply(
        *(tx, actor, page, window, Change.POSTPONE, now),
        body=text,
        scheduled_for=start,
        scheduled_until=end,
    )


@permits(Verb.STATUS_PAGE_PUBLISH)
async def cancel_maintenance(
    tx: Tx, actor: Actor, page_id: int, public_id: str, body: str, now: datetime
) -> Maintenance:
    """Cancel a window that has not started, or end one early that has. Idempotent when it is over."""
    page, window, text = await _locked(tx, page_id, public_id, Change.CANCEL, body)
    if window.stage.is_over:
        return window
    window = await transitions.apply(tx, actor, page, window, Change.CANCEL, now, body=text)
    await series.top_up(tx, SYSTEM, page, window, now)
    return window


@permits(Verb.STATUS_PAGE_PUBLISH)
async def add_maintenance_update(
    tx: Tx, actor: Actor, page_id: int, public_id: str, body: str, now: datetime
) -> Maintenance:
    """Publish how the maintenance goes; its stage and times stay."""
    page = await lookup.locked_page(tx, page_id)
    window = await maintenance(tx, page_id, public_id)
    if window.stage.is_over:
        raise Conflict("This maintenance is over.", hint="Replace the text of an update instead.")
    update = await transitions.publish(tx, actor, page, window, window.stage, checked_text(body), now)
    await transitions.emit(tx, window, "updated", update, now)
    await tx.audit(actor, "maintenance.update_published", page.name, now, maintenance=window.name)
    return replace(window, updates=(*window.updates, update))


@permits(Verb.STATUS_PAGE_PUBLISH)
async def stop_muting(tx: Tx, actor: Actor, page_id: int, public_id: str, now: datetime) -> Maintenance:
    """Stop muting alerts during a window; those still firing will page. Idempotent."""
    page = await lookup.locked_page(tx, page_id)
    window = await maintenance(tx, page_id, public_id)
    if window.muting is None:
        return window
    await store.change(tx, window.id, mutes=False)
    await tx.audit(actor, "maintenance.muting_stopped", page.name, now, maintenance=window.name)
    await tx.live(lookup.topic(page))
    return await muting.follow(tx, actor, page, replace(window, muting=None), now)


@permits(Verb.STATUS_PAGE_WRITE)
async def stop_repeating(tx: Tx, actor: Actor, page_id: int, public_id: str, now: datetime) -> int:
    """Cancel the windows of a series that have not started; return how many. Idempotent.

    Raise `Conflict` if the window does not repeat.
    """
    page = await lookup.locked_page(tx, page_id)
    window = await maintenance(tx, page_id, public_id)
    if window.series_id is None:
        raise Conflict("This maintenance does not repeat.", hint="Cancel it instead.")
    repeating = await store.series_by_id(tx, window.series_id)
    if repeating.stopped_at is not None:
        return 0
    await store.stop_series(tx, repeating.id, now)
    upcoming = await store.upcoming_of_series(tx, repeating.id)
    for number, each in enumerate(upcoming):
        # those who follow the page hear of the next window: the others were never announced to them
        await transitions.apply(tx, actor, page, each, Change.CANCEL, now, notify=number == 0)
    await tx.audit(actor, "maintenance.stopped_repeating", page.name, now, maintenance=repeating.name)
    return len(upcoming)
