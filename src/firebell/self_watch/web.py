"""The screen of Firebell's own health: findings, alarms and outbound heartbeats."""

from collections.abc import Mapping

from fastapi import Response

from firebell.kit.errors import Conflict, FirebellError, Invalid
from firebell.kit.web import flash, html, routing
from firebell.people import route_access
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import CurrentVisit, Visit
from firebell.self_watch import actions, queries, rules
from firebell.self_watch.model import LIVE_TOPIC, PingMethod

router = routing.html_router()

METHODS = [(each.value, each.value) for each in (PingMethod.POST, PingMethod.GET)]


@router.get("/settings/health", dependencies=route_access.needs(Verb.SELF_WATCH_READ))
async def health(visit: CurrentVisit) -> Response:
    return await render_health(visit, {})


async def render_health(
    visit: Visit, values: Mapping[str, str], error: FirebellError | None = None
) -> Response:
    """Return the screen, after a refused form with its values and error."""
    state = await queries.self_watch(visit.tx, visit.ctx.channel_settings, visit.now)
    context = {
        "nav": "settings",
        "tab": "health",
        "live": LIVE_TOPIC,
        "findings": state.findings,
        "alarms": state.alarms,
        "heartbeats": state.heartbeats,
        "fallback_test": state.fallback_test,
        "responders": state.responders,
        "watched": state.watched,
        "processes": state.processes,
        "alarm_title": rules.title,
        "methods": METHODS,
        "values": values,
        "error": error,
    }
    return await html.render(visit.request, "self_watch/health.html", context)


@router.post("/settings/health/heartbeats", dependencies=route_access.needs(Verb.SELF_WATCH_WRITE))
async def create_heartbeat(visit: CurrentVisit) -> Response:
    values = visit.values
    try:
        async with visit.tx.savepoint():
            heartbeat = await actions.create_heartbeat(
                visit.tx,
                visit.actor,
                name=values.get("name", ""),
                url=values.get("url", ""),
                method=_method(values.get("method", "")),
                now=visit.now,
            )
    except (Invalid, Conflict) as error:
        return await render_health(visit, values, error)
    text = f"Outbound heartbeat {heartbeat.name} created. It is sent within half a minute."
    return flash.redirect(visit.request, "/settings/health", text)


def _method(value: str) -> PingMethod:
    try:
        return PingMethod(value or PingMethod.POST)
    except ValueError as error:
        raise Invalid("Choose GET or POST.", fields={"method": "Choose GET or POST."}) from error


@router.post(
    "/settings/health/heartbeats/{heartbeat_id}/delete",
    dependencies=route_access.needs(Verb.SELF_WATCH_WRITE),
)
async def delete_heartbeat(visit: CurrentVisit, heartbeat_id: int) -> Response:
    heartbeat = await actions.delete_heartbeat(visit.tx, visit.actor, heartbeat_id, visit.now)
    return flash.redirect(visit.request, "/settings/health", f"Outbound heartbeat {heartbeat.name} deleted.")
