"""The screen on which people choose which entries the timeline of a document shows."""

from fastapi import Response

from firebell.kit.errors import Conflict, Invalid
from firebell.kit.references import parse_ref
from firebell.kit.text import to_number
from firebell.kit.web import flash, html, routing
from firebell.people import route_access
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import CurrentVisit, Visit
from firebell.postmortems import actions
from firebell.postmortems.drafting.facts import MARKER_NAMES
from firebell.postmortems.editing.timeline_choices import EntryFilter, NewChoice

router = routing.html_router()

ENTRIES_LISTED = 200


@router.get("/post-mortems/{ref}/timeline", dependencies=route_access.needs(Verb.POSTMORTEM_WRITE))
async def entries(
    visit: CurrentVisit, ref: str, q: str = "", only: str = "all", start: str = "0"
) -> Response:
    return await _list(visit, parse_ref("INC", ref), q, only, start)


@router.post("/post-mortems/{ref}/timeline", dependencies=route_access.needs(Verb.POSTMORTEM_WRITE))
async def choose(visit: CurrentVisit, ref: str) -> Response:
    incident_id = parse_ref("INC", ref)
    listed, before = visit.text("listed").split(), set(visit.text("before").split())
    checked = {str(key) for key in visit.form.getlist("entry")}
    new = NewChoice(
        show=[key for key in listed if key in checked and key not in before],
        hide=[key for key in listed if key not in checked and key in before],
        reset_all=bool(visit.text("reset")),
    )
    if new.reset_all:
        new = NewChoice(reset_all=True)
    try:
        async with visit.tx.savepoint():
            chosen = await actions.choose_entries(visit.tx, visit.actor, incident_id, new, visit.now)
    except (Conflict, Invalid) as error:
        return await _list(visit, incident_id, error=error)
    text = f"The timeline shows {chosen.shown} of {len(chosen.entries)} entries."
    url = html.address(
        f"/post-mortems/INC-{incident_id}/timeline",
        q=visit.text("q"),
        only=visit.text("only"),
        start=visit.text("start"),
    )
    return flash.redirect(visit.request, url, text)


async def _list(
    visit: Visit,
    incident_id: int,
    q: str = "",
    only: str = "all",
    start: str = "0",
    error: Conflict | Invalid | None = None,
) -> Response:
    chosen = await actions.choosable_entries(visit.tx, incident_id, visit.now)
    wanted = EntryFilter(only) if only in list(EntryFilter) else EntryFilter.ALL
    first = to_number(start, "start") if start else 0
    matching = chosen.filtered(q, wanted)
    shown = matching[first : first + ENTRIES_LISTED]

    def part(number: int) -> str:
        return html.address(
            f"/post-mortems/{chosen.postmortem.ref}/timeline", q=q, only=wanted.value, start=str(number)
        )

    context = {
        "nav": "postmortems",
        "d": chosen.postmortem,
        "chosen": chosen,
        "entries": shown,
        "matching": len(matching),
        "q": q,
        "only": wanted.value,
        "start": first,
        "earlier": part(max(0, first - ENTRIES_LISTED)) if first else "",
        "later": part(first + ENTRIES_LISTED) if len(matching) > first + ENTRIES_LISTED else "",
        "marker_names": MARKER_NAMES,
        "error": error,
    }
    return await html.render(visit.request, "postmortems/timeline.html", context)
