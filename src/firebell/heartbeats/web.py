"""The screens of heartbeats: all of them, one with its pings, and the form."""

from collections.abc import Mapping
from datetime import timedelta

from fastapi import Response

from firebell.alerts.model import SEVERITIES
from firebell.catalog import actions as catalog
from firebell.heartbeats import actions, durations, queries
from firebell.heartbeats.model import Heartbeat, NewPing
from firebell.heartbeats.settings_checks import SettingsInput
from firebell.kit.errors import Conflict, FirebellError, Invalid
from firebell.kit.text import to_id
from firebell.kit.web import flash, html, routing
from firebell.kit.web.field_errors import FieldErrors
from firebell.people import route_access
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import CurrentVisit, Visit

router = routing.html_router()

PINGS_SHOWN = 50
PAUSES = (("1", "1 hour"), ("8", "8 hours"), ("24", "1 day"), ("168", "1 week"), ("720", "30 days"))
"""The hours for which a heartbeat can be paused on its screen."""
NEW_VALUES = {"kind": "period", "period": "1 h", "grace": "5 min", "severity": "critical"}


@router.get("/heartbeats", dependencies=route_access.needs(Verb.HEARTBEAT_READ))
async def heartbeats(visit: CurrentVisit) -> Response:
    views = await queries.views(visit.tx, await actions.heartbeats(visit.tx), visit.now)
    context = {
        "nav": "heartbeats",
        "live": actions.LIVE_TOPIC,
        "views": views,
        "firing": sum(view.heartbeat.is_expired for view in views),
    }
    return await html.render(visit.request, "heartbeats/heartbeats.html", context)


@router.get("/heartbeats/new", dependencies=route_access.needs(Verb.HEARTBEAT_WRITE))
async def new(visit: CurrentVisit, service: str = "") -> Response:
    return await _new(visit, {**NEW_VALUES, "service": service})


async def _new(visit: Visit, values: Mapping[str, str], error: FirebellError | None = None) -> Response:
    services = [(each.slug, each.name) for each in await catalog.services(visit.tx)]
    context = {
        "nav": "heartbeats",
        "services": services,
        "values": values,
        "severities": [(each, each.capitalize()) for each in SEVERITIES],
        "error": error,
    }
    return await html.render(visit.request, "heartbeats/new.html", context)


@router.post("/heartbeats/new", dependencies=route_access.needs(Verb.HEARTBEAT_WRITE))
async def create(visit: CurrentVisit) -> Response:
    values = visit.values
    try:
        async with visit.tx.savepoint():
            entered = _entered(values)
            service = await catalog.resolve_service(visit.tx, values.get("service", ""))
            created = await actions.create_heartbeat(
                visit.tx,
                visit.actor,
                service_id=service.id,
                name=values.get("name", ""),
                entered=entered,
                now=visit.now,
            )
    except (Invalid, Conflict) as error:
        return await _new(visit, values, error)
    return flash.redirect(visit.request, f"/heartbeats/{created.id}", f"Heartbeat {created.name} created.")


@router.get("/heartbeats/{heartbeat_id}", dependencies=route_access.needs(Verb.HEARTBEAT_READ))
async def heartbeat(visit: CurrentVisit, heartbeat_id: int, before: str = "") -> Response:
    return await _heartbeat(visit, heartbeat_id, before)


async def _heartbeat(
    visit: Visit,
    heartbeat_id: int,
    before: str = "",
    values: Mapping[str, str] | None = None,
    error: FirebellError | None = None,
) -> Response:
    view = await queries.view(visit.tx, heartbeat_id, visit.now)
    pings = await actions.pings(visit.tx, heartbeat_id, to_id(before), PINGS_SHOWN + 1)
    shown = pings[:PINGS_SHOWN]
    context = {
        "nav": "heartbeats",
        "live": actions.LIVE_TOPIC,
        "v": view,
        "h": view.heartbeat,
        "pings": shown,
        "before": to_id(before),
        "older": f"/heartbeats/{heartbeat_id}?before={shown[-1].id}" if len(pings) > len(shown) else "",
        "values": values or _values(view.heartbeat),
        "severities": [(each, each.capitalize()) for each in SEVERITIES],
        "pauses": PAUSES,
        "error": error,
    }
    return await html.render(visit.request, "heartbeats/heartbeat.html", context)


@router.post("/heartbeats/{heartbeat_id}", dependencies=route_access.needs(Verb.HEARTBEAT_WRITE))
async def update(visit: CurrentVisit, heartbeat_id: int) -> Response:
    values = visit.values
    try:
        async with visit.tx.savepoint():
            await actions.update_heartbeat(
                visit.tx, visit.actor, heartbeat_id=heartbeat_id, entered=_entered(values), now=visit.now
            )
    except Invalid as error:
        return await _heartbeat(visit, heartbeat_id, values=values, error=error)
    return flash.redirect(visit.request, f"/heartbeats/{heartbeat_id}", "Heartbeat saved.")


@router.post("/heartbeats/{heartbeat_id}/pause", dependencies=route_access.needs(Verb.HEARTBEAT_WRITE))
async def pause(visit: CurrentVisit, heartbeat_id: int) -> Response:
    hours = dict(PAUSES).get(visit.text("hours"))
    if hours is None:
        raise Invalid("Choose how long the pause lasts.", fields={"hours": "Choose one of the durations."})
    until = visit.now + timedelta(hours=int(visit.text("hours")))
    paused = await actions.pause_heartbeat(
        visit.tx, visit.actor, heartbeat_id=heartbeat_id, until=until, now=visit.now
    )
    return flash.redirect(visit.request, f"/heartbeats/{heartbeat_id}", f"{paused.name} paused for {hours}.")


@router.post("/heartbeats/{heartbeat_id}/resume", dependencies=route_access.needs(Verb.HEARTBEAT_WRITE))
async def resume(visit: CurrentVisit, heartbeat_id: int) -> Response:
    resumed = await actions.resume_heartbeat(visit.tx, visit.actor, heartbeat_id=heartbeat_id, now=visit.now)
    return flash.redirect(visit.request, f"/heartbeats/{heartbeat_id}", f"{resumed.name} resumed.")


@router.post("/heartbeats/{heartbeat_id}/ping", dependencies=route_access.needs(Verb.ALERT_SEND))
async def ping(visit: CurrentVisit, heartbeat_id: int) -> Response:
    new_ping = NewPing(source=f"Web {visit.actor.label}")
    sent = await actions.send_ping(
        visit.tx, visit.actor, heartbeat_id=heartbeat_id, ping=new_ping, now=visit.now
    )
    return flash.redirect(visit.request, f"/heartbeats/{heartbeat_id}", f"Ping of {sent.name} recorded.")


@router.post("/heartbeats/{heartbeat_id}/delete", dependencies=route_access.needs(Verb.HEARTBEAT_WRITE))
async def delete(visit: CurrentVisit, heartbeat_id: int) -> Response:
    deleted = await actions.delete_heartbeat(visit.tx, visit.actor, heartbeat_id=heartbeat_id, now=visit.now)
    return flash.redirect(visit.request, "/heartbeats", f"Heartbeat {deleted.name} deleted.")


def _entered(values: Mapping[str, str]) -> SettingsInput:
    """Return the settings of a form; raise `Invalid` with the message of every length that cannot be read."""
    errors, is_cron = FieldErrors(), values.get("kind") == "cron"

    def length(field: str) -> timedelta | None:
        text = values.get(field, "")
        return errors.value(lambda: durations.parse(text, field), None) if text.strip() else None

    period, grace, max_runtime = None if is_cron else length("period"), length("grace"), length("max_runtime")
    if not is_cron and not values.get("period", "").strip():
        errors.add("period", "Enter how often the job sends its ping, such as 1 h.")
    if is_cron and not values.get("cron", "").strip():
        errors.add("cron", "Enter a cron expression, such as 0 2 * * *.")
    errors.check()
    return SettingsInput(
        period=period,
        cron=values.get("cron", "") if is_cron else "",
        time_zone=values.get("time_zone", "") or "UTC",
        grace=grace or SettingsInput().grace,
        max_runtime=max_runtime,
        alert_title=values.get("alert_title", ""),
        severity=values.get("severity", ""),
        labels=_labels(values.get("labels", "")),
        description=values.get("description", ""),
        matchers=values.get("matchers", ""),
    )


def _labels(text: str) -> dict[str, str]:
    """Return the labels of a text such as `team=payments, tier=1`; raise `Invalid` for another one."""
    labels = {}
    for part in filter(None, (part.strip() for part in text.replace("\n", ",").split(","))):
        name, equals, value = (piece.strip() for piece in part.partition("="))
        if not (name and equals and value) or len(name) > 128 or len(value) > 1024:
            raise Invalid(
                "The labels can’t be read.",
                fields={
                    "labels": f"Enter labels such as team=payments, separated by commas; {part[:40]} is not one."
                },
            )
        labels[name] = value
    return labels


def _values(one: Heartbeat) -> dict[str, str]:
    """Return the values of the form for the settings in force."""
    settings, expectation = one.settings, one.settings.expectation
    return {
        "kind": "cron" if expectation.cron else "period",
        "period": durations.written(expectation.period),
        "cron": expectation.cron,
        "time_zone": expectation.time_zone,
        "grace": durations.written(expectation.grace),
        "max_runtime": durations.written(expectation.max_runtime),
        "alert_title": settings.alert.title,
        "severity": settings.alert.severity,
        "labels": ", ".join(f"{name}={value}" for name, value in settings.alert.labels.items()),
        "description": settings.description,
        "matchers": settings.matchers,
    }
