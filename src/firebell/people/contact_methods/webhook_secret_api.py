"""The signing secrets of my webhooks over JSON."""

from datetime import datetime
from typing import Annotated

from firebell.kit.web import api
from firebell.kit.web.api import ApiOutput, PathId, problems
from firebell.people import actions
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import Work, work

router = api.router()

Responder = Annotated[Work, work(Verb.CONTACT_METHOD_WRITE)]


class SecretRotated(ApiOutput):
    """The new signing secret, shown this once; the old one signs beside it until `previous_until`."""

    secret: str
    previous_until: datetime


@router.post(
    "/me/contact-methods/{method_id}/secret",
    tags=["me"],
    summary="Rotate a webhook's signing secret; both sign for 24 hours",
    responses=problems(404, 409),
)
async def rotate_contact_secret(w: Responder, method_id: PathId) -> SecretRotated:
    rotated = await actions.rotate_signing_secret(w.tx, w.actor, method_id, w.person_id, w.now)
    return SecretRotated.model_validate(rotated)
