"""The page that follows an incident to its post-mortem, its actions, and whether it came back."""

from fastapi import Response

from firebell.action_items import queries as action_items
from firebell.action_items.model import ItemState, PreventionAnswer
from firebell.kit.references import parse_ref
from firebell.kit.web import html, routing
from firebell.metrics.learning_loop import model as learning_loop
from firebell.metrics.learning_loop import queries as learning_loop_queries
from firebell.metrics.presentation import wording
from firebell.people import route_access
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import CurrentVisit

router = routing.html_router()

GLYPHS = {
    ItemState.OPEN: "idle",
    ItemState.IN_PROGRESS: "acked",
    ItemState.DONE: "done",
    ItemState.DROPPED: "late",
    ItemState.DUPLICATE: "idle",
}
ANSWERS = {
    PreventionAnswer.PREVENTED: ("late", "would have prevented it"),
    PreventionAnswer.SHORTENED: ("warn", "would have shortened it"),
    PreventionAnswer.NO: ("ok", "would have changed nothing"),
    PreventionAnswer.NOT_KNOWN: ("idle", "may or may not have changed it"),
}


@router.get("/incidents/{ref}/loop", dependencies=route_access.needs(Verb.INCIDENT_READ))
async def loop(visit: CurrentVisit, ref: str) -> Response:
    incident_id = parse_ref("INC", ref)
    shown = await learning_loop_queries.loop_of(visit.tx, incident_id, visit.now)
    stations = list(learning_loop.STATION_NAMES.items())
    items = [*shown.items, *(item for repeat in shown.repeats for item in repeat.items)]
    context = {
        "nav": "postmortems",
        "live": f"inc-{incident_id}",
        "shown": shown,
        "title": learning_loop.title(shown),
        "lede": learning_loop.lede(shown),
        "stations": stations,
        "named": await action_items.names(visit.tx, items),
        "glyphs": GLYPHS,
        "answers": ANSWERS,
        "w": wording,
        "in_time": learning_loop.PUBLISHED_WITHIN,
    }
    return await html.render(visit.request, "metrics/learning_loop.html", context)
