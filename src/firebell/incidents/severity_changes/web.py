"""The form that answers the questions of an incident again."""

from fastapi import Response

from firebell.incidents.severity import typed_answers
from firebell.incidents.severity_changes import actions as severity_actions
from firebell.kit.references import parse_ref
from firebell.kit.web import flash, routing
from firebell.people import route_access
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import CurrentVisit

router = routing.html_router()


@router.post("/incidents/{ref}/answers", dependencies=route_access.needs(Verb.INCIDENT_UPDATE))
async def answer_questions(visit: CurrentVisit, ref: str) -> Response:
    values = visit.values
    answers = typed_answers(values)
    incident = await severity_actions.reclassify(
        visit.tx,
        visit.actor,
        parse_ref("INC", ref),
        answers,
        values.get("reason", ""),
        visit.now,
        cap_unknown=True,
    )
    text = f"{incident.ref} is SEV{incident.severity}."
    return flash.redirect(visit.request, f"/incidents/{incident.ref}", text)
