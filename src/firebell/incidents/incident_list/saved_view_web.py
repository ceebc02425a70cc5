"""The forms that save and delete views of the list of incidents."""

from fastapi import Response

from firebell.incidents.incident_list import saved_views
from firebell.kit.text import to_required
from firebell.kit.web import flash, routing, undo
from firebell.people import route_access
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import CurrentVisit

router = routing.html_router()


@router.post("/incidents/views", dependencies=route_access.needs(Verb.SAVED_VIEW_WRITE))
async def save_view(visit: CurrentVisit) -> Response:
    view = await saved_views.create_saved_view(
        visit.tx,
        visit.actor,
        name=visit.text("name"),
        query=visit.text("query"),
        shared=bool(visit.text("shared")),
        now=visit.now,
    )
    return flash.redirect(visit.request, f"/incidents?{view.query}", f"View {view.name} saved.")


@router.post("/incidents/views/{view_id}/delete", dependencies=route_access.needs(Verb.SAVED_VIEW_WRITE))
async def delete_view(visit: CurrentVisit, view_id: str) -> Response:
    view = await saved_views.delete_saved_view(visit.tx, visit.actor, to_required(view_id, "view"), visit.now)
    offer = await undo.offer(visit.tx, visit.ctx.signer, visit.actor, "saved_view.deleted", visit.now)
    return flash.redirect(visit.request, "/incidents", f"View {view.name} deleted.", offer)
