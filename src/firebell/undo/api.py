"""Undo over JSON: `POST /api/v1/undo/{token}`, with the token from the response to a removal."""

from typing import Annotated

from firebell.kit.web.api import ApiOutput, Text, problems
from firebell.kit.web.api import router as api_router
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import Work, work
from firebell.undo import undoable_actions

router = api_router("undo")


class UndoneShown(ApiOutput):
    """What was restored, and the page that shows it."""

    detail: str
    url: str


@router.post(
    "/undo/{token}",
    summary="Undo one of your actions within 10 seconds; the token `latest` is the newest",
    responses=problems(404, 409),
)
async def undo_action(w: Annotated[Work, work(Verb.ACTION_UNDO)], token: Text) -> UndoneShown:
    undone = await undoable_actions.carry_out(w.tx, w.ctx.signer, w.actor, w.rights, token, w.now)
    return UndoneShown(detail=undone.text, url=f"{w.ctx.public_url}{undone.url}")
