"""The forms of conditions, actions and needs on the incident page: each is saved alone."""

from fastapi import Response

from firebell.incidents.canvas import actions as canvas_actions
from firebell.incidents.web import FeedView, render_room
from firebell.kit.errors import Conflict
from firebell.kit.references import parse_ref
from firebell.kit.text import to_number
from firebell.kit.web import flash, routing
from firebell.people import route_access
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import CurrentVisit

router = routing.html_router()


@router.post("/incidents/{ref}/canvas/{name}", dependencies=route_access.needs(Verb.INCIDENT_UPDATE))
async def save(visit: CurrentVisit, ref: str, name: str) -> Response:
    incident_id, text = parse_ref("INC", ref), visit.text("text")
    version = to_number(visit.text("version"), "version")
    try:
        async with visit.tx.savepoint():
            await canvas_actions.set_canvas_text(
                visit.tx, visit.actor, incident_id, name, text, version, visit.now
            )
    except Conflict as error:
        fields = {"canvas": name, "canvas_text": text}
        return await render_room(visit, incident_id, FeedView(), fields=fields, error=error)
    return flash.redirect(visit.request, f"/incidents/INC-{incident_id}", f"{name.capitalize()} saved.")
