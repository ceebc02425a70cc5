"""The screens of drills: the list, planning, and the screen of one drill for its facilitator and its players."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from fastapi import Response

from firebell.catalog import actions as catalog
from firebell.drills import actions, library, queries
from firebell.drills.clock import clock_of, clock_text
from firebell.drills.form_values import new_drill
from firebell.drills.model import KIND_NAMES, STATE_NAMES, TRAY_NAMES, UNDER_WAY, Drill, TrayTarget
from firebell.drills.scoring import name_of, span
from firebell.incidents.model import ROLE_NAMES
from firebell.incidents.queries import PHASE_LABELS
from firebell.kit.errors import FirebellError, Invalid, NotFound
from firebell.kit.localtime import to_local
from firebell.kit.references import parse_ref
from firebell.kit.text import to_choices
from firebell.kit.web import flash, html, routing
from firebell.people import actions as people
from firebell.people import permissions, route_access
from firebell.people.permissions import Verb
from firebell.people.queries import choosable
from firebell.people.unit_of_work import CurrentVisit, Visit

router = routing.html_router()

LISTED = 50
"""Number of drills on one screen of the list."""
NAMES: Mapping[str, Any] = {
    "kinds": KIND_NAMES,
    "states": STATE_NAMES,
    "trays": TRAY_NAMES,
    "clock_text": clock_text,
    "lasting": span,
    "role_names": ROLE_NAMES,
    "name_of": name_of,
}


@router.get("/drills", dependencies=route_access.needs(Verb.DRILL_READ))
async def drills(visit: CurrentVisit, before: str = "") -> Response:
    position = None
    if before:
        last = await actions.drill(visit.tx, parse_ref("DRILL", before))
        position = (last.planned_for, last.id)
    listed = await actions.drills(visit.tx, LISTED + 1, position)
    rows = await queries.listed(visit.tx, listed[:LISTED], visit.person.id)
    scored = [row.drill for row in rows if row.drill.score is not None]
    context = {
        **NAMES,
        "nav": "readiness",
        "live": "drills",
        "rows": rows,
        "scored": scored[:8][::-1],
        "older": f"/drills?before={listed[LISTED - 1].ref}" if len(listed) > LISTED else "",
        "library": await library.library(visit.tx),
        "next_planned": await actions.next_planned_for(visit.tx, visit.now),
    }
    return await html.render(visit.request, "drills/drills.html", context)


@router.get("/drills/new", dependencies=route_access.needs(Verb.DRILL_RUN))
async def new(visit: CurrentVisit, scenario: str = "") -> Response:
    local = to_local(visit.now + timedelta(days=7), visit.person.tz)
    at = f"{local:%Y-%m-%d}T10:00"
    return await _new(visit, {"scenario": scenario, "planned_for": at})


async def _new(visit: Visit, values: Mapping[str, str], error: FirebellError | None = None) -> Response:
    everyone = [person for person in await people.people(visit.tx) if person.active]
    context = {
        **NAMES,
        "nav": "readiness",
        "values": values,
        "error": error,
        "library": await library.library(visit.tx),
        "teams": await people.teams(visit.tx),
        "services": await catalog.services(visit.tx),
        "everyone": await choosable(visit.tx, [visit.person.id], verb=Verb.DRILL_RUN),
        "people": everyone[:100],
        "invited": {str(i) for i in visit.form.getlist("people")},
    }
    return await html.render(visit.request, "drills/new.html", context)


@router.post("/drills/new", dependencies=route_access.needs(Verb.DRILL_RUN))
async def plan(visit: CurrentVisit) -> Response:
    try:
        async with visit.tx.savepoint():
            drill = await actions.plan_drill(visit.tx, visit.actor, visit.now, **new_drill(visit))
    except FirebellError as error:
        return await _new(visit, visit.values, error)
    return flash.redirect(visit.request, f"/drills/{drill.ref}", f"{drill.ref} planned.")


@router.get("/drills/{ref}", dependencies=route_access.needs(Verb.DRILL_READ))
async def drill(visit: CurrentVisit, ref: str) -> Response:
    return await _drill(visit, await actions.drill(visit.tx, parse_ref("DRILL", ref)))


async def _drill(visit: Visit, one: Drill, error: FirebellError | None = None, what: str = "") -> Response:
    leads = permissions.allows(visit.rights, Verb.DRILL_LEAD)
    shown = await queries.view(visit.tx, one, visit.person.id, leads=leads, now=visit.now)
    invited = {each.person_id for each in shown.record.participants}
    others = await choosable(visit.tx, [visit.person.id])
    options = [(i, name) for i, name in others.options if i not in invited and i != one.facilitator_id]
    clock = clock_of(one)
    next_at = None
    if clock is not None and shown.upcoming is not None and shown.upcoming.at_s is not None:
        next_at = clock.instant(shown.upcoming.at_s)
    service = (await catalog.services_by_id(visit.tx, [one.service_id or 0])).get(one.service_id or 0)
    context = {
        **NAMES,
        "nav": "readiness",
        "live": f"drill-{one.id}"
        + (f" inc-{shown.incident.incident.id}" if shown.incident is not None else ""),
        "v": shown,
        "d": shown.drill,
        "next_at": next_at,
        "began_at": visit.now - timedelta(seconds=shown.elapsed_s),
        "is_under_way": one.state in UNDER_WAY,
        "service": service,
        "phases": PHASE_LABELS,
        "options": options,
        "error": error,
        "what": what,
        "values": visit.values,
    }
    return await html.render(visit.request, "drills/drill.html", context)


async def _answer(
    visit: Visit, ref: str, what: str, texts: Mapping[str, str], change: Callable[[Visit, Drill, str], Any]
) -> Response:
    """Run the action of a form of a drill, and show the drill again; a refused form with what was typed."""
    one = await actions.drill(visit.tx, parse_ref("DRILL", ref))
    if what not in texts:
        raise NotFound(f"Unknown action: {what[:40]}.")
    try:
        async with visit.tx.savepoint():
            await change(visit, one, what)
    except FirebellError as error:
        return await _drill(visit, await actions.drill(visit.tx, one.id), error, what)
    return flash.redirect(visit.request, f"/drills/{one.ref}", texts[what])


_PLAYER_TEXTS = {
    "accept": "You take part.",
    "decline": "You don’t take part.",
    "answer": "Answer saved.",
    "tray": "Text saved in the tray. It was not sent.",
}
_RUNNER_TEXTS = {
    "invite": "Invitation sent.",
    "pause": "Drill paused.",
    "resume": "Drill resumed.",
    "deliver": "Inject delivered.",
    "skip": "Inject skipped.",
    "observe": "Observation saved.",
    "decide": "Decision saved.",
}
_STATE_TEXTS = {"start": "Drill started.", "finish": "Drill finished.", "cancel": "Drill canceled."}
"""What each form says afterwards: of players, of the facilitator, and those that ask first."""


@router.post("/drills/{ref}/part/{what}", dependencies=route_access.needs(Verb.DRILL_JOIN))
async def take_part(visit: CurrentVisit, ref: str, what: str) -> Response:
    return await _answer(visit, ref, what, _PLAYER_TEXTS, _play)


async def _play(visit: Visit, one: Drill, what: str) -> None:
    at = (visit.tx, visit.actor, one)
    match what:
        case "accept" | "decline":
            night = "night_ok" in visit.values
            await actions.answer_invitation(*at, visit.now, accepts=what == "accept", night_ok=night)
        case "answer":
            await actions.answer_inject(*at, visit.text("inject"), visit.text("text"), visit.now)
        case _:
            await actions.post_to_tray(*at, _target(visit.text("target")), visit.text("text"), visit.now)


@router.post("/drills/{ref}/start", dependencies=route_access.needs(Verb.DRILL_RUN))
async def start(visit: CurrentVisit, ref: str) -> Response:
    return await _answer(visit, ref, "start", _STATE_TEXTS, _run)


@router.post("/drills/{ref}/finish", dependencies=route_access.needs(Verb.DRILL_RUN))
async def finish(visit: CurrentVisit, ref: str) -> Response:
    return await _answer(visit, ref, "finish", _STATE_TEXTS, _run)


@router.post("/drills/{ref}/cancel", dependencies=route_access.needs(Verb.DRILL_RUN))
async def cancel(visit: CurrentVisit, ref: str) -> Response:
    return await _answer(visit, ref, "cancel", _STATE_TEXTS, _run)


@router.post("/drills/{ref}/{what}", dependencies=route_access.needs(Verb.DRILL_RUN))
async def run(visit: CurrentVisit, ref: str, what: str) -> Response:
    return await _answer(visit, ref, what, _RUNNER_TEXTS, _run)


async def _run(visit: Visit, one: Drill, what: str) -> None:
    at = (visit.tx, visit.actor, one)
    now, inject = visit.now, visit.text("inject")
    match what:
        case "invite":
            chosen = to_choices(visit.form.getlist("people"), "people")
            if not chosen:
                raise Invalid("No one is chosen.", fields={"people": "Choose who to invite."})
            await actions.invite(*at, chosen, now)
        case "cancel":
            await actions.cancel_drill(*at, now)
        case "start":
            await actions.start_drill(*at, now)
        case "pause":
            await actions.pause_drill(*at, now)
        case "resume":
            await actions.resume_drill(*at, now)
        case "deliver":
            await actions.deliver_now(*at, now, inject)
        case "skip":
            await actions.skip_inject(*at, now, inject)
        case "observe":
            await actions.add_observation(*at, visit.text("text"), now)
        case "decide":
            met = visit.text("met") == "yes"
            await actions.decide_expectation(*at, visit.text("expectation"), met, now)
        case _:
            await actions.finish_drill(*at, now)


def _target(text: str) -> TrayTarget:
    try:
        return TrayTarget(text)
    except ValueError:
        raise Invalid("The destination is missing.", fields={"target": "Choose where it would go."}) from None


@router.get("/drills/{ref}/scenario", dependencies=route_access.needs(Verb.DRILL_READ))
async def scenario_file(visit: CurrentVisit, ref: str) -> Response:
    """Return the scenario file to who runs the drill, and to everyone once it is over."""
    one = await actions.drill(visit.tx, parse_ref("DRILL", ref))
    leads = permissions.allows(visit.rights, Verb.DRILL_LEAD)
    if one.finished_at is None and one.facilitator_id != visit.person.id and not leads:
        raise NotFound("The scenario is shown after the drill.")
    return html.download(one.scenario_text.encode(), f"{one.slug}.yaml")
