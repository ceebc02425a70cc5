"""The form that undoes an action."""

from fastapi import Response

from firebell.kit.web import flash, routing
from firebell.people import route_access
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import CurrentVisit
from firebell.undo import undoable_actions

router = routing.html_router()


@router.post("/undo", dependencies=route_access.needs(Verb.ACTION_UNDO))
async def undo_in_browser(visit: CurrentVisit) -> Response:
    """Undo the action of the form's token and show what was restored."""
    token = visit.text("token")
    undone = await undoable_actions.carry_out(
        visit.tx, visit.ctx.signer, visit.actor, visit.rights, token, visit.now
    )
    return flash.redirect(visit.request, undone.url, undone.text)
