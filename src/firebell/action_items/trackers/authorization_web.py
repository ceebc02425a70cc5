"""The address to which a tracker sends a person back after they authorized Firebell there."""

from fastapi import Request, Response

from firebell.action_items.trackers import authorization, web
from firebell.kit.errors import FirebellError
from firebell.kit.web import flash, html, routing, transaction
from firebell.people import authentication, route_access
from firebell.people.permissions import Verb

router = routing.html_router()


@router.get(authorization.PATH, dependencies=route_access.needs(Verb.TRACKER_WRITE))
async def finish(request: Request) -> Response:
    """Exchange the code for tokens, and sync the tracker."""
    me, ctx, now = await authentication.signed_in(request), html.ctx(request), transaction.now(request)
    actor, query = authentication.actor_of(me), request.query_params
    async with ctx.db.tx() as tx:
        begun = await authorization.take(tx, actor, ctx, query.get("state", ""), now)
    page = f"{web.ADDRESS}/{begun.tracker.id}"
    if not query.get("code"):
        return flash.redirect(
            request, page, f"{begun.tracker.name} was not authorized: it was canceled there."
        )
    try:
        authorized = await authorization.exchange(ctx, begun, query["code"])
    except FirebellError as error:
        return flash.redirect(request, page, error.message)
    async with ctx.db.tx() as tx:
        tracker = await authorization.finish(tx, actor, begun, authorized, ctx.clock.now())
    return flash.redirect(request, page, f"{tracker.name} is authorized. Check the connection.")
