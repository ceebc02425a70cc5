"""The API of handovers: release a role, offer one, answer an offer."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from firebell.incidents import actions
from firebell.incidents.api import IncidentShown, Reader, Responder, shown_after
from firebell.incidents.model import IncidentRole
from firebell.incidents.roles import handover_actions
from firebell.incidents.roles.handover_actions import OfferAnswer
from firebell.incidents.roles.handover_store import RoleOffer
from firebell.kit.references import parse_ref
from firebell.kit.web import api
from firebell.kit.web.api import ApiInput, ApiOutput, Id, PathId, Text, problems

router = api.router("handovers")


class ReleasedRole(ApiInput):
    """A role to release; without a person it is the caller's."""

    role: IncidentRole
    person_id: Id | None = None


class NewOffer(ApiInput):
    """The caller's role to hand over, to whom, and what they have to know."""

    role: IncidentRole
    person_id: Id
    note: Annotated[
        Text,
        Field(max_length=handover_actions.NOTE_MAX_CHARS, examples=["Failover is done, watch the lag"]),
    ] = ""


class OfferAnswered(ApiInput):
    """The answer to an offer."""

    answer: OfferAnswer


class OfferShown(ApiOutput):
    """An offer that waits for an answer."""

    id: int
    role: IncidentRole
    from_id: int
    to_id: int
    note: str
    at: datetime


def _offer(offer: RoleOffer) -> OfferShown:
    return OfferShown(
        id=offer.id,
        role=offer.role,
        from_id=offer.from_id,
        to_id=offer.to_id,
        note=offer.note,
        at=offer.at,
    )


@router.post("/incidents/{ref}/roles/release", summary="Release a role", responses=problems(404, 409))
async def release_role(w: Responder, ref: Text, body: ReleasedRole) -> IncidentShown:
    incident_id, person_id = parse_ref("INC", ref), body.person_id or w.person_id
    await handover_actions.release_role(w.tx, w.actor, incident_id, body.role, person_id, w.now)
    return await shown_after(w.tx, incident_id)


@router.get(
    "/incidents/{ref}/handovers", summary="List the offers that wait for an answer", responses=problems(404)
)
async def list_handovers(w: Reader, ref: Text) -> list[OfferShown]:
    incident = await actions.incident(w.tx, parse_ref("INC", ref))
    return [_offer(offer) for offer in await handover_actions.waiting(w.tx, incident.id)]


@router.post(
    "/incidents/{ref}/handovers",
    status_code=201,
    summary="Offer your role to someone, who must accept it",
    responses=problems(404, 409),
)
async def offer_role(w: Responder, ref: Text, body: NewOffer) -> OfferShown:
    incident_id = parse_ref("INC", ref)
    return _offer(
        await handover_actions.offer_role(
            w.tx, w.actor, incident_id, body.role, body.person_id, body.note, w.now
        )
    )


@router.post(
    "/incidents/{ref}/handovers/{offer_id}",
    summary="Accept or decline an offer, or cancel your own",
    responses=problems(404, 409),
)
async def answer_handover(w: Responder, ref: Text, offer_id: PathId, body: OfferAnswered) -> IncidentShown:
    incident_id = parse_ref("INC", ref)
    await handover_actions.answer_offer(w.tx, w.actor, incident_id, offer_id, body.answer, w.now)
    return await shown_after(w.tx, incident_id)
