"""Verification of my contact methods by code, over JSON."""

from typing import Annotated

from pydantic import Field

from firebell.kit.web import api
from firebell.kit.web.api import ApiInput, Ctx, PathId, Text, problems
from firebell.people import actions
from firebell.people.api import MethodShown, method_shown
from firebell.people.authentication import Caller
from firebell.people.permissions import Verb
from firebell.people.route_access import may
from firebell.people.unit_of_work import Work, work
from firebell.people.verification import actions as verification_actions

router = api.router()

ContactOwner = Annotated[Caller, may(Verb.CONTACT_METHOD_WRITE)]
ContactWork = Annotated[Work, work(Verb.CONTACT_METHOD_WRITE)]


class CodeGiven(ApiInput):
    """The code of the latest message."""

    code: Annotated[Text, Field(min_length=1, max_length=20, examples=["482913"])]


@router.post(
    "/me/contact-methods/{method_id}/verification",
    status_code=204,
    tags=["me"],
    summary="Send a verification code through a contact method; an earlier code becomes invalid",
    responses=problems(404, 409, 429),
)
async def send_verification_code(w: ContactWork, method_id: PathId) -> None:
    await actions.request_code(w.tx, w.actor, method_id, w.person_id, w.now)


@router.post(
    "/me/contact-methods/{method_id}/verify",
    tags=["me"],
    summary="Enter a verification code; it is valid for 10 minutes and 5 tries",
    responses=problems(404),
)
async def enter_verification_code(
    ctx: Ctx, caller: ContactOwner, method_id: PathId, body: CodeGiven
) -> MethodShown:
    now = ctx.clock.now()
    async with ctx.db.tx() as tx:
        entered = await verification_actions.enter_code(
            tx, caller.actor, ctx.signer, method_id, caller.person_id, body.code, now
        )
    entered.check()
    async with ctx.db.tx() as tx:
        methods = await actions.methods_of(tx, [caller.person_id])
    return next(method_shown(m) for m in methods if m.id == method_id)
