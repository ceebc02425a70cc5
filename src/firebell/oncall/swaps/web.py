"""My shifts on the web, with covers, swaps and time off."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from fastapi import Response
from starlette.datastructures import FormData

from firebell.channels import registry
from firebell.kit.errors import Conflict, FirebellError, Forbidden, Invalid, NotFound
from firebell.kit.intervals import Interval
from firebell.kit.localtime import format_range, to_instant
from firebell.kit.text import to_choice, to_id, to_wall
from firebell.kit.web import flash, html, routing
from firebell.oncall.calendars import actions as calendars
from firebell.oncall.model import Cover, CoverState, Schedule, Swap, SwapState
from firebell.oncall.rota import shifts
from firebell.oncall.schedules import queries
from firebell.oncall.swaps import cover_actions, swap_actions, time_off
from firebell.oncall.swaps import queries as swap_queries
from firebell.people import actions as people
from firebell.people import route_access
from firebell.people.model import Person
from firebell.people.permissions import Verb
from firebell.people.queries import choosable
from firebell.people.unit_of_work import CurrentVisit, Visit

router = routing.html_router()

_COVER_ANSWERED = {
    "take": "Shift taken.",
    "decline": "Cover request declined.",
    "withdraw": "Cover request withdrawn.",
    "back": "Shift given back.",
}
_SWAP_ANSWERED = {"accept": "Swap accepted.", "decline": "Swap declined.", "withdraw": "Swap withdrawn."}

MAX_SWAP_OFFERS = 12
"""How many shifts of colleagues are offered for a swap."""
FORMER_MEMBER = "Former member"


@dataclass(frozen=True, slots=True)
class SentForm:
    """A rejected form with its values, to show it again as it was sent."""

    form: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)

    @staticmethod
    def of(form: FormData, name: str) -> "SentForm":
        """Return the values of the form `name`, whose name includes its shift if it belongs to one."""
        fields = {key: str(value) for key, value in form.items()}
        return SentForm(f"{name}-{fields['shift']}" if fields.get("shift") else name, fields)


def offers_of_colleagues(
    schedules: Sequence[Schedule], me: Person, names: Mapping[int, str], now: datetime
) -> dict[int, list[tuple[str, str]]]:
    """Return the next shifts of colleagues as options of a form, by schedule."""
    offers_by_schedule: dict[int, list[tuple[str, str]]] = {}
    for schedule in schedules:
        coming = [s for s in shifts.between(schedule, now, now + queries.SHIFTS_WINDOW) if s.start > now]
        offers = [
            (
                f"{user}|{shift.start.isoformat()}|{shift.end.isoformat()}",
                f"{names.get(user, FORMER_MEMBER)}, {format_range(shift.start, shift.end, me.tz)}",
            )
            for shift in coming
            for user in shift.users
            if user != me.id
        ]
        offers_by_schedule[schedule.id] = offers[:MAX_SWAP_OFFERS]
    return offers_by_schedule


def askable(covers_: Sequence[Cover], me: Person) -> list[Cover]:
    """Return the open requests of others that `me` can take and has not declined."""
    return [
        c
        for c in covers_
        if c.state == CoverState.OPEN
        and c.requester != me.id
        and me.id not in c.declined
        and (not c.asked or me.id in c.asked)
    ]


def _parties(exchanges: Sequence[Cover | Swap]) -> set[int]:
    """Return the ids of everyone who asked, was asked or answered."""
    ids: set[int | None] = set()
    for exchange_ in exchanges:
        if isinstance(exchange_, Swap):
            ids |= {exchange_.proposer, exchange_.other}
        else:
            ids |= {exchange_.requester, exchange_.taken_by, *exchange_.asked, *exchange_.declined}
    return {i for i in ids if i is not None}


async def _my_shifts(
    visit: Visit,
    error: FirebellError | None = None,
    sent: SentForm = SentForm(),
) -> Response:
    shifts_ = await queries.shifts_of(visit.tx, visit.person.id, visit.now)
    schedules = {x.schedule.id: x.schedule for x in shifts_}
    coming = await swap_queries.covers(visit.tx, since=visit.now)
    exchanges: list[Cover | Swap] = [*coming, *await swap_queries.swaps(visit.tx, state=SwapState.OPEN)]
    named = {u for s in schedules.values() for u in s.people} | _parties(exchanges)
    names = {i: p.name for i, p in (await people.people_by_id(visit.tx, [*named])).items()}
    team = await people.members(visit.tx, list({s.team_id for s in schedules.values()}))
    asked = to_id(sent.fields.get("asked"))
    members = {i for team_members in team.values() for i, _ in team_members}
    nearby = named | members | ({asked} if asked else set())
    others = await choosable(visit.tx, nearby, visit.request.query_params.get("with", ""))
    context = {
        "nav": "oncall",
        "live": "oncall",
        "shifts": shifts_,
        "offers": offers_of_colleagues(list(schedules.values()), visit.person, names, visit.now),
        "asked_of_me": askable(coming, visit.person),
        "my_covers": [c for c in coming if c.requester == visit.person.id and c.state in ("open", "taken")],
        "taken_by_me": [c for c in coming if c.taken_by == visit.person.id and c.state == CoverState.TAKEN],
        "swaps": [s for s in exchanges if isinstance(s, Swap) and visit.person.id in (s.proposer, s.other)],
        "vacations": await swap_queries.absences(visit.tx, person_id=visit.person.id, since=visit.now),
        "schedule_names": await queries.names_by_id(visit.tx, [x.schedule_id for x in exchanges]),
        "name": lambda i: names.get(i, FORMER_MEMBER),
        "people": [(i, name) for i, name in others.options if i != visit.person.id],
        "others": others,
        "methods": await people.methods_of(visit.tx, [visit.person.id]),
        "channel_label": registry.label,
        "hours": (await people.quiet_hours(visit.tx, [visit.person.id])).get(visit.person.id),
        "feeds": len(await calendars.feeds(visit.tx, visit.person.id)),
        "error": error,
        "sent": sent.form,
        "fields": sent.fields,
    }
    return await html.render(visit.request, "oncall/my_shifts.html", context)


@router.get("/oncall/me", dependencies=route_access.needs(Verb.SCHEDULE_READ))
async def mine(visit: CurrentVisit) -> Response:
    return await _my_shifts(visit)


def _at(fields: FormData, name: str, tz: str) -> datetime:
    return to_instant(to_wall(fields.get(name), name), tz)


def _interval(text: str) -> Interval:
    """Parse the start and the end of a shift from a form value."""
    try:
        start, end = (datetime.fromisoformat(part) for part in text.split("|"))
    except ValueError as exc:
        raise Invalid("Choose a shift from the list.") from exc
    if start.tzinfo is None or end.tzinfo is None:
        raise Invalid("Choose a shift from the list.")
    return Interval(start, end)


@router.post("/oncall/covers", dependencies=route_access.needs(Verb.SHIFT_TRADE))
async def ask(visit: CurrentVisit) -> Response:
    try:
        asked = to_choice(visit.form.get("asked"), "asked")
        async with visit.tx.savepoint():
            await cover_actions.ask(
                visit.tx,
                visit.actor,
                schedule_id=to_id(visit.form.get("schedule")) or 0,
                requester=visit.person.id,
                start=_at(visit.form, "start", visit.person.tz),
                end=_at(visit.form, "end", visit.person.tz),
                asked=[asked] if asked else [],
                reason=visit.text("reason"),
                now=visit.now,
            )
    except (Conflict, Invalid, NotFound) as error:
        return await _my_shifts(visit, error, SentForm.of(visit.form, "cover"))
    return flash.redirect(visit.request, "/oncall/me#covers", "Cover request sent.")


@router.post("/oncall/covers/{cover_id}/{verb}", dependencies=route_access.needs(Verb.SHIFT_TRADE))
async def answer_cover(visit: CurrentVisit, cover_id: int, verb: str) -> Response:
    try:
        async with visit.tx.savepoint():
            match verb:
                case "take":
                    low, high = (
                        _at(visit.form, n, visit.person.tz) if visit.form.get(n) else None
                        for n in ("start", "end")
                    )
                    await cover_actions.take(
                        visit.tx, visit.actor, cover_id, visit.person.id, start=low, end=high, now=visit.now
                    )
                case "decline":
                    await cover_actions.decline(visit.tx, visit.actor, cover_id, visit.person.id, visit.now)
                case "withdraw":
                    await cover_actions.withdraw(visit.tx, visit.actor, cover_id, visit.now)
                case "back":
                    await cover_actions.give_back(visit.tx, visit.actor, cover_id, visit.now)
                case _:
                    raise NotFound(f"Unknown action: {verb}.")
    except (Conflict, Forbidden, Invalid, NotFound) as error:
        return await _my_shifts(visit, error)
    return flash.redirect(visit.request, "/oncall/me#covers", _COVER_ANSWERED[verb])


@router.post("/oncall/swaps", dependencies=route_access.needs(Verb.SHIFT_TRADE))
async def propose(visit: CurrentVisit) -> Response:
    try:
        other, _, theirs = visit.text("theirs").partition("|")
        async with visit.tx.savepoint():
            await swap_actions.propose(
                visit.tx,
                visit.actor,
                schedule_id=to_id(visit.form.get("schedule")) or 0,
                proposer=visit.person.id,
                other=to_id(other) or 0,
                mine=_interval(visit.text("mine")),
                theirs=_interval(theirs),
                reason=visit.text("reason"),
                now=visit.now,
            )
    except (Conflict, Invalid, NotFound) as error:
        return await _my_shifts(visit, error, SentForm.of(visit.form, "swap"))
    return flash.redirect(visit.request, "/oncall/me#covers", "Swap proposed.")


@router.post("/oncall/swaps/{swap_id}/{verb}", dependencies=route_access.needs(Verb.SHIFT_TRADE))
async def answer_swap(visit: CurrentVisit, swap_id: int, verb: str) -> Response:
    action = {
        "accept": swap_actions.accept,
        "decline": swap_actions.decline,
        "withdraw": swap_actions.withdraw,
    }.get(verb)
    try:
        if action is None:
            raise NotFound(f"Unknown action: {verb}.")
        async with visit.tx.savepoint():
            await swap_actions.check_party(visit.tx, visit.actor, swap_id)
            await action(visit.tx, visit.actor, swap_id, visit.now)
    except (Conflict, Forbidden, Invalid, NotFound) as error:
        return await _my_shifts(visit, error)
    return flash.redirect(visit.request, "/oncall/me#covers", _SWAP_ANSWERED[verb])


@router.post("/oncall/vacations", dependencies=route_access.needs(Verb.TIME_OFF_WRITE))
async def away(visit: CurrentVisit) -> Response:
    try:
        async with visit.tx.savepoint():
            await time_off.add(
                visit.tx,
                visit.actor,
                person_id=visit.person.id,
                start=_at(visit.form, "start", visit.person.tz),
                end=_at(visit.form, "end", visit.person.tz),
                reason=visit.text("reason"),
                now=visit.now,
            )
    except (Conflict, Invalid) as error:
        return await _my_shifts(visit, error, SentForm.of(visit.form, "away"))
    return flash.redirect(visit.request, "/oncall/me#away", "Time off saved.")


@router.post("/oncall/vacations/{vacation_id}/cancel", dependencies=route_access.needs(Verb.TIME_OFF_WRITE))
async def back(visit: CurrentVisit, vacation_id: int) -> Response:
    try:
        async with visit.tx.savepoint():
            await time_off.cancel(visit.tx, visit.actor, vacation_id, visit.now)
    except (Forbidden, NotFound) as error:
        return await _my_shifts(visit, error)
    return flash.redirect(visit.request, "/oncall/me#away", "Time off canceled.")
