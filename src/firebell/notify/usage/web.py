"""The page that shows what text messages and calls cost."""

from fastapi import Response

from firebell.kit.web import flash, html, routing
from firebell.kit.web.filters import to_one_of
from firebell.notify.hourly_limits import actions as hourly_limit_actions
from firebell.notify.hourly_limits import allowance_actions
from firebell.notify.hourly_limits.rules import ALLOWED_KINDS, LimitScope
from firebell.notify.usage import queries as usage_queries
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
        "allowances": await usage_queries.allowances(visit.tx, visit.now),
        "allowed_hours": allowance_actions.DEFAULT_HOURS,
        "stops": await hourly_limit_actions.reached_limits(visit.tx, visit.now),
        "channels": await usage_queries.channel_usages(visit.tx, visit.ctx.channel_settings, visit.now),
    }
    return await html.render(visit.request, "notify/phone_usage.html", context)


@router.post("/settings/phone/allowances", dependencies=route_access.needs(Verb.PHONE_USAGE_WRITE))
async def allow(visit: CurrentVisit) -> Response:
    scope = LimitScope(to_one_of(visit.text("scope"), "scope", ALLOWED_KINDS), visit.text("value"))
    allowance = await allowance_actions.allow(visit.tx, visit.actor, scope, visit.now)
    text = f"{allowance.text} are allowed for {allowance_actions.DEFAULT_HOURS} hours."
    return flash.redirect(visit.request, "/settings/phone", text)


@router.post(
    "/settings/phone/allowances/{allowance_id}/end",
    dependencies=route_access.needs(Verb.PHONE_USAGE_WRITE),
)
async def end_allowance(visit: CurrentVisit, allowance_id: int) -> Response:
    ended = await allowance_actions.end_allowance(visit.tx, visit.actor, allowance_id, visit.now)
    return flash.redirect(visit.request, "/settings/phone", f"{ended.text} have their hourly limit again.")
