"""The forms that save, rename, move and delete views of lists."""

from fastapi import Response

from firebell.kit import undo
from firebell.kit.text import to_choice, to_required
from firebell.kit.web import flash, routing
from firebell.kit.web.filters import to_one_of
from firebell.people import route_access
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import CurrentVisit
from firebell.saved_views import actions
from firebell.saved_views.model import LISTS, ListName

router = routing.html_router()


@router.post("/saved-views", dependencies=route_access.needs(Verb.SAVED_VIEW_WRITE))
async def save_view(visit: CurrentVisit) -> Response:
    view = await actions.create_saved_view(
        visit.tx,
        visit.actor,
        list_name=ListName(to_one_of(visit.text("list"), "list", tuple(ListName))),
        name=visit.text("name"),
        query=visit.text("query"),
        shared=bool(visit.text("shared")),
        now=visit.now,
    )
    return flash.redirect(visit.request, view.path, f"View {view.name} saved.")


@router.post("/saved-views/{view_id}", dependencies=route_access.needs(Verb.SAVED_VIEW_WRITE))
async def change_view(visit: CurrentVisit, view_id: str) -> Response:
    position = to_choice(visit.text("position"), "position")
    view = await actions.update_saved_view(
        visit.tx,
        visit.actor,
        to_required(view_id, "view"),
        name=visit.text("name") if "name" in visit.form else None,
        position=position,
        now=visit.now,
    )
    text = f"View {view.name} moved." if position else f"View renamed to {view.name}."
    return flash.redirect(visit.request, view.path, text)


@router.post("/saved-views/{view_id}/delete", dependencies=route_access.needs(Verb.SAVED_VIEW_WRITE))
async def delete_view(visit: CurrentVisit, view_id: str) -> Response:
    view = await actions.delete_saved_view(visit.tx, visit.actor, to_required(view_id, "view"), visit.now)
    offer = await undo.offer(visit.tx, visit.ctx.signer, visit.actor, "saved_view.deleted", visit.now)
    return flash.redirect(visit.request, LISTS[view.list_name].path, f"View {view.name} deleted.", offer)
