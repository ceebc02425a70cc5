"""The forms of roles on the incident page: release one, hand one over, answer an offer."""

from fastapi import Response

from firebell.incidents.model import IncidentRole
from firebell.incidents.roles import handover_actions
from firebell.incidents.roles.handover_actions import OfferAnswer
from firebell.incidents.web import address_after
from firebell.kit.errors import Invalid, NotFound
from firebell.kit.references import parse_ref
from firebell.kit.text import to_choice, to_id
from firebell.kit.web import flash, routing
from firebell.people import route_access
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import CurrentVisit

router = routing.html_router()

_ANSWERS = {
    "accept": (OfferAnswer.ACCEPTED, "Role accepted."),
    "decline": (OfferAnswer.DECLINED, "Offer declined."),
    "cancel": (OfferAnswer.CANCELED, "Offer canceled."),
}


@router.post("/incidents/{ref}/roles/{what}", dependencies=route_access.needs(Verb.INCIDENT_UPDATE))
async def change(visit: CurrentVisit, ref: str, what: str) -> Response:
    incident_id, fields = parse_ref("INC", ref), visit.values
    tx, actor, now = visit.tx, visit.actor, visit.now
    if what in _ANSWERS:
        answer, text = _ANSWERS[what]
        offer_id = to_id(fields.get("offer", "")) or 0
        await handover_actions.answer_offer(tx, actor, incident_id, offer_id, answer, now)
        return flash.redirect(visit.request, await address_after(tx, incident_id), text)
    if what not in ("release", "offer"):
        raise NotFound(f"Unknown action: {what}.")
    if fields.get("held") not in list(IncidentRole):
        raise Invalid("That is not a role.", fields={"held": f"Use one of {', '.join(IncidentRole)}."})
    role = IncidentRole(fields["held"])
    person = to_choice(fields.get("person"), "person") or visit.person.id
    if what == "release":
        await handover_actions.release_role(tx, actor, incident_id, role, person, now)
        text = "Role released."
    else:
        note = fields.get("note", "")
        await handover_actions.offer_role(tx, actor, incident_id, role, person, note, now)
        text = "Role offered."
    return flash.redirect(visit.request, await address_after(tx, incident_id), text)
