"""The on-call picture, one schedule, overrides, and my shifts."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import Request, Response

from firebell.kit import flash, html, routing, undo
from firebell.kit.db import Tx
from firebell.kit.errors import Conflict, FirebellError, Invalid, NotFound
from firebell.kit.localtime import format_range, to_instant
from firebell.kit.text import to_choices, to_id, to_required, to_wall
from firebell.oncall import actions, queries
from firebell.oncall.checks import fixes
from firebell.oncall.checks.grouping import group_gaps
from firebell.oncall.checks.rules import HORIZON
from firebell.oncall.model import Cover, Layer, Schedule, Unit
from firebell.oncall.rota import layer_versions, timeline
from firebell.oncall.rota.shifts import gaps, next_change
from firebell.oncall.schedules import forms
from firebell.oncall.schedules.preview import Preview
from firebell.oncall.swaps.web import LEFT, askable
from firebell.people import access
from firebell.people import actions as people
from firebell.people.model import Person
from firebell.people.permissions import Verb
from firebell.people.queries import choosable

router = routing.html_router()

SHOWN = 25
"""How many schedules are on one page."""
LEVELS = {"2": ("", " secondary"), "3": (" tier 1", " tier 2", " tier 3")}
"""The names of the schedules that one rotation makes, by how many levels it has."""


@dataclass(frozen=True, slots=True)
class Look:
    """What a reader chose to see: day, week or month, around which day, on whose wall clock, without layers."""

    view: str
    at: str
    tz: str
    brief: bool

    @staticmethod
    def of(request: Request, me: Person) -> "Look":
        """Return what the address says; nonsense is the present week on the reader's own clock."""
        view, tz = request.query_params.get("view", ""), request.query_params.get("tz", "")
        return Look(
            view if view in timeline.VIEWS else "week",
            request.query_params.get("at", ""),
            tz if tz in html.time_zones() else me.tz,
            bool(request.query_params.get("brief")),
        )


def _seen(look: Look, now: datetime) -> timeline.Picture:
    """Return the stretch that is looked at."""
    return timeline.picture(
        look.view, to_instant(to_wall(look.at, "at"), look.tz) if look.at else now, look.tz, now
    )


async def _context(
    tx: Tx,
    schedules: Sequence[Schedule],
    asked: Sequence[Cover],
    me: Person,
    look: Look,
    now: datetime,
    *,
    more: Collection[int] = (),
) -> dict[str, Any]:
    """Return what the picture shows; it can name whom the schedules name, and `more` people."""
    shown, at, tz = look.view, look.at, look.tz
    seen = _seen(look, now)
    named = {int(u) for s in schedules for u in s.people} | {c.requester for c in asked} | {*more}
    names = await people.people_by_id(tx, [*named])

    def name(user: int | str) -> str:
        return names[int(user)].name if int(user) in names else LEFT

    def when(start: datetime, end: datetime) -> str:
        begins, ends = start > seen.start - timeline.AROUND, end < seen.end + timeline.AROUND
        if begins and ends:
            return format_range(start, end, tz)
        if begins:
            return f"from {html.format_short(start, tz, now)}"
        return f"until {html.format_short(end, tz, now)}" if ends else "all the time"

    step = timedelta(days=timeline.VIEWS[shown])
    return {
        "nav": "oncall",
        "live": "oncall",
        "view": shown,
        "brief": look.brief,
        "tz": tz,
        "zones_here": list(dict.fromkeys([me.tz, *(s.tz for s in schedules), "UTC", tz])),
        "seen": seen,
        "at": at,
        "earlier": (seen.days[0] - step).date().isoformat(),
        "later": (seen.days[0] + step).date().isoformat(),
        "schedules": [
            {
                "s": s,
                "rows": timeline.rows(s, seen)[: 1 if look.brief else None],
                **_listed(timeline.agenda(s, seen, tz, name, now), few=len(schedules) > 1),
                "gaps": gaps(s, now, now + HORIZON),
            }
            for s in schedules
        ],
        "asked_of_me": asked,
        "schedule_names": await actions.names_by_id(tx, [c.schedule_id for c in asked]),
        "name": name,
        "when": when,
        "today": now.astimezone(ZoneInfo(tz)).date(),
    }


def _listed(days: Sequence[timeline.Day], *, few: bool) -> dict[str, Any]:
    """Return the days of a list, of which a page of `few` each keeps the later ones, but no gap, folded."""
    near, later = timeline.near(days) if few else (days, [])
    return {
        "near": near,
        "later": later,
        "later_gaps": [turn for _, turns in later for turn in turns if turn[2] == timeline.NOBODY],
    }


@router.get("/oncall", dependencies=access.needs(Verb.SCHEDULE_READ))
async def oncall(request: Request) -> Response:
    me, ctx = await access.signed_in(request), html.ctx(request)
    look, now = Look.of(request, me), ctx.clock.now()
    seen = _seen(look, now)
    q, page = request.query_params.get("q", ""), max(1, to_id(request.query_params.get("page")) or 1)
    async with ctx.db.tx() as tx:
        ids = await actions.ids_near(tx, me.id, now, q)
        pages = max(1, -(-len(ids) // SHOWN))
        page = min(page, pages)
        low, high = min(seen.start - timeline.AROUND, now), max(seen.end + timeline.AROUND, now + HORIZON)
        shown = ids[(page - 1) * SHOWN : page * SHOWN]
        schedules_by_id = await actions.schedules_by_id(tx, shown, since=low, until=high)
        # of a few schedules each has its place; of many those that concern the reader come first
        order = [i for i in shown if i in schedules_by_id] if pages > 1 else list(schedules_by_id)
        asked = askable(await actions.covers(tx, since=now), me)
        context = await _context(tx, [schedules_by_id[i] for i in order], asked, me, look, now)
    more = {"one": None, "q": q, "page": page, "pages": pages}
    return await html.render(request, "oncall/oncall.html", {**context, **more}, kept_offline=True)


async def _new_form(
    request: Request, given: Mapping[str, Any], error: FirebellError | None = None
) -> Response:
    me = await access.signed_in(request)
    async with html.ctx(request).db.tx() as tx:
        near = [me.id, *await people.colleagues(tx, me.id)]
        others = await choosable(tx, near, request.query_params.get("with", ""), chosen=given["order"])
        teams = await people.teams(tx)
    context = {
        "nav": "oncall",
        "teams": [(t.id, t.name) for t in teams],
        "others": others,
        "given": given,
        "error": error,
        "errors": error.fields if error else {},
    }
    return await html.render(request, "oncall/new.html", context, error.status if error else 200)


@router.get("/oncall/new", dependencies=access.needs(Verb.SCHEDULE_WRITE))
async def new(request: Request) -> Response:
    me = await access.signed_in(request)
    anchor = (
        f"{forms.monday_morning(html.ctx(request).clock.now().astimezone(ZoneInfo(me.tz))):%Y-%m-%dT%H:%M}"
    )
    return await _new_form(request, {"tz": me.tz, "anchor": anchor, "levels": "2", "order": []})


@router.post("/oncall/new", dependencies=access.needs(Verb.SCHEDULE_WRITE))
async def create(request: Request) -> Response:
    form, me = await access.form(request), await access.signed_in(request)
    ctx, sent = html.ctx(request), {name: str(value) for name, value in form.items()}
    given: dict[str, Any] = {"tz": "", "anchor": "", **sent, "order": []}
    try:
        order = given["order"] = to_choices(form.getlist("person"), "person")
        if not order:
            raise Invalid("The rotation has no people.", fields={"person": "Choose at least one person."})
        anchor = to_wall(given.get("anchor"), "anchor")
        async with ctx.db.tx() as tx:
            for offset, suffix in enumerate(LEVELS.get(given.get("levels", ""), ("",))):
                await actions.create_schedule(
                    tx,
                    access.actor_of(me),
                    name=f"{given.get('name', '')}{suffix}",
                    team_id=to_required(given.get("team"), "team"),
                    tz=given.get("tz", ""),
                    layers=[_rotation(order, anchor, given, offset)],
                    now=ctx.clock.now(),
                )
    except (Invalid, Conflict) as error:
        return await _new_form(request, given, error)
    return flash.redirect(request, "/oncall", f"{given['name'].strip()} created.")


def _rotation(order: Sequence[int], anchor: datetime, given: Mapping[str, Any], offset: int) -> Layer:
    unit = Unit.DAY if given.get("unit") == "day" else Unit.WEEK
    slots = tuple((i,) for i in order)
    return Layer(0, slots, anchor, unit, 1, given.get("tz", ""), offset=offset, name="Rotation")


@dataclass(frozen=True, slots=True)
class Filled:
    """What the form named `form` of a schedule's page was sent with, and what came of it."""

    given: Mapping[str, str] = field(default_factory=dict)
    form: str = ""
    preview: Preview | None = None
    error: FirebellError | None = None
    unseen: str = ""


_WHO = ("person", "instead", "who", "learner", "of")
"""The fields of a schedule's forms that name somebody."""


async def one(request: Request, slug: str, filled: Filled) -> Response:
    """Show one schedule with its forms as they are filled in."""
    me, ctx = await access.signed_in(request), html.ctx(request)
    look, now, error = Look.of(request, me), ctx.clock.now(), filled.error
    if filled.given.get("tz") in html.time_zones():
        look = replace(look, tz=filled.given["tz"])
    async with ctx.db.tx() as tx:
        found = await actions.by_slug(
            tx, slug, since=min(_seen(look, now).start - timeline.AROUND, now - HORIZON)
        )
        asked = askable(await actions.covers(tx, schedule_ids=[int(found.id)], since=now), me)
        filled_in = {i for i in (to_id(filled.given.get(name)) for name in _WHO) if i is not None}
        context = await _context(tx, [found], asked, me, look, now, more=filled_in)
        near = {me.id, *map(int, found.people), *await people.team_members(tx, found.team_id)}
        wanted = request.query_params.get("with", "")
        others = await choosable(tx, near | filled_in, wanted)
        wrong = await queries.found_in(tx, [found], now)
    more = {
        "one": found,
        "others": others,
        "findings": group_gaps(wrong[int(found.id)], found.tz, now),
        "direct": fixes.CARRIED_OUT,
        "layers": layer_versions.current(found, now),
        "handoff": (handoff := next_change(found, now, forms.AHEAD)),
        "lengths": _lengths(handoff),
        "filled": filled,
        "error": error,
        "errors": error.fields if error else {},
    }
    status = error.status if error else 200
    return await html.render(
        request, "oncall/oncall.html", {**context, **more}, status, kept_offline=error is None
    )


def _lengths(handoff: datetime | None) -> list[tuple[str, str]]:
    """Return how long an override may be without typing an end, the likeliest first."""
    first = [(forms.HANDOFF, "Until the next handoff")] if handoff else []
    hours = [(str(n), f"For {n} hour{'' if n == 1 else 's'}") for n in forms.LASTS]
    return [*first, *hours, ("", "Until a set time")]


@router.get("/oncall/{slug}", dependencies=access.needs(Verb.SCHEDULE_READ))
async def schedule(request: Request, slug: str, start: str = "", end: str = "") -> Response:
    me = await access.signed_in(request)
    tz = Look.of(request, me).tz
    given = {name: _local(text, tz) for name, text in (("start", start), ("end", end)) if text}
    return await one(request, slug, Filled(given, "override"))


def _local(text: str, tz: str) -> str:
    """Return what a link of ours names as a field shows it in `tz`: an instant, or a wall clock's time."""
    try:
        at = datetime.fromisoformat(text) if text else None
        return "" if at is None else html.to_input_value(at, tz) if at.tzinfo else f"{at:%Y-%m-%dT%H:%M}"
    except (ValueError, OverflowError):
        return ""


@router.post("/oncall/{slug}/edits/{edit_id}/remove", dependencies=access.needs(Verb.OVERRIDE_WRITE))
async def remove(request: Request, slug: str, edit_id: int) -> Response:
    await access.form(request)
    me, ctx = await access.signed_in(request), html.ctx(request)
    actor, now = access.actor_of(me), ctx.clock.now()
    async with ctx.db.tx() as tx:
        schedule = await actions.by_slug(tx, slug)
        await actions.remove_edit(tx, actor, edit_id, now, schedule_id=int(schedule.id))
        offer = await undo.offer(tx, ctx.signer, actor, "schedule.override_removed", now)
    return flash.redirect(request, f"/oncall/{slug}", f"Override on {schedule.name} removed.", offer)


@router.post("/oncall/{slug}/fix", dependencies=access.needs(Verb.SCHEDULE_WRITE))
async def fix(request: Request, slug: str) -> Response:
    form, me = await access.form(request), await access.signed_in(request)
    ctx = html.ctx(request)
    try:
        async with ctx.db.tx() as tx:
            found = await actions.by_slug(tx, slug)
            await fixes.carry_out(
                tx, access.actor_of(me), int(found.id), str(form.get("finding") or ""), ctx.clock.now()
            )
    except (Conflict, Invalid, NotFound) as error:
        return await one(request, slug, Filled(error=error))
    return flash.redirect(request, f"/oncall/{slug}", f"{found.name} saved.")
