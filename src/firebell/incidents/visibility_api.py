"""The API of what an incident is about, and who sees it."""

from typing import Annotated

from pydantic import Field

from firebell.incidents import actions, api
from firebell.incidents.api import IncidentShown
from firebell.incidents.model import IncidentType
from firebell.incidents.text_limits import REASON_MAX_CHARS
from firebell.kit.references import parse_ref
from firebell.kit.web.api import ApiInput, StrictBool, Text, problems, routers
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import Work, work

router = routers.router("incidents")

Responder = Annotated[Work, work(Verb.INCIDENT_UPDATE)]


class NewType(ApiInput):
    """What an incident is about, and who sees it; to show a private one to everyone requires a reason."""

    type: IncidentType
    private: StrictBool
    reason: Annotated[Text, Field(max_length=REASON_MAX_CHARS)] = ""


@router.put(
    "/incidents/{ref}/type", summary="Change the type and who sees the incident", responses=problems(404, 409)
)
async def set_type(w: Responder, ref: Text, body: NewType) -> IncidentShown:
    incident = await actions.set_type(
        *(w.tx, w.actor, parse_ref("INC", ref), body.type, w.now),
        private=body.private,
        reason=body.reason,
    )
    return await api.shown_incident(w.tx, incident)
