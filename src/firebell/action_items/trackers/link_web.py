"""The forms of an item's links to issues."""

from fastapi import Response

from firebell.action_items import web as item_web
from firebell.action_items.trackers import actions
from firebell.kit.errors import FirebellError, NotFound
from firebell.kit.references import parse_ref
from firebell.kit.text import to_required
from firebell.kit.web import flash, routing
from firebell.people import route_access
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import CurrentVisit

router = routing.html_router()


@router.post("/actions/{ref}/links", dependencies=route_access.needs(Verb.ACTION_ITEM_WRITE))
async def link(visit: CurrentVisit, ref: str) -> Response:
    item_id = parse_ref("ACT", ref)
    try:
        async with visit.tx.savepoint():
            tracker_id = to_required(visit.text("tracker"), "tracker")
            issue = visit.text("issue")
            await actions.link_item(visit.tx, visit.actor, item_id, tracker_id, visit.now, issue=issue)
    except NotFound:
        raise
    except FirebellError as error:
        return await item_web.item_page(visit, item_id, error, "links")
    text = f"ACT-{item_id} is linked." if issue else f"The issue of ACT-{item_id} is being created."
    return flash.redirect(visit.request, f"/actions/ACT-{item_id}", text)


@router.post("/actions/{ref}/links/{link_id}/sync", dependencies=route_access.needs(Verb.ACTION_ITEM_WRITE))
async def sync(visit: CurrentVisit, ref: str, link_id: str) -> Response:
    item_id = parse_ref("ACT", ref)
    number = to_required(link_id, "link")
    await actions.retry_link(visit.tx, visit.actor, item_id, number, visit.now)
    return flash.redirect(visit.request, f"/actions/ACT-{item_id}", "Syncing.")


@router.post("/actions/{ref}/links/{link_id}/unlink", dependencies=route_access.needs(Verb.ACTION_ITEM_WRITE))
async def unlink(visit: CurrentVisit, ref: str, link_id: str) -> Response:
    item_id = parse_ref("ACT", ref)
    number = to_required(link_id, "link")
    await actions.unlink_item(visit.tx, visit.actor, item_id, number, visit.now)
    return flash.redirect(visit.request, f"/actions/ACT-{item_id}", "Unlinked. The issue stays as it is.")
