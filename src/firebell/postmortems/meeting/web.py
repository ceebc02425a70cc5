"""The page of a post-mortem meeting, the same for everyone in it; the facilitator and the scribe have its controls."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from fastapi import Response

from firebell.incidents import actions as incidents
from firebell.kit.errors import FirebellError, Invalid
from firebell.kit.localtime import to_instant
from firebell.kit.references import parse_ref
from firebell.kit.text import to_choice, to_choices, to_number, to_wall
from firebell.kit.web import flash, html, routing
from firebell.people import route_access
from firebell.people.permissions import Verb
from firebell.people.queries import choosable
from firebell.people.unit_of_work import CurrentVisit, Visit
from firebell.postmortems.document.factors import label
from firebell.postmortems.drafting.facts import MARKER_NAMES
from firebell.postmortems.meeting import actions, queries
from firebell.postmortems.meeting.agenda import LONG_MINUTES, SHORT_MINUTES
from firebell.postmortems.meeting.model import HELD_FROM

router = routing.html_router()

_Step = Callable[[Visit, int], Awaitable[object]]


def _address(incident_id: int) -> str:
    return f"/post-mortems/INC-{incident_id}/meeting"


@router.get("/post-mortems/{ref}/meeting", dependencies=route_access.needs(Verb.POSTMORTEM_READ))
async def meeting(visit: CurrentVisit, ref: str) -> Response:
    return await _page(visit, parse_ref("INC", ref))


async def _page(
    visit: Visit, incident_id: int, error: FirebellError | None = None, form: str = ""
) -> Response:
    room = await queries.room(visit.tx, incident_id, visit.now)
    running = room.running
    context: dict[str, Any] = {
        "nav": "postmortems",
        "live": f"pm-{room.postmortem.id},inc-{room.incident.id}",
        "room": room,
        "i": room.incident,
        "m": running,
        "chart": _chart(room, visit.person.tz),
        "leads": running is not None and running.is_led_by(visit.person.id),
        "attends": running is not None and visit.person.id in {one.person_id for one in running.attendees},
        "base": _address(room.postmortem.incident_id),
        "others": await choosable(visit.tx, [visit.person.id], verb=Verb.POSTMORTEM_WRITE),
        "lengths": (LONG_MINUTES, SHORT_MINUTES),
        "held_from": round(HELD_FROM.total_seconds() / 60),
        "factor_label": label,
        "marker_names": MARKER_NAMES,
        "values": visit.values,
        "error": error,
        "failed_form": form,
    }
    return await html.render(visit.request, "postmortems/meeting.html", context)


def _chart(room: queries.MeetingRoom, tz: str) -> incidents.DrawnGraph | None:
    """Return the graph of the incidents with a dot at the row that everyone looks at."""
    return incidents.drawn_graph(room.graph, tz, room.row.fact.at) if room.graph and room.row else None


async def _do(visit: Visit, ref: str, form: str, text: str, step: _Step) -> Response:
    """Run a step and show the meeting again; a refused one is shown with its form."""
    incident_id = parse_ref("INC", ref)
    try:
        async with visit.tx.savepoint():
            await step(visit, incident_id)
    except FirebellError as error:
        if not error.fields:
            raise
        return await _page(visit, incident_id, error, form)
    return flash.redirect(visit.request, _address(incident_id), text)


@router.post("/post-mortems/{ref}/meeting/start", dependencies=route_access.needs(Verb.POSTMORTEM_WRITE))
async def start(visit: CurrentVisit, ref: str) -> Response:
    async def step(visit: Visit, incident_id: int) -> None:
        minutes = to_number(visit.text("minutes"), "minutes")
        scribe_id = to_choice(visit.text("scribe"), "scribe")
        await actions.start_meeting(
            visit.tx, visit.actor, incident_id, minutes, visit.now, scribe_id=scribe_id
        )

    return await _do(visit, ref, "start", "Meeting started.", step)


@router.post("/post-mortems/{ref}/meeting/record", dependencies=route_access.needs(Verb.POSTMORTEM_WRITE))
async def record(visit: CurrentVisit, ref: str) -> Response:
    async def step(visit: Visit, incident_id: int) -> None:
        started_at = to_instant(to_wall(visit.text("started_at"), "started_at"), visit.person.tz)
        minutes = to_number(visit.text("minutes"), "minutes")
        people = to_choices(visit.form.getlist("attendees"), "attendees")
        await actions.record_meeting(
            visit.tx, visit.actor, incident_id, started_at, minutes, people, visit.now
        )

    return await _do(visit, ref, "record", "Meeting recorded.", step)


@router.post("/post-mortems/{ref}/meeting/skip", dependencies=route_access.needs(Verb.POSTMORTEM_WRITE))
async def skip(visit: CurrentVisit, ref: str) -> Response:
    async def step(visit: Visit, incident_id: int) -> None:
        await actions.record_no_meeting(visit.tx, visit.actor, incident_id, visit.text("text"), visit.now)

    return await _do(visit, ref, "skip", "Recorded that no meeting is held.", step)


async def _next(visit: Visit, incident_id: int) -> None:
    part = to_number(visit.text("part"), "part")
    await actions.go_to_part(visit.tx, visit.actor, incident_id, part + 1, visit.now, from_part=part)


async def _back(visit: Visit, incident_id: int) -> None:
    part = to_number(visit.text("part"), "part")
    await actions.go_to_part(visit.tx, visit.actor, incident_id, max(0, part - 1), visit.now, from_part=part)


async def _more(visit: Visit, incident_id: int) -> None:
    await actions.extend_part(visit.tx, visit.actor, incident_id)


async def _pause(visit: Visit, incident_id: int) -> None:
    await actions.set_paused(visit.tx, visit.actor, incident_id, visit.now, paused=True)


async def _resume(visit: Visit, incident_id: int) -> None:
    await actions.set_paused(visit.tx, visit.actor, incident_id, visit.now, paused=False)


async def _row(visit: Visit, incident_id: int) -> None:
    await actions.show_row(visit.tx, visit.actor, incident_id, to_number(visit.text("row"), "row"))


async def _facilitate(visit: Visit, incident_id: int) -> None:
    await actions.take_lead(visit.tx, visit.actor, incident_id, "facilitator", visit.now)


async def _scribe(visit: Visit, incident_id: int) -> None:
    await actions.take_lead(visit.tx, visit.actor, incident_id, "scribe", visit.now)


async def _join(visit: Visit, incident_id: int) -> None:
    people = to_choices(visit.form.getlist("person"), "person") or [visit.person.id]
    await actions.add_attendees(visit.tx, visit.actor, incident_id, people, visit.now)


async def _leave(visit: Visit, incident_id: int) -> None:
    person_id = to_choice(visit.text("person"), "person") or visit.person.id
    await actions.remove_attendee(visit.tx, visit.actor, incident_id, person_id)


_CONTROLS: Mapping[str, tuple[str, _Step]] = {
    "next": ("Next part.", _next),
    "back": ("Back to the previous part.", _back),
    "more": ("Two more minutes for this part.", _more),
    "pause": ("Paused.", _pause),
    "resume": ("Meeting resumed.", _resume),
    "row": ("Another row is shown to everyone.", _row),
    "facilitate": ("You are the facilitator.", _facilitate),
    "scribe": ("You are the scribe.", _scribe),
    "join": ("Added to the attendees.", _join),
    "leave": ("Removed from the attendees.", _leave),
}


@router.post("/post-mortems/{ref}/meeting/control", dependencies=route_access.needs(Verb.POSTMORTEM_WRITE))
async def control(visit: CurrentVisit, ref: str) -> Response:
    chosen = _CONTROLS.get(visit.text("do"))
    if chosen is None:
        raise Invalid("There is no such control.", fields={"do": f"Enter one of {', '.join(_CONTROLS)}."})
    text, step = chosen
    return await _do(visit, ref, "control", text, step)


@router.post("/post-mortems/{ref}/meeting/end", dependencies=route_access.needs(Verb.POSTMORTEM_WRITE))
async def end(visit: CurrentVisit, ref: str) -> Response:
    async def step(visit: Visit, incident_id: int) -> None:
        await actions.end_meeting(visit.tx, visit.actor, incident_id, visit.now)

    return await _do(visit, ref, "end", "Meeting ended.", step)


@router.post("/post-mortems/{ref}/meeting/write", dependencies=route_access.needs(Verb.POSTMORTEM_WRITE))
async def write(visit: CurrentVisit, ref: str) -> Response:
    async def step(visit: Visit, incident_id: int) -> None:
        slug, text = visit.text("section"), visit.text("text")
        if kind := visit.text("kind"):
            parent = to_number(visit.text("parent"), "parent") if visit.text("parent") else None
            await actions.write_why(visit.tx, visit.actor, incident_id, slug, parent, kind, text, visit.now)
        else:
            await actions.write_note(visit.tx, visit.actor, incident_id, slug, text, visit.now)

    return await _do(visit, ref, "write", "Written into the document.", step)


@router.post("/post-mortems/{ref}/meeting/park", dependencies=route_access.needs(Verb.POSTMORTEM_WRITE))
async def park(visit: CurrentVisit, ref: str) -> Response:
    async def step(visit: Visit, incident_id: int) -> None:
        if question := to_choice(visit.text("question"), "question"):
            await actions.unpark_question(visit.tx, visit.actor, incident_id, question)
        else:
            await actions.park_question(visit.tx, visit.actor, incident_id, visit.text("text"), visit.now)

    text = "Removed from the parking list." if visit.text("question") else "Left for later."
    return await _do(visit, ref, "park", text, step)


@router.post("/post-mortems/{ref}/meeting/actions", dependencies=route_access.needs(Verb.ACTION_ITEM_WRITE))
async def add_action(visit: CurrentVisit, ref: str) -> Response:
    async def step(visit: Visit, incident_id: int) -> None:
        owner_id = to_choice(visit.text("owner"), "owner")
        await actions.add_action(visit.tx, visit.actor, incident_id, visit.text("title"), owner_id, visit.now)

    return await _do(visit, ref, "actions", "Action item added.", step)
