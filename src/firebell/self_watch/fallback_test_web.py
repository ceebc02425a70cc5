"""The form that confirms a daily test by its link, and the settings of the test."""

from fastapi import Request, Response

from firebell.kit.errors import FirebellError, Invalid
from firebell.kit.text import to_number
from firebell.kit.web import flash, html, routing, transaction
from firebell.people import route_access
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import CurrentVisit
from firebell.self_watch import fallback_test_actions as fallback_test
from firebell.self_watch import web

router = routing.html_router()


@router.get("/fallback-test/{token}", dependencies=route_access.public("The signed link grants access."))
async def confirmation_form(request: Request, token: str) -> Response:
    """Show a button; opening the link confirms nothing, because previews and scanners open links."""
    return await _by_link(request, token, is_confirmed=False)


@router.post("/fallback-test/{token}", dependencies=route_access.public("The signed link grants access."))
async def confirm(request: Request, token: str) -> Response:
    return await _by_link(request, token, is_confirmed=True)


async def _by_link(request: Request, token: str, *, is_confirmed: bool) -> Response:
    ctx, now = html.ctx(request), transaction.now(request)
    context: dict[str, object] = {"error": None, "is_confirmed": is_confirmed}
    try:
        async with ctx.db.tx() as tx:
            test = await fallback_test.test_of_link(tx, ctx, token, now)
            if is_confirmed:
                await fallback_test.confirm(tx, test, now)
            context["is_confirmed"] = is_confirmed or test.confirmed_at is not None
    except FirebellError as error:
        context["error"] = error
    return await html.render(request, "self_watch/fallback_test.html", context)


@router.post("/settings/health/fallback-test", dependencies=route_access.needs(Verb.SELF_WATCH_WRITE))
async def save_settings(visit: CurrentVisit) -> Response:
    is_on = visit.text("is_on") == "yes"
    try:
        async with visit.tx.savepoint():
            hour = to_number(visit.text("hour"), "hour")
            await fallback_test.set_settings(visit.tx, visit.actor, is_on=is_on, hour=hour, now=visit.now)
    except Invalid as error:
        return await web.render_health(visit, visit.values, error)
    text = f"The daily test is sent at {hour}:00." if is_on else "The daily test is off."
    return flash.redirect(visit.request, "/settings/health", text)
