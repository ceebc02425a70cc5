"""The on-call page, the page of one schedule, new schedules, and fixes."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import Request, Response

from firebell.kit.db.database import Tx
from firebell.kit.errors import Conflict, FirebellError, Invalid, NotFound
from firebell.kit.localtime import format_range, to_instant
from firebell.kit.text import plural, to_choices, to_id, to_required, to_wall
from firebell.kit.web import flash, html, routing, undo
from firebell.oncall.checks import fixes
from firebell.oncall.checks import queries as check_queries
from firebell.oncall.checks.grouping import group_gaps
from firebell.oncall.checks.preview import Preview
from firebell.oncall.checks.rules import CHECKS_HORIZON
from firebell.oncall.model import Cover, Layer, Schedule, Unit
from firebell.oncall.rota import layer_versions, timeline_grid
from firebell.oncall.rota.shifts import gaps, next_change
from firebell.oncall.schedules import actions, editor_form, queries
from firebell.oncall.swaps import overrides
from firebell.oncall.swaps import queries as swap_queries
from firebell.oncall.swaps.web import FORMER_MEMBER, askable
from firebell.people import access
from firebell.people import actions as people
from firebell.people.model import Person
from firebell.people.permissions import Verb
from firebell.people.queries import choosable
from firebell.people.unit_of_work import CurrentVisit, Visit

router = routing.html_router()

SCHEDULES_PER_PAGE = 25
LEVEL_SUFFIXES = {"2": ("", " secondary"), "3": (" tier 1", " tier 2", " tier 3")}
"""Name suffixes of the schedules of one rotation, by number of levels."""


@dataclass(frozen=True, slots=True)
class View:
    """The view options of the URL: day, week or month, around which day, in which time zone, without layers."""

    view: str
    at: str
    tz: str
    brief: bool

    @staticmethod
    def of(request: Request, me: Person) -> "View":
        """Return the options of the URL; invalid ones become the current week in the person's time zone."""
        view, tz = request.query_params.get("view", ""), request.query_params.get("tz", "")
        return View(
            view if view in timeline_grid.VIEWS else "week",
            request.query_params.get("at", ""),
            tz if tz in html.time_zones() else me.tz,
            bool(request.query_params.get("brief")),
        )


def _picture(options: View, now: datetime) -> timeline_grid.ShownDays:
    """Return the days to show."""
    at = to_instant(to_wall(options.at, "at"), options.tz) if options.at else now
    return timeline_grid.picture(options.view, at, options.tz, now)


async def _context(
    tx: Tx,
    schedules: Sequence[Schedule],
    asked: Sequence[Cover],
    me: Person,
    options: View,
    now: datetime,
    *,
    more: Collection[int] = (),
) -> dict[str, Any]:
    """Return the template context of the timeline, with the names of its people and of `more`."""
    tz = options.tz
    seen = _picture(options, now)
    person_ids = {u for s in schedules for u in s.people} | {c.requester for c in asked} | {*more}
    people_by_id = await people.people_by_id(tx, [*person_ids])

    def name(user: int) -> str:
        return people_by_id[user].name if user in people_by_id else FORMER_MEMBER

    def when(start: datetime, end: datetime) -> str:
        begins, ends = (
            start > seen.start - timeline_grid.SHIFT_END_SEARCH,
            end < seen.end + timeline_grid.SHIFT_END_SEARCH,
        )
        if begins and ends:
            return format_range(start, end, tz)
        if begins:
            return f"from {html.format_short(start, tz, now)}"
        return f"until {html.format_short(end, tz, now)}" if ends else "all the time"

    step = timedelta(days=timeline_grid.VIEWS[options.view])
    return {
        "nav": "oncall",
        "live": "oncall",
        "view": options.view,
        "brief": options.brief,
        "tz": tz,
        "zones_here": list(dict.fromkeys([me.tz, *(s.tz for s in schedules), "UTC", tz])),
        "seen": seen,
        "at": options.at,
        "earlier": (seen.days[0] - step).date().isoformat(),
        "later": (seen.days[0] + step).date().isoformat(),
        "schedules": [
            {
                "s": s,
                "rows": timeline_grid.rows(s, seen)[: 1 if options.brief else None],
                **_agenda(timeline_grid.agenda(s, seen, tz, name, now), folded=len(schedules) > 1),
                "gaps": gaps(s, now, now + CHECKS_HORIZON),
            }
            for s in schedules
        ],
        "asked_of_me": asked,
        "schedule_names": await queries.names_by_id(tx, [c.schedule_id for c in asked]),
        "name": name,
        "when": when,
        "today": now.astimezone(ZoneInfo(tz)).date(),
    }


def _agenda(days: Sequence[timeline_grid.Day], *, folded: bool) -> dict[str, Any]:
    """Return the days of an agenda; with `folded`, later days are separate and their gaps still visible."""
    near, later = timeline_grid.near(days) if folded else (days, [])
    return {
        "near": near,
        "later": later,
        "later_gaps": [shift for _, shifts in later for shift in shifts if shift[2] == timeline_grid.NO_ONE],
    }


@router.get("/oncall", dependencies=access.needs(Verb.SCHEDULE_READ))
async def oncall(visit: CurrentVisit) -> Response:
    options = View.of(visit.request, visit.person)
    seen = _picture(options, visit.now)
    q, page = (
        visit.request.query_params.get("q", ""),
        max(1, to_id(visit.request.query_params.get("page")) or 1),
    )
    ids = await queries.ids_near(visit.tx, visit.person.id, visit.now, q)
    pages = max(1, -(-len(ids) // SCHEDULES_PER_PAGE))
    page = min(page, pages)
    since = min(seen.start - timeline_grid.SHIFT_END_SEARCH, visit.now)
    until = max(seen.end + timeline_grid.SHIFT_END_SEARCH, visit.now + CHECKS_HORIZON)
    page_ids = ids[(page - 1) * SCHEDULES_PER_PAGE : page * SCHEDULES_PER_PAGE]
    schedules_by_id = await queries.schedules_by_id(visit.tx, page_ids, since=since, until=until)
    # a single page is sorted by name, several begin with the schedules that concern the person
    order = [i for i in page_ids if i in schedules_by_id] if pages > 1 else list(schedules_by_id)
    asked = askable(await swap_queries.covers(visit.tx, since=visit.now), visit.person)
    context = await _context(
        visit.tx, [schedules_by_id[i] for i in order], asked, visit.person, options, visit.now
    )
    more = {"one": None, "q": q, "page": page, "pages": pages}
    return await html.render(visit.request, "oncall/oncall.html", {**context, **more}, kept_offline=True)


async def _new_form(visit: Visit, given: Mapping[str, Any], error: FirebellError | None = None) -> Response:
    near = [visit.person.id, *await people.colleagues(visit.tx, visit.person.id)]
    others = await choosable(
        visit.tx, near, visit.request.query_params.get("with", ""), chosen=given["order"]
    )
    teams = await people.teams(visit.tx)
    context = {
        "nav": "oncall",
        "teams": [(t.id, t.name) for t in teams],
        "others": others,
        "given": given,
        "error": error,
    }
    return await html.render(visit.request, "oncall/new_schedule.html", context)


@router.get("/oncall/new", dependencies=access.needs(Verb.SCHEDULE_WRITE))
async def new(visit: CurrentVisit) -> Response:
    anchor = f"{editor_form.monday_morning(visit.now.astimezone(ZoneInfo(visit.person.tz))):%Y-%m-%dT%H:%M}"
    return await _new_form(visit, {"tz": visit.person.tz, "anchor": anchor, "levels": "2", "order": []})


@router.post("/oncall/new", dependencies=access.needs(Verb.SCHEDULE_WRITE))
async def create(visit: CurrentVisit) -> Response:
    fields = visit.values
    given: dict[str, Any] = {"tz": "", "anchor": "", **fields, "order": []}
    try:
        order = given["order"] = to_choices(visit.form.getlist("person"), "person")
        if not order:
            raise Invalid("The rotation has no people.", fields={"person": "Choose at least one person."})
        anchor = to_wall(given.get("anchor"), "anchor")
        async with visit.tx.savepoint():
            for offset, suffix in enumerate(LEVEL_SUFFIXES.get(given.get("levels", ""), ("",))):
                await actions.create_schedule(
                    visit.tx,
                    visit.actor,
                    name=f"{given.get('name', '')}{suffix}",
                    team_id=to_required(given.get("team"), "team"),
                    tz=given.get("tz", ""),
                    layers=[_rotation(order, anchor, given, offset)],
                    now=visit.now,
                )
    except (Invalid, Conflict) as error:
        return await _new_form(visit, given, error)
    return flash.redirect(visit.request, "/oncall", f"{given['name'].strip()} created.")


def _rotation(order: Sequence[int], anchor: datetime, given: Mapping[str, Any], offset: int) -> Layer:
    unit = Unit.DAY if given.get("unit") == "day" else Unit.WEEK
    slots = tuple((i,) for i in order)
    return Layer(
        id=0,
        slots=slots,
        anchor=anchor,
        unit=unit,
        every=1,
        tz=given.get("tz", ""),
        offset=offset,
        name="Rotation",
    )


@dataclass(frozen=True, slots=True)
class Filled:
    """The submitted fields of the form named `form` on a schedule's page, and the result."""

    given: Mapping[str, str] = field(default_factory=dict)
    form: str = ""
    preview: Preview | None = None
    error: FirebellError | None = None
    unseen: str = ""


_PERSON_FIELDS = ("person", "instead", "who", "learner", "of")
"""The form fields of a schedule's page that hold a person's id."""


async def one(visit: Visit, slug: str, filled: Filled) -> Response:
    """Render the page of one schedule, with its forms as they were filled in."""
    options, error = View.of(visit.request, visit.person), filled.error
    if filled.given.get("tz") in html.time_zones():
        options = replace(options, tz=filled.given["tz"])
    since = min(
        _picture(options, visit.now).start - timeline_grid.SHIFT_END_SEARCH, visit.now - CHECKS_HORIZON
    )
    schedule = await queries.by_slug(visit.tx, slug, since=since)
    asked = askable(
        await swap_queries.covers(visit.tx, schedule_ids=[schedule.id], since=visit.now), visit.person
    )
    chosen = {i for i in (to_id(filled.given.get(name)) for name in _PERSON_FIELDS) if i is not None}
    context = await _context(visit.tx, [schedule], asked, visit.person, options, visit.now, more=chosen)
    near = {
        visit.person.id,
        *map(int, schedule.people),
        *await people.team_members(visit.tx, schedule.team_id),
    }
    others = await choosable(visit.tx, near | chosen, visit.request.query_params.get("with", ""))
    findings = (await check_queries.findings_of(visit.tx, [schedule], visit.now))[schedule.id]
    more = {
        "one": schedule,
        "others": others,
        "findings": group_gaps(findings, schedule.tz, visit.now),
        "direct": fixes.CARRIED_OUT,
        "layers": layer_versions.current(schedule, visit.now),
        "handoff": (handoff := next_change(schedule, visit.now, editor_form.HANDOFF_LOOKAHEAD)),
        "lengths": _lengths(handoff),
        "filled": filled,
        "error": error,
    }
    return await html.render(
        visit.request, "oncall/oncall.html", {**context, **more}, kept_offline=error is None
    )


def _lengths(handoff: datetime | None) -> list[tuple[str, str]]:
    """Return the options for an override's duration, likeliest first."""
    until_handoff = [(editor_form.HANDOFF, "Until the next handoff")] if handoff else []
    hours = [(str(n), f"For {plural(n, 'hour')}") for n in editor_form.OVERRIDE_HOURS]
    return [*until_handoff, *hours, ("", "Until a set time")]


@router.get("/oncall/{slug}", dependencies=access.needs(Verb.SCHEDULE_READ))
async def schedule(visit: CurrentVisit, slug: str, start: str = "", end: str = "") -> Response:
    tz = View.of(visit.request, visit.person).tz
    given = {name: _local(text, tz) for name, text in (("start", start), ("end", end)) if text}
    return await one(visit, slug, Filled(given, "override"))


def _local(text: str, tz: str) -> str:
    """Return the instant or local time of a link as an input value in `tz`; empty if it is invalid."""
    try:
        at = datetime.fromisoformat(text) if text else None
        return "" if at is None else html.to_input_value(at, tz) if at.tzinfo else f"{at:%Y-%m-%dT%H:%M}"
    except (ValueError, OverflowError):
        return ""


@router.post("/oncall/{slug}/edits/{edit_id}/remove", dependencies=access.needs(Verb.OVERRIDE_WRITE))
async def remove(visit: CurrentVisit, slug: str, edit_id: int) -> Response:
    schedule = await queries.by_slug(visit.tx, slug)
    await overrides.remove_override(visit.tx, visit.actor, edit_id, visit.now, schedule_id=schedule.id)
    offer = await undo.offer(visit.tx, visit.ctx.signer, visit.actor, "schedule.override_removed", visit.now)
    return flash.redirect(visit.request, f"/oncall/{slug}", f"Override on {schedule.name} removed.", offer)


@router.post("/oncall/{slug}/fix", dependencies=access.needs(Verb.SCHEDULE_WRITE))
async def fix(visit: CurrentVisit, slug: str) -> Response:
    try:
        async with visit.tx.savepoint():
            schedule = await queries.by_slug(visit.tx, slug)
            finding_id = visit.text("finding")
            await fixes.carry_out(visit.tx, visit.actor, schedule.id, finding_id, visit.now)
    except (Conflict, Invalid, NotFound) as error:
        return await one(visit, slug, Filled(error=error))
    return flash.redirect(visit.request, f"/oncall/{slug}", f"Finding on {schedule.name} fixed.")
