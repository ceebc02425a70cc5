"""The forms of the response in an incident: answers, requests for experts, promises and customer updates."""

from fastapi import Response

from firebell.kit.errors import Invalid
from firebell.kit.references import parse_ref
from firebell.kit.text import to_number
from firebell.kit.web import flash, routing
from firebell.people import route_access
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import CurrentVisit
from firebell.response import actions
from firebell.response.model import Audience

router = routing.html_router()
UNCHANGED = "Nothing changed since the last update."
LONGEST_PROMISE_MIN = 24 * 60


@router.post("/incidents/{ref}/response/answers", dependencies=route_access.needs(Verb.INCIDENT_UPDATE))
async def answer(visit: CurrentVisit, ref: str) -> Response:
    incident_id, step = parse_ref("INC", ref), visit.text("step")
    match visit.text("answer"):
        case "now":
            await actions.escalate_now(visit.tx, visit.actor, incident_id, step, visit.now)
            done = f"INC-{incident_id} escalated."
        case "not_yet":
            reason = visit.text("reason")
            await actions.not_yet(visit.tx, visit.actor, incident_id, step, reason, visit.now)
            done = f"INC-{incident_id} waits. You are asked again in 30 min."
        case _:
            raise Invalid("That is not an answer.", fields={"answer": "Use now or not_yet."})
    return flash.redirect(visit.request, f"/incidents/INC-{incident_id}", done)


@router.post("/incidents/{ref}/response/expertise", dependencies=route_access.needs(Verb.INCIDENT_UPDATE))
async def request_expertise(visit: CurrentVisit, ref: str) -> Response:
    incident_id = parse_ref("INC", ref)
    request = await actions.request_expertise(
        visit.tx, visit.actor, incident_id, visit.text("need"), visit.now
    )
    return flash.redirect(
        visit.request, f"/incidents/INC-{incident_id}", f"Asked for an expert: {request.need}."
    )


@router.post("/incidents/{ref}/response/promises", dependencies=route_access.needs(Verb.INCIDENT_UPDATE))
async def promise(visit: CurrentVisit, ref: str) -> Response:
    incident_id, audience = parse_ref("INC", ref), visit.text("audience")
    if audience not in list(Audience):
        raise Invalid("That is not an audience.", fields={"audience": f"Use {' or '.join(Audience)}."})
    minutes = to_number(visit.text("minutes"), "minutes", least=1, most=LONGEST_PROMISE_MIN, unit="min")
    await actions.promise(visit.tx, visit.actor, incident_id, Audience(audience), minutes, visit.now)
    return flash.redirect(visit.request, f"/incidents/INC-{incident_id}", f"Next update in {minutes} min.")


@router.post("/incidents/{ref}/response/customers", dependencies=route_access.needs(Verb.INCIDENT_UPDATE))
async def inform_customers(visit: CurrentVisit, ref: str) -> Response:
    incident_id = parse_ref("INC", ref)
    text = UNCHANGED if visit.text("unchanged") else visit.text("text")
    await actions.inform_customers(visit.tx, visit.actor, incident_id, text, visit.now)
    return flash.redirect(visit.request, f"/incidents/INC-{incident_id}", "Customer update recorded.")
