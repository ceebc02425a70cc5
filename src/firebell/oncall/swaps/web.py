"""My shifts, and what colleagues settle among themselves: covers, swaps and absences."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from fastapi import Request, Response
from starlette.datastructures import FormData

from firebell.kit import flash, html, routing
from firebell.kit.errors import Conflict, FirebellError, Forbidden, Invalid, NotFound
from firebell.kit.localtime import format_range, to_instant
from firebell.kit.text import to_choice, to_id, to_wall
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

AHEAD = timedelta(days=60)
OFFERED = 12
"""How many shifts of colleagues a swap offers to choose from."""
LEFT = "somebody who left"


@dataclass(frozen=True, slots=True)
class Sent:
    """A form that was refused, and what it was sent with: it is open again, with every word."""

    form: str = ""
    given: Mapping[str, str] = field(default_factory=dict)

    @staticmethod
    def of(form: FormData, name: str) -> "Sent":
        """Return the form `name`, of a shift if it belongs to one."""
        given = {key: str(value) for key, value in form.items()}
        return Sent(f"{name}-{given['shift']}" if given.get("shift") else name, given)


def _offers(
    schedules: Sequence[Schedule], me: Person, names: Mapping[int, str], now: datetime
) -> dict[int, list[tuple[str, str]]]:
    """Return by schedule the first shifts of colleagues that have not begun, to choose from."""
    found: dict[int, list[tuple[str, str]]] = {}
    for schedule in schedules:
        runs = [r for r in shifts.between(schedule, now, now + AHEAD) if r.start > now]
        offers = [
            (
                f"{u}|{r.start.isoformat()}|{r.end.isoformat()}",
                f"{names.get(int(u), LEFT)}, {format_range(r.start, r.end, me.tz)}",
            )
            for r in runs
            for u in r.users
            if u != me.id
        ]
        found[int(schedule.id)] = offers[:OFFERED]
    return found


def askable(covers_: Sequence[Cover], me: Person) -> list[Cover]:
    """Return the open requests of others that `me` may take and has not declined."""
    return [
        c
        for c in covers_
        if c.state == CoverState.OPEN
        and c.requester != me.id
        and me.id not in c.declined
        and (not c.asked or me.id in c.asked)
    ]


def _parties(settled: Sequence[Cover | Swap]) -> set[int]:
    """Return everybody who asked, was asked or answered."""
    found: set[int | None] = set()
    for x in settled:
        ours = (
            (x.proposer, x.other) if isinstance(x, Swap) else (x.requester, x.taken_by, *x.asked, *x.declined)
        )
        found |= set(ours)
    return {i for i in found if i is not None}


async def _mine(
    request: Request,
    me: Person,
    error: FirebellError | None = None,
    sent: Sent = Sent(),
) -> Response:
    ctx = html.ctx(request)
    now = ctx.clock.now()
    async with ctx.db.tx() as tx:
        shifts_ = await actions.shifts_of(tx, me.id, now, AHEAD)
        mine = {int(x.schedule.id): x.schedule for x in shifts_}
        coming = await actions.covers(tx, since=now)
        settled: list[Cover | Swap] = [*coming, *await actions.swaps(tx, state=SwapState.OPEN)]
        named = {int(u) for s in mine.values() for u in s.people} | _parties(settled)
        names = {i: p.name for i, p in (await people.people_by_id(tx, [*named])).items()}
        team = await people.members(tx, list({s.team_id for s in mine.values()}))
        asked = to_id(sent.given.get("asked"))
        near = named | {i for members in team.values() for i, _ in members} | ({asked} if asked else set())
        others = await choosable(tx, near, request.query_params.get("with", ""))
        context = {
            "nav": "oncall",
            "live": "oncall",
            "shifts": shifts_,
            "offers": _offers(list(mine.values()), me, names, now),
            "asked_of_me": askable(coming, me),
            "my_covers": [c for c in coming if c.requester == me.id and c.state in ("open", "taken")],
            "taken_by_me": [c for c in coming if c.taken_by == me.id and c.state == CoverState.TAKEN],
            "swaps": [s for s in settled if isinstance(s, Swap) and me.id in (s.proposer, s.other)],
            "vacations": await actions.vacations(tx, person_id=me.id, since=now),
            "schedule_names": await actions.names_by_id(tx, [x.schedule_id for x in settled]),
            "name": lambda i: names.get(i, LEFT),
            "people": [(i, name) for i, name in others.options if i != me.id],
            "others": others,
            "methods": await people.methods_of(tx, [me.id]),
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
    return await _mine(request, await access.signed_in(request))


def _at(given: FormData, name: str, tz: str) -> datetime:
    return to_instant(to_wall(given.get(name), name), tz)


def _stretch(text: str) -> exchange.Stretch:
    """Return the two instants that one of our own links carries."""
    try:
        start, end = (datetime.fromisoformat(part) for part in text.split("|"))
    except ValueError as exc:
        raise Invalid("This is not a shift.", hint="Choose one from the list.") from exc
    if start.tzinfo is None or end.tzinfo is None:
        raise Invalid("This is not a shift.", hint="Choose one from the list.")
    return start, end


@router.post("/oncall/covers", dependencies=access.needs(Verb.SHIFT_TRADE))
async def ask(request: Request) -> Response:
    form, me = await access.form(request), await access.signed_in(request)
    ctx = html.ctx(request)
    try:
        who = to_choice(form.get("asked"), "asked")
        async with ctx.db.tx() as tx:
            await covers.ask(
                tx,
                access.actor_of(me),
                schedule_id=to_id(form.get("schedule")) or 0,
                requester=me.id,
                start=_at(form, "start", me.tz),
                end=_at(form, "end", me.tz),
                asked=[who] if who else [],
                reason=str(form.get("reason") or ""),
                now=ctx.clock.now(),
            )
    except (Conflict, Invalid, NotFound) as error:
        return await _mine(request, me, error, Sent.of(form, "cover"))
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
                    raise NotFound("There is no such answer.")
    except (Conflict, Forbidden, Invalid, NotFound) as error:
        return await _mine(request, me, error)
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
                mine=_stretch(str(form.get("mine") or "")),
                theirs=_stretch(theirs),
                reason=str(form.get("reason") or ""),
                now=ctx.clock.now(),
            )
    except (Conflict, Invalid, NotFound) as error:
        return await _mine(request, me, error, Sent.of(form, "swap"))
    return flash.redirect(request, "/oncall/me#covers", "Swap proposed.")


@router.post("/oncall/swaps/{swap_id}/{verb}", dependencies=access.needs(Verb.SHIFT_TRADE))
async def answer_swap(request: Request, swap_id: int, verb: str) -> Response:
    await access.form(request)
    me, ctx = await access.signed_in(request), html.ctx(request)
    done = {"accept": swaps.accept, "decline": swaps.decline, "withdraw": swaps.withdraw}.get(verb)
    try:
        if done is None:
            raise NotFound("There is no such answer.")
        async with ctx.db.tx() as tx:
            await parties.check_swap(tx, access.rights_of(me), me.id, swap_id)
            await done(tx, access.actor_of(me), swap_id, ctx.clock.now())
    except (Conflict, Forbidden, Invalid, NotFound) as error:
        return await _mine(request, me, error)
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
        return await _mine(request, me, error, Sent.of(form, "away"))
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
        return await _mine(request, me, error)
    return flash.redirect(request, "/oncall/me#away", "Time off canceled.")
