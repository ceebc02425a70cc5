"""My shifts on the web, with covers, swaps and time off."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from fastapi import Request, Response
from starlette.datastructures import FormData

from firebell.channels import registry
from firebell.kit.errors import Conflict, FirebellError, Forbidden, Invalid, NotFound
from firebell.kit.localtime import format_range, to_instant
from firebell.kit.text import to_choice, to_id, to_wall
from firebell.kit.web import flash, html, routing
from firebell.oncall import actions
from firebell.oncall.calendars import actions as calendars
from firebell.oncall.model import Cover, CoverState, Schedule, Swap, SwapState
from firebell.oncall.rota import shifts
from firebell.oncall.swaps import absences, covers, exchange, parties, swaps
from firebell.people import access
from firebell.people import actions as people
from firebell.people.model import Person
from firebell.people.permissions import Verb
from firebell.people.queries import choosable

router = routing.html_router()

_COVER_ANSWERED = {
    "take": "Shift taken.",
    "decline": "Cover request declined.",
    "withdraw": "Cover request withdrawn.",
    "back": "Shift given back.",
}
_SWAP_ANSWERED = {"accept": "Swap accepted.", "decline": "Swap declined.", "withdraw": "Swap withdrawn."}

MY_SHIFTS_WINDOW = timedelta(days=60)
MAX_SWAP_OFFERS = 12
"""How many shifts of colleagues are offered for a swap."""
LEFT = "Former member"


@dataclass(frozen=True, slots=True)
class SentForm:
    """A rejected form with its values, to show it again as it was sent."""

    form: str = ""
    given: Mapping[str, str] = field(default_factory=dict)

    @staticmethod
    def of(form: FormData, name: str) -> "SentForm":
        """Return the values of the form `name`, whose name includes its shift if it belongs to one."""
        given = {key: str(value) for key, value in form.items()}
        return SentForm(f"{name}-{given['shift']}" if given.get("shift") else name, given)


def _offers(
    schedules: Sequence[Schedule], me: Person, names: Mapping[int, str], now: datetime
) -> dict[int, list[tuple[str, str]]]:
    """Return the next shifts of colleagues as options of a form, by schedule."""
    offers_by_schedule: dict[int, list[tuple[str, str]]] = {}
    for schedule in schedules:
        coming = [s for s in shifts.between(schedule, now, now + MY_SHIFTS_WINDOW) if s.start > now]
        offers = [
            (
                f"{user}|{shift.start.isoformat()}|{shift.end.isoformat()}",
                f"{names.get(int(user), LEFT)}, {format_range(shift.start, shift.end, me.tz)}",
            )
            for shift in coming
            for user in shift.users
            if user != me.id
        ]
        offers_by_schedule[int(schedule.id)] = offers[:MAX_SWAP_OFFERS]
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
    request: Request,
    me: Person,
    error: FirebellError | None = None,
    sent: SentForm = SentForm(),
) -> Response:
    ctx = html.ctx(request)
    now = ctx.clock.now()
    async with ctx.db.tx() as tx:
        shifts_ = await actions.shifts_of(tx, me.id, now, MY_SHIFTS_WINDOW)
        schedules = {int(x.schedule.id): x.schedule for x in shifts_}
        coming = await actions.covers(tx, since=now)
        exchanges: list[Cover | Swap] = [*coming, *await actions.swaps(tx, state=SwapState.OPEN)]
        named = {int(u) for s in schedules.values() for u in s.people} | _parties(exchanges)
        names = {i: p.name for i, p in (await people.people_by_id(tx, [*named])).items()}
        team = await people.members(tx, list({s.team_id for s in schedules.values()}))
        asked = to_id(sent.given.get("asked"))
        members = {i for team_members in team.values() for i, _ in team_members}
        nearby = named | members | ({asked} if asked else set())
        others = await choosable(tx, nearby, request.query_params.get("with", ""))
        context = {
            "nav": "oncall",
            "live": "oncall",
            "shifts": shifts_,
            "offers": _offers(list(schedules.values()), me, names, now),
            "asked_of_me": askable(coming, me),
            "my_covers": [c for c in coming if c.requester == me.id and c.state in ("open", "taken")],
            "taken_by_me": [c for c in coming if c.taken_by == me.id and c.state == CoverState.TAKEN],
            "swaps": [s for s in exchanges if isinstance(s, Swap) and me.id in (s.proposer, s.other)],
            "vacations": await actions.vacations(tx, person_id=me.id, since=now),
            "schedule_names": await actions.names_by_id(tx, [x.schedule_id for x in exchanges]),
            "name": lambda i: names.get(i, LEFT),
            "people": [(i, name) for i, name in others.options if i != me.id],
            "others": others,
            "methods": await people.methods_of(tx, [me.id]),
            "channel_label": registry.label,
            "hours": (await people.quiet_hours(tx, [me.id])).get(me.id),
            "feeds": len(await calendars.feeds(tx, me.id)),
            "error": error,
            "errors": error.fields if error else {},
            "sent": sent.form,
            "given": sent.given,
        }
    return await html.render(request, "oncall/me.html", context, error.status if error else 200)


@router.get("/oncall/me", dependencies=access.needs(Verb.SCHEDULE_READ))
async def mine(request: Request) -> Response:
    return await _my_shifts(request, await access.signed_in(request))


def _at(given: FormData, name: str, tz: str) -> datetime:
    return to_instant(to_wall(given.get(name), name), tz)


def _interval(text: str) -> exchange.Stretch:
    """Parse the start and the end of a shift from a form value."""
    try:
        start, end = (datetime.fromisoformat(part) for part in text.split("|"))
    except ValueError as exc:
        raise Invalid("Choose a shift from the list.") from exc
    if start.tzinfo is None or end.tzinfo is None:
        raise Invalid("Choose a shift from the list.")
    return start, end


@router.post("/oncall/covers", dependencies=access.needs(Verb.SHIFT_TRADE))
async def ask(request: Request) -> Response:
    form, me = await access.form(request), await access.signed_in(request)
    ctx = html.ctx(request)
    try:
        asked = to_choice(form.get("asked"), "asked")
        async with ctx.db.tx() as tx:
            await covers.ask(
                tx,
                access.actor_of(me),
                schedule_id=to_id(form.get("schedule")) or 0,
                requester=me.id,
                start=_at(form, "start", me.tz),
                end=_at(form, "end", me.tz),
                asked=[asked] if asked else [],
                reason=str(form.get("reason") or ""),
                now=ctx.clock.now(),
            )
    except (Conflict, Invalid, NotFound) as error:
        return await _my_shifts(request, me, error, SentForm.of(form, "cover"))
    return flash.redirect(request, "/oncall/me#covers", "Cover request sent.")


@router.post("/oncall/covers/{cover_id}/{verb}", dependencies=access.needs(Verb.SHIFT_TRADE))
async def answer_cover(request: Request, cover_id: int, verb: str) -> Response:
    form, me = await access.form(request), await access.signed_in(request)
    ctx, actor = html.ctx(request), access.actor_of(me)
    now = ctx.clock.now()
    try:
        async with ctx.db.tx() as tx:
            match verb:
                case "take":
                    low, high = (_at(form, n, me.tz) if form.get(n) else None for n in ("start", "end"))
                    await covers.take(tx, actor, cover_id, me.id, start=low, end=high, now=now)
                case "decline":
                    await covers.decline(tx, actor, cover_id, me.id, now)
                case "withdraw":
                    await parties.check_request(tx, access.rights_of(me), me.id, cover_id)
                    await covers.withdraw(tx, actor, cover_id, now)
                case "back":
                    await parties.check_taken(tx, access.rights_of(me), me.id, cover_id)
                    await covers.give_back(tx, actor, cover_id, now)
                case _:
                    raise NotFound(f"Unknown action: {verb}.")
    except (Conflict, Forbidden, Invalid, NotFound) as error:
        return await _my_shifts(request, me, error)
    return flash.redirect(request, "/oncall/me#covers", _COVER_ANSWERED[verb])


@router.post("/oncall/swaps", dependencies=access.needs(Verb.SHIFT_TRADE))
async def propose(request: Request) -> Response:
    form, me = await access.form(request), await access.signed_in(request)
    ctx = html.ctx(request)
    try:
        other, _, theirs = str(form.get("theirs") or "").partition("|")
        async with ctx.db.tx() as tx:
            await swaps.propose(
                tx,
                access.actor_of(me),
                schedule_id=to_id(form.get("schedule")) or 0,
                proposer=me.id,
                other=to_id(other) or 0,
                mine=_interval(str(form.get("mine") or "")),
                theirs=_interval(theirs),
                reason=str(form.get("reason") or ""),
                now=ctx.clock.now(),
            )
    except (Conflict, Invalid, NotFound) as error:
        return await _my_shifts(request, me, error, SentForm.of(form, "swap"))
    return flash.redirect(request, "/oncall/me#covers", "Swap proposed.")


@router.post("/oncall/swaps/{swap_id}/{verb}", dependencies=access.needs(Verb.SHIFT_TRADE))
async def answer_swap(request: Request, swap_id: int, verb: str) -> Response:
    await access.form(request)
    me, ctx = await access.signed_in(request), html.ctx(request)
    action = {"accept": swaps.accept, "decline": swaps.decline, "withdraw": swaps.withdraw}.get(verb)
    try:
        if action is None:
            raise NotFound(f"Unknown action: {verb}.")
        async with ctx.db.tx() as tx:
            await parties.check_swap(tx, access.rights_of(me), me.id, swap_id)
            await action(tx, access.actor_of(me), swap_id, ctx.clock.now())
    except (Conflict, Forbidden, Invalid, NotFound) as error:
        return await _my_shifts(request, me, error)
    return flash.redirect(request, "/oncall/me#covers", _SWAP_ANSWERED[verb])


@router.post("/oncall/vacations", dependencies=access.needs(Verb.TIME_OFF_WRITE))
async def away(request: Request) -> Response:
    form, me = await access.form(request), await access.signed_in(request)
    ctx = html.ctx(request)
    try:
        async with ctx.db.tx() as tx:
            await absences.add(
                tx,
                access.actor_of(me),
                person_id=me.id,
                start=_at(form, "start", me.tz),
                end=_at(form, "end", me.tz),
                reason=str(form.get("reason") or ""),
                now=ctx.clock.now(),
            )
    except (Conflict, Invalid) as error:
        return await _my_shifts(request, me, error, SentForm.of(form, "away"))
    return flash.redirect(request, "/oncall/me#away", "Time off saved.")


@router.post("/oncall/vacations/{vacation_id}/cancel", dependencies=access.needs(Verb.TIME_OFF_WRITE))
async def back(request: Request, vacation_id: int) -> Response:
    await access.form(request)
    me, ctx = await access.signed_in(request), html.ctx(request)
    try:
        async with ctx.db.tx() as tx:
            await parties.check_time_off(tx, access.rights_of(me), me.id, vacation_id)
            await absences.cancel(tx, access.actor_of(me), vacation_id, ctx.clock.now())
    except (Forbidden, NotFound) as error:
        return await _my_shifts(request, me, error)
    return flash.redirect(request, "/oncall/me#away", "Time off canceled.")
