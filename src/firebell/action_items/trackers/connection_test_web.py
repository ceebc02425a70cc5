"""The buttons of a tracker's page that call the tracker while the person waits, without a transaction."""

from collections.abc import Sequence

from fastapi import Request, Response

from firebell.action_items.trackers import connection_tests, web
from firebell.action_items.trackers.model import ConnectionCheck
from firebell.kit.errors import FirebellError, NotFound
from firebell.kit.text import to_required
from firebell.kit.web import flash, html, routing, transaction
from firebell.people import authentication, route_access
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import Visit

router = routing.html_router()


async def _page(
    request: Request,
    tracker_id: int,
    error: FirebellError | None = None,
    *,
    checks: Sequence[ConnectionCheck] = (),
    dry_run: connection_tests.DryRun | None = None,
) -> Response:
    form, me = await route_access.form(request), await authentication.signed_in(request)
    ctx, now = html.ctx(request), transaction.now(request)
    async with ctx.db.tx() as tx:
        visit = Visit(request, tx, me, form, now)
        context = await web.page_context(visit, tracker_id, error, checks=checks, dry_run=dry_run)
    return await html.render(request, web.TEMPLATE, context)


@router.post("/settings/trackers/{tracker_id}/check", dependencies=route_access.needs(Verb.TRACKER_WRITE))
async def check(request: Request, tracker_id: str) -> Response:
    number = to_required(tracker_id, "tracker")
    checks = await connection_tests.check_connection(html.ctx(request), number)
    return await _page(request, number, checks=checks)


@router.post("/settings/trackers/{tracker_id}/dry-run", dependencies=route_access.needs(Verb.TRACKER_WRITE))
async def dry_run(request: Request, tracker_id: str) -> Response:
    number = to_required(tracker_id, "tracker")
    return await _page(request, number, dry_run=await connection_tests.dry_run(html.ctx(request), number))


@router.post("/settings/trackers/{tracker_id}/test", dependencies=route_access.needs(Verb.TRACKER_WRITE))
async def send_test(request: Request, tracker_id: str) -> Response:
    number, me = to_required(tracker_id, "tracker"), await authentication.signed_in(request)
    await route_access.form(request)
    try:
        url = await connection_tests.send_test(
            html.ctx(request), authentication.actor_of(me), number, transaction.now(request)
        )
    except NotFound:
        raise
    except FirebellError as error:
        return await _page(request, number, error)
    return flash.redirect(request, f"{web.ADDRESS}/{number}", f"Created and closed {url}.")
