"""The page that shows what text messages and calls cost."""

from fastapi import Response

from firebell.kit.web import html, routing
from firebell.notify import hourly_limit_actions, usage_queries
from firebell.people import route_access
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import CurrentVisit

router = routing.html_router()


@router.get("/settings/phone", dependencies=route_access.needs(Verb.PHONE_USAGE_READ))
async def phone_usage(visit: CurrentVisit) -> Response:
    context = {
        "nav": "settings",
        "tab": "contact",
        "days": usage_queries.USAGE_DAYS,
        "stops": await hourly_limit_actions.reached_limits(visit.tx, visit.now),
        "channels": await usage_queries.channel_usages(visit.tx, visit.ctx.channel_settings, visit.now),
    }
    return await html.render(visit.request, "notify/phone_usage.html", context)
