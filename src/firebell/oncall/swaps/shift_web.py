"""One shift of a schedule: cover, swap or override it. A page of its own, or a dialog over the schedule."""

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import Query, Response

from firebell.kit.errors import NotFound
from firebell.kit.localtime import format_range
from firebell.kit.web import html, routing
from firebell.kit.web.api import Instant
from firebell.oncall.model import Schedule, Shift
from firebell.oncall.rota.shifts import between
from firebell.oncall.rota.timeline_grid import SHIFT_END_SEARCH
from firebell.oncall.schedules import editor_form, override_presets, queries
from firebell.oncall.schedules.queries import PersonShift
from firebell.oncall.swaps.web import FORMER_MEMBER, offers_of_colleagues
from firebell.people import actions as people
from firebell.people import route_access
from firebell.people.permissions import Verb
from firebell.people.queries import choosable
from firebell.people.unit_of_work import CurrentVisit, Visit

router = routing.html_router()


def shift_at(schedule: Schedule, at: datetime) -> Shift | None:
    """Return the shift or gap at an instant, with its true start and end up to 35 days away; None without layers."""
    shifts = between(schedule, at - SHIFT_END_SEARCH, at + SHIFT_END_SEARCH)
    return next((shift for shift in shifts if shift.start <= at < shift.end), None)


@router.get("/oncall/{slug}/shift", dependencies=route_access.needs(Verb.SCHEDULE_READ))
async def shift(visit: CurrentVisit, slug: str, at: Annotated[Instant | None, Query()] = None) -> Response:
    """Render the shift at an instant, now by default."""
    instant = at or visit.now
    schedule = await queries.by_slug(visit.tx, slug)
    current = shift_at(schedule, instant)
    if current is None or current.end <= visit.now:
        raise NotFound(
            "This shift is over, or was changed.", hint=f"Open {schedule.name} to see who is on call."
        )
    team = await people.team_members(visit.tx, schedule.team_id)
    others = await choosable(visit.tx, {visit.person.id, *schedule.people, *team})
    named = await people.people_by_id(visit.tx, list({*schedule.people, *current.users}))
    names = {i: person.name for i, person in named.items()}
    context = {
        "nav": "oncall",
        "schedule": schedule,
        "shift": current,
        "mine": PersonShift(current.start, current.end, schedule)
        if visit.person.id in current.users
        else None,
        "my_shifts": await _my_shifts(visit, schedule),
        "offers": {
            schedule.id: offers_of_colleagues([schedule], visit.person, names, visit.now)[schedule.id]
        },
        "name": lambda i: names.get(i, FORMER_MEMBER),
        "people": [(i, name) for i, name in others.options if i != visit.person.id],
        "others": others,
        "lengths": _lengths(current, visit.now, visit.person.tz),
        "fields": {},
        "sent": "",
    }
    return await html.render(visit.request, "oncall/shift.html", context)


async def _my_shifts(visit: Visit, schedule: Schedule) -> list[tuple[str, str]]:
    """Return the person's coming shifts on this schedule, as options to swap."""
    own = await queries.shifts_of(visit.tx, visit.person.id, visit.now)
    return [
        (f"{s.start.isoformat()}|{s.end.isoformat()}", format_range(s.start, s.end, visit.person.tz))
        for s in own
        if s.schedule.id == schedule.id and s.start > visit.now
    ]


def _lengths(shift_: Shift, now: datetime, tz: str) -> list[tuple[str, str]]:
    """Return the options for an override of this shift; the presets only if the shift is on call then."""
    runs = shift_.start <= now
    presets = (
        ("2", "The next 2 hours", (now, now + timedelta(hours=2))),
        (editor_form.TONIGHT, "Tonight, 18:00 to 08:00", override_presets.night(now, tz)),
        (editor_form.WEEKEND, "This weekend, Fri 18:00 to Mon 08:00", override_presets.weekend(now, tz)),
    )
    return [
        (editor_form.SHIFT, "The rest of the shift" if runs else "The whole shift"),
        *(
            (value, label)
            for value, label, (start, end) in presets
            if shift_.start <= start and end <= shift_.end
        ),
    ]
