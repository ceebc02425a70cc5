"""The question at the end of a published post-mortem: was it useful?"""

from fastapi import Response

from firebell.kit.references import parse_ref
from firebell.kit.web import flash, routing
from firebell.people import route_access
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import CurrentVisit
from firebell.postmortems.reader_feedback import actions

router = routing.html_router()


@router.post("/post-mortems/{ref}/usefulness", dependencies=route_access.needs(Verb.POSTMORTEM_RATE))
async def rate(visit: CurrentVisit, ref: str) -> Response:
    incident_id = parse_ref("INC", ref)
    await actions.rate(visit.tx, visit.actor, incident_id, visit.text("useful") == "yes", visit.now)
    url = f"/post-mortems/INC-{incident_id}#useful"
    return flash.redirect(visit.request, url, "Thank you. Your answer is counted.")
