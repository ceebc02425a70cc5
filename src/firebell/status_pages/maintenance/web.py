"""The pages on which people schedule maintenance and run it."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from fastapi import Response

from firebell.alerts import actions as alerts
from firebell.catalog import actions as catalog
from firebell.kit.durations import duration
from firebell.kit.errors import FirebellError, Invalid
from firebell.kit.intervals import Interval
from firebell.kit.localtime import to_instant, to_local
from firebell.kit.text import to_choices, to_number, to_wall
from firebell.kit.web import flash, html, routing
from firebell.people import route_access
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import CurrentVisit, Visit
from firebell.status_pages import actions as page_actions
from firebell.status_pages import store as page_store
from firebell.status_pages.hosting import queries as hosting_queries
from firebell.status_pages.maintenance import actions, findings, muting, published_texts, queries, recurrence
from firebell.status_pages.maintenance_windows import lifecycle, texts
from firebell.status_pages.maintenance_windows.lifecycle import Change
from firebell.status_pages.maintenance_windows.model import (
    DEFAULT_REMINDERS,
    MAINTENANCE_STAGE_LABELS,
    Maintenance,
    MaintenancePlan,
    MaintenanceStage,
    Muting,
)
from firebell.status_pages.model import Component, StatusPage

router = routing.html_router()

REPEATS = (
    ("once", "Once"),
    ("weekly", "Weekly"),
    ("fortnightly", "Every two weeks"),
    ("monthly", "Monthly, on the same weekday"),
    ("custom", "Custom"),
)
REMINDER_LABELS = {10_080: "7 days before", 1440: "24 h before", 60: "1 h before"}
_SUGGESTED_LEAD = timedelta(days=7)
_SUGGESTED_HOUR = 2
_SUGGESTED_LENGTH = timedelta(hours=2)
_BASE = "/status-pages/{slug}/maintenance"
_ONE = f"{_BASE}/{{maintenance_id}}"


def _times(page: StatusPage) -> dict[str, Any]:
    """Return what templates need to show times in the time zone of the page."""
    return {
        "window_text": lambda window: texts.window_text(window.planned, page.tz),
        "instant_text": lambda at: texts.instant_text(at, page.tz),
        "wall": lambda at: f"{to_local(at, page.tz):%Y-%m-%dT%H:%M}",
        "maintenance_stages": MAINTENANCE_STAGE_LABELS,
    }


@router.get(_BASE, dependencies=route_access.needs(Verb.STATUS_PAGE_READ))
async def list_maintenance(visit: CurrentVisit, slug: str) -> Response:
    page = await page_actions.status_page(visit.tx, slug)
    windows = await queries.windows(visit.tx, page, visit.now)
    next_windows = lifecycle.next_windows(windows)
    names = {c.id: c.name for c in await page_store.components(visit.tx, page.id)}
    context = {
        "nav": "status-pages",
        "live": f"{page_actions.topic(page)},{alerts.MUTES_TOPIC}",
        "page": page,
        "muted": {mute.id: mute.alerts for mute in await alerts.muted_counts(visit.tx, visit.now)},
        "unfinished": [w for w in windows if w.stage.is_active or w in next_windows],
        "later": [w for w in windows if w.stage is MaintenanceStage.SCHEDULED and w not in next_windows],
        "over": [window for window in reversed(windows) if window.stage.is_over],
        "findings": findings.overdue(windows, visit.now),
        "names": names,
        **_times(page),
    }
    return await html.render(visit.request, "status_pages/maintenance_list.html", context)


def _instant(visit: Visit, name: str, page: StatusPage) -> datetime:
    return to_instant(to_wall(visit.text(name), name), page.tz)


def _rule(visit: Visit, start: datetime, page: StatusPage) -> str:
    repeat, wall = visit.text("repeat") or "once", to_local(start, page.tz)
    if repeat == "custom":
        if not visit.text("rule").strip():
            raise Invalid("The rule is missing.", fields={"rule": "Enter one such as FREQ=WEEKLY;BYDAY=SU."})
        return visit.text("rule")
    rules = {
        "once": "",
        "weekly": recurrence.weekly(wall),
        "fortnightly": recurrence.weekly(wall, 2),
        "monthly": recurrence.monthly(wall),
    }
    if repeat not in rules:
        raise Invalid(f"{repeat[:40]!r} is not a repetition.", fields={"repeat": "Choose from the list."})
    return rules[repeat]


def _plan(visit: Visit, page: StatusPage) -> MaintenancePlan:
    """Return what the form wants to schedule; its times are in the time zone of the page."""
    start = _instant(visit, "scheduled_for", page) if visit.text("scheduled_for") else None
    return MaintenancePlan(
        visit.text("name"),
        visit.text("body"),
        start,
        _instant(visit, "scheduled_until", page),
        tuple(to_choices(visit.form.getlist("component"), "components")),
        "auto_start" in visit.values,
        "auto_end" in visit.values,
        tuple(to_number(minutes, "reminders") for minutes in visit.form.getlist("reminder")),
        _rule(visit, start or visit.now, page),
        Muting(
            tuple(to_choices(visit.form.getlist("mute_service"), "mute_services")),
            visit.text("mute_matchers"),
        )
        if "mutes" in visit.values
        else None,
    )


async def _form(
    visit: Visit,
    page: StatusPage,
    values: Mapping[str, str],
    error: FirebellError | None = None,
    preview: MaintenancePlan | None = None,
) -> Response:
    components = await page_store.components(visit.tx, page.id)
    suggested = to_local(visit.now + _SUGGESTED_LEAD, page.tz).replace(
        hour=_SUGGESTED_HOUR, minute=0, second=0, microsecond=0
    )
    chosen = visit.form.getlist("component") if values else []
    reminders = visit.form.getlist("reminder") if values else [str(m) for m in DEFAULT_REMINDERS]
    context: dict[str, Any] = {
        "nav": "status-pages",
        "page": page,
        "components": components,
        "chosen": set(chosen),
        "chosen_reminders": set(reminders),
        "reminder_labels": REMINDER_LABELS,
        "services": await catalog.services(visit.tx),
        "chosen_services": set(visit.form.getlist("mute_service")) if values else set(),
        "repeats": REPEATS,
        "values": values,
        "draft": await queries.draft(visit.tx),
        "suggested_start": f"{suggested:%Y-%m-%dT%H:%M}",
        "suggested_end": f"{suggested + _SUGGESTED_LENGTH:%Y-%m-%dT%H:%M}",
        "preview": preview,
        "error": error,
    }
    if preview is not None:
        context |= await _preview(visit, page, components, preview)
    return await html.render(visit.request, "status_pages/maintenance_new.html", context)


async def _preview(
    visit: Visit, page: StatusPage, components: list[Component], plan: MaintenancePlan
) -> dict[str, Any]:
    """Return what customers will read, what to know before, and when the windows are."""
    start = plan.scheduled_for or visit.now
    planned = Interval(start, plan.scheduled_until)
    names = [c.name for c in components if c.id in plan.component_ids]
    length = planned.end - planned.start
    wall = to_local(start, page.tz)
    starts = recurrence.starts_between(plan.rule, wall, wall, wall + recurrence.HORIZON) if plan.rule else []
    windows = [(to_instant(each, page.tz), to_instant(each, page.tz) + length) for each in starts]
    return {
        "preview_names": names,
        "preview_body": texts.filled(plan.body, names, planned, page.tz),
        "preview_times": [texts.window_text(window, page.tz) for window in windows or [planned]],
        "checks": await queries.before_scheduling(
            visit.tx, page, planned, frozenset(plan.component_ids), visit.now
        ),
    }


@router.get(f"{_BASE}/new", dependencies=route_access.needs(Verb.STATUS_PAGE_WRITE))
async def new_maintenance(visit: CurrentVisit, slug: str) -> Response:
    return await _form(visit, await page_actions.status_page(visit.tx, slug), {})


@router.post(f"{_BASE}/new", dependencies=route_access.needs(Verb.STATUS_PAGE_WRITE))
async def schedule(visit: CurrentVisit, slug: str) -> Response:
    page = await page_actions.status_page(visit.tx, slug)
    try:
        async with visit.tx.savepoint():
            plan = _plan(visit, page)
            if visit.text("preview"):
                plan = await actions.checked_plan(visit.tx, page, plan, visit.now)
                return await _form(visit, page, visit.values, None, plan)
            window = await actions.schedule_maintenance(visit.tx, visit.actor, page.id, plan, visit.now)
    except FirebellError as error:
        return await _form(visit, page, visit.values, error)
    return flash.redirect(
        visit.request, f"/status-pages/{slug}/maintenance/{window.public_id}", "Maintenance published."
    )


async def _show(
    visit: Visit,
    slug: str,
    maintenance_id: str,
    values: Mapping[str, str],
    error: FirebellError | None = None,
) -> Response:
    page = await page_actions.status_page(visit.tx, slug)
    window = await actions.maintenance(visit.tx, page.id, maintenance_id)
    names = [c.name for c in await page_store.components(visit.tx, page.id) if c.id in window.component_ids]
    context = {
        "nav": "status-pages",
        "live": f"{page_actions.topic(page)},{alerts.MUTES_TOPIC}",
        "page": page,
        "window": window,
        "muted": await muting.muted_now(visit.tx, window, visit.now),
        "names": names,
        "allowed": {change.value for change in Change if not lifecycle.refusal(window.stage, change)}
        if not window.stage.is_over
        else set(),
        "findings": findings.overdue([window], visit.now),
        "reminders": [duration(timedelta(minutes=minutes)) for minutes in window.reminders],
        "upcoming": await queries.upcoming_of_series(visit.tx, window),
        "languages": await hosting_queries.other_languages(visit.tx, page),
        "values": values,
        "error": error,
        **_times(page),
    }
    return await html.render(visit.request, "status_pages/maintenance.html", context)


@router.get(_ONE, dependencies=route_access.needs(Verb.STATUS_PAGE_READ))
async def show_maintenance(visit: CurrentVisit, slug: str, maintenance_id: str) -> Response:
    return await _show(visit, slug, maintenance_id, {})


def _changed(visit: Visit, slug: str, window: Maintenance, message: str) -> Response:
    return flash.redirect(visit.request, f"/status-pages/{slug}/maintenance/{window.public_id}", message)


@router.post(f"{_ONE}/start", dependencies=route_access.needs(Verb.STATUS_PAGE_PUBLISH))
async def start(visit: CurrentVisit, slug: str, maintenance_id: str) -> Response:
    page = await page_actions.status_page(visit.tx, slug)
    window = await actions.start_maintenance(visit.tx, visit.actor, page.id, maintenance_id, "", visit.now)
    return _changed(visit, slug, window, "Maintenance started.")


@router.post(f"{_ONE}/verify", dependencies=route_access.needs(Verb.STATUS_PAGE_PUBLISH))
async def verify(visit: CurrentVisit, slug: str, maintenance_id: str) -> Response:
    page = await page_actions.status_page(visit.tx, slug)
    window = await actions.verify_maintenance(visit.tx, visit.actor, page.id, maintenance_id, "", visit.now)
    return _changed(visit, slug, window, "Maintenance is being verified.")


@router.post(f"{_ONE}/complete", dependencies=route_access.needs(Verb.STATUS_PAGE_PUBLISH))
async def complete(visit: CurrentVisit, slug: str, maintenance_id: str) -> Response:
    page = await page_actions.status_page(visit.tx, slug)
    window = await actions.complete_maintenance(visit.tx, visit.actor, page.id, maintenance_id, "", visit.now)
    message = "Maintenance completed." if window.stage.is_over else "An alert is firing: verify first."
    return _changed(visit, slug, window, message)


@router.post(f"{_ONE}/cancel", dependencies=route_access.needs(Verb.STATUS_PAGE_PUBLISH))
async def cancel(visit: CurrentVisit, slug: str, maintenance_id: str) -> Response:
    page = await page_actions.status_page(visit.tx, slug)
    window = await actions.cancel_maintenance(
        visit.tx, visit.actor, page.id, maintenance_id, visit.text("body"), visit.now
    )
    return _changed(visit, slug, window, "Maintenance canceled." if not window.started_at else "Ended early.")


@router.post(f"{_ONE}/extend", dependencies=route_access.needs(Verb.STATUS_PAGE_PUBLISH))
async def extend(visit: CurrentVisit, slug: str, maintenance_id: str) -> Response:
    page = await page_actions.status_page(visit.tx, slug)
    try:
        async with visit.tx.savepoint():
            window = await actions.extend_maintenance(
                *(visit.tx, visit.actor, page.id, maintenance_id),
                _instant(visit, "scheduled_until", page),
                visit.text("body"),
                visit.now,
            )
    except FirebellError as error:
        return await _show(visit, slug, maintenance_id, {"form": "extend", **visit.values}, error)
    return _changed(visit, slug, window, "End changed.")


@router.post(f"{_ONE}/postpone", dependencies=route_access.needs(Verb.STATUS_PAGE_PUBLISH))
async def postpone(visit: CurrentVisit, slug: str, maintenance_id: str) -> Response:
    page = await page_actions.status_page(visit.tx, slug)
    try:
        async with visit.tx.savepoint():
            window = await actions.postpone_maintenance(
                *(visit.tx, visit.actor, page.id, maintenance_id),
                _instant(visit, "scheduled_for", page),
                _instant(visit, "scheduled_until", page),
                visit.text("body"),
                visit.now,
            )
    except FirebellError as error:
        return await _show(visit, slug, maintenance_id, {"form": "postpone", **visit.values}, error)
    return _changed(visit, slug, window, "Maintenance postponed.")


@router.post(f"{_ONE}/updates", dependencies=route_access.needs(Verb.STATUS_PAGE_PUBLISH))
async def add_update(visit: CurrentVisit, slug: str, maintenance_id: str) -> Response:
    page = await page_actions.status_page(visit.tx, slug)
    try:
        async with visit.tx.savepoint():
            window = await actions.add_maintenance_update(
                visit.tx, visit.actor, page.id, maintenance_id, visit.text("body"), visit.now
            )
    except FirebellError as error:
        return await _show(visit, slug, maintenance_id, {"form": "update", **visit.values}, error)
    return _changed(visit, slug, window, "Update published.")


@router.post(f"{_ONE}/updates/{{seq}}", dependencies=route_access.needs(Verb.STATUS_PAGE_PUBLISH))
async def edit_update(visit: CurrentVisit, slug: str, maintenance_id: str, seq: str) -> Response:
    page = await page_actions.status_page(visit.tx, slug)
    window = await published_texts.edit_maintenance_update(
        *(visit.tx, visit.actor, page.id, maintenance_id),
        to_number(seq, "update", least=1),
        visit.text("body"),
        visit.text("reason"),
        visit.now,
    )
    return _changed(visit, slug, window, "Text replaced.")


@router.post(f"{_ONE}/stop-muting", dependencies=route_access.needs(Verb.STATUS_PAGE_PUBLISH))
async def stop_muting(visit: CurrentVisit, slug: str, maintenance_id: str) -> Response:
    page = await page_actions.status_page(visit.tx, slug)
    window = await actions.stop_muting(visit.tx, visit.actor, page.id, maintenance_id, visit.now)
    return _changed(visit, slug, window, "Alerts page again.")


@router.post(
    f"{_ONE}/updates/{{seq}}/translations", dependencies=route_access.needs(Verb.STATUS_PAGE_PUBLISH)
)
async def translate_update(visit: CurrentVisit, slug: str, maintenance_id: str, seq: str) -> Response:
    page = await page_actions.status_page(visit.tx, slug)
    window = await published_texts.translate_maintenance_update(
        *(visit.tx, visit.actor, page.id, maintenance_id),
        to_number(seq, "update", least=1),
        visit.text("locale"),
        visit.text("body"),
        visit.now,
    )
    return _changed(visit, slug, window, "Translation saved.")


@router.post(f"{_ONE}/updates/{{seq}}/retract", dependencies=route_access.needs(Verb.STATUS_PAGE_WRITE))
async def retract_update(visit: CurrentVisit, slug: str, maintenance_id: str, seq: str) -> Response:
    page = await page_actions.status_page(visit.tx, slug)
    window = await published_texts.retract_maintenance_update(
        *(visit.tx, visit.actor, page.id, maintenance_id),
        to_number(seq, "update", least=1),
        visit.text("reason"),
        visit.now,
    )
    return _changed(visit, slug, window, "Text erased.")


@router.post(f"{_ONE}/stop-repeating", dependencies=route_access.needs(Verb.STATUS_PAGE_WRITE))
async def stop_repeating(visit: CurrentVisit, slug: str, maintenance_id: str) -> Response:
    page = await page_actions.status_page(visit.tx, slug)
    cancelled = await actions.stop_repeating(visit.tx, visit.actor, page.id, maintenance_id, visit.now)
    return flash.redirect(
        visit.request, f"/status-pages/{slug}/maintenance", f"Canceled {cancelled} windows."
    )
