"""Handoffs on the web: the list, the document, its editor."""

from datetime import date, timedelta
from typing import Any

from fastapi import Request, Response

from firebell.handoffs import actions, queries, reminder_lead_time
from firebell.kit.errors import Conflict, FirebellError, Invalid, NotFound
from firebell.kit.markdown import rendered
from firebell.kit.text import to_id, to_number
from firebell.kit.web import flash, html, routing, transaction
from firebell.oncall.schedules import queries as oncall
from firebell.people import authentication, route_access
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import CurrentVisit, Visit

router = routing.html_router()

PAGE_SIZE = 30
"""How many documents, and schedules with an upcoming handoff, the list shows at once."""


def day_of(text: str) -> date:
    """Parse the day in an address, or raise `NotFound`."""
    try:
        return date.fromisoformat(text)
    except ValueError as exc:
        raise NotFound(f"{text!r} is not a date.", hint="Use a date such as 2026-11-30.") from exc


async def _list(
    visit: Visit, schedule: str, before: str, hours: str = "", error: FirebellError | None = None
) -> Response:
    one = await oncall.by_slug(visit.tx, schedule) if schedule else None
    near = [one.id] if one else await oncall.ids_near(visit.tx, visit.person.id, visit.now)
    documents = await actions.handoffs(
        visit.tx, schedule_ids=near if one else None, before=to_id(before), limit=PAGE_SIZE
    )
    shown = await queries.details(visit.tx, documents)
    drafted = {(s.doc.schedule_id, s.doc.day) for s in shown}
    schedules = await oncall.schedules_by_id(
        visit.tx, near[:PAGE_SIZE], since=visit.now - actions.SCHEDULE_LOOKBACK
    )
    notice_hours = (await actions.notice_lead(visit.tx)) // timedelta(hours=1)
    coming = [
        (s, c) for s, c in actions.coming(list(schedules.values()), visit.now) if (s.id, c.day) not in drafted
    ]
    context = {
        "nav": "oncall",
        "live": "oncall",
        "handoffs": shown,
        "coming": [] if before else coming,
        "elsewhere": 0 if before else max(0, len(near) - PAGE_SIZE),
        "one": one,
        "hours": hours or notice_hours,
        "error": error,
        "older": documents[-1].id if len(documents) == PAGE_SIZE else None,
    }
    return await html.render(visit.request, "handoffs/handoffs.html", context)


@router.get("/oncall/handoffs", dependencies=route_access.needs(Verb.HANDOFF_READ))
async def handoffs(visit: CurrentVisit, schedule: str = "", before: str = "") -> Response:
    return await _list(visit, schedule, before)


@router.post("/oncall/handoffs/notice", dependencies=route_access.needs(Verb.HANDOFF_NOTICE_WRITE))
async def set_notice(visit: CurrentVisit) -> Response:
    hours = visit.text("hours").strip()
    try:
        async with visit.tx.savepoint():
            notice_hours = to_number(
                hours, "hours", least=1, most=reminder_lead_time.MAX_NOTICE_HOURS, unit="hours"
            )
            await reminder_lead_time.change(visit.tx, visit.actor, notice_hours, visit.now)
    except Invalid as error:
        return await _list(visit, "", "", hours, error)
    return flash.redirect(visit.request, "/oncall/handoffs", f"Shift reminder set to {notice_hours} hours.")


async def _document(
    request: Request, slug: str, day: str, *, edit: bool, mine: str = "", error: Conflict | None = None
) -> Response:
    ctx = html.ctx(request)
    async with ctx.db.tx() as tx:
        document = await actions.of_day(tx, await oncall.by_slug(tx, slug), day_of(day))
        (shown,) = await queries.details(tx, [document])
    context: dict[str, Any] = {
        "nav": "oncall",
        "live": "oncall",
        "h": shown,
        "html": await rendered(shown.doc.body),
        "edit": edit,
        "mine": mine,
        "error": error,
    }
    return await html.render(request, "handoffs/handoff.html", context)


@router.get("/oncall/handoffs/{slug}/{day}", dependencies=route_access.needs(Verb.HANDOFF_READ))
async def handoff(request: Request, slug: str, day: str, edit: str = "") -> Response:
    await authentication.signed_in(request)
    return await _document(request, slug, day, edit=bool(edit))


@router.post("/oncall/handoffs/{slug}/{day}", dependencies=route_access.needs(Verb.HANDOFF_WRITE))
async def save(request: Request, slug: str, day: str) -> Response:
    form, me = await route_access.form(request), await authentication.signed_in(request)
    ctx = html.ctx(request)
    body, version = str(form.get("body", "")), to_number(form.get("version", ""), "version")
    try:
        async with ctx.db.tx() as tx:
            schedule = await oncall.by_slug(tx, slug)
            await actions.save(
                tx,
                authentication.actor_of(me),
                schedule,
                day_of(day),
                body,
                version,
                transaction.now(request),
            )
    except Conflict as error:
        return await _document(request, slug, day, edit=True, mine=body, error=error)
    return flash.redirect(
        request, f"/oncall/handoffs/{schedule.slug}/{day}", f"Handoff of {schedule.name} saved."
    )


@router.post("/oncall/handoffs/{slug}/{day}/ack", dependencies=route_access.needs(Verb.HANDOFF_WRITE))
async def acknowledge(visit: CurrentVisit, slug: str, day: str) -> Response:
    schedule = await oncall.by_slug(visit.tx, slug)
    await actions.acknowledge(visit.tx, visit.actor, schedule, day_of(day), visit.person, visit.now)
    url = html.local(visit.form, f"/oncall/handoffs/{schedule.slug}/{day}")
    return flash.redirect(visit.request, url, f"Handoff of {schedule.name} acknowledged.")
