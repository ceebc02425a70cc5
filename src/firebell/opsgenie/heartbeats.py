"""Opsgenie's Heartbeat API on the heartbeats of a service.

https://docs.opsgenie.com/docs/heartbeat-api
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from types import MappingProxyType

from firebell.alerts.model import ForeignRequest, Integration, Json
from firebell.alerts.sources import opsgenie as source
from firebell.heartbeats import actions as heartbeats
from firebell.heartbeats.model import Heartbeat, HeartbeatSettings, NewPing
from firebell.heartbeats.settings_checks import LEAST_GRACE, SettingsInput
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Conflict
from firebell.opsgenie.model import ApiError
from firebell.opsgenie.responders import CLIENT

PONG = "PONG - Heartbeat received"
_UNITS: Mapping[str, timedelta] = MappingProxyType(
    {"days": timedelta(days=1), "hours": timedelta(hours=1), "minutes": timedelta(minutes=1)}
)
"""The units of intervals, the longest first."""
_MAX_INTERVAL = 1_000_000
_PING_METHODS = ("GET", "POST", "PUT", "PATCH")
_ACTOR = Actor("source", CLIENT)


async def answer(
    tx: Tx, integration: Integration, request: ForeignRequest, data: dict[str, Json], now: datetime
) -> tuple[int, dict[str, Json]]:
    """Return the answer to a request below /v2/heartbeats; raise ApiError if it is refused."""
    service_id, rest = integration.service_id, tuple(map(source.text_of, request.segments[2:]))
    match request.method, rest:
        case method, (name, "ping") if method in _PING_METHODS:
            stored = await heartbeats.by_name(tx, service_id, name)
            agent = request.headers.get(b"user-agent", b"").decode("latin-1")
            ping = NewPing(source=source.text_of(f"{method} {agent}")[:120])
            await heartbeats.receive_ping(tx, stored.id, ping, now)
            return 202, {"result": PONG}
        case "GET", ():
            listed = await heartbeats.heartbeats(tx, service_id)
            return 200, {"data": {"heartbeats": [shown(each) for each in listed]}}
        case "POST", ():
            return 201, {"data": shown(await _create(tx, integration, data, now))}
        case "GET", (name,):
            return 200, {"data": shown(await heartbeats.by_name(tx, service_id, name))}
        case "PATCH", (name,):
            stored = await heartbeats.by_name(tx, service_id, name)
            return 200, {"data": _meta(await _update(tx, stored, data, now))}
        case "DELETE", (name,):
            stored = await heartbeats.by_name(tx, service_id, name)
            await heartbeats.delete_heartbeat(tx, _ACTOR, heartbeat_id=stored.id, now=now)
            return 200, {"data": {"name": stored.name}, "result": "Deleted"}
        case "POST" | "PUT" | "PATCH", (name, "enable" | "disable" as verb):
            stored = await heartbeats.by_name(tx, service_id, name)
            return 200, {"data": _meta(await _set_enabled(tx, stored, verb == "enable", now))}
    if len(rest) > 2 or (len(rest) == 2 and rest[1] not in ("ping", "enable", "disable")):
        raise ApiError(404, "There is no such address.")
    raise ApiError(405, f"This address does not accept {request.method}.")


async def _create(tx: Tx, integration: Integration, data: dict[str, Json], now: datetime) -> Heartbeat:
    entered = _entered(SettingsInput(grace=LEAST_GRACE), data)
    if entered.period is None:
        raise ApiError(422, "The interval is missing.", {"interval": "Interval can not be empty."})
    try:
        created = await heartbeats.create_heartbeat(
            tx,
            _ACTOR,
            service_id=integration.service_id,
            name=source.text_of(data.get("name")),
            entered=entered,
            integration_id=integration.id,
            now=now,
        )
    except Conflict as conflict:
        raise ApiError(409, conflict.message) from conflict
    return await _set_enabled(tx, created, data.get("enabled") is not False, now)


async def _update(tx: Tx, stored: Heartbeat, data: dict[str, Json], now: datetime) -> Heartbeat:
    entered = _entered(_as_entered(stored.settings), data)
    after = await heartbeats.update_heartbeat(tx, _ACTOR, heartbeat_id=stored.id, entered=entered, now=now)
    if not isinstance(data.get("enabled"), bool):
        return after
    return await _set_enabled(tx, after, data["enabled"], now)


async def _set_enabled(tx: Tx, stored: Heartbeat, enabled: bool, now: datetime) -> Heartbeat:
    """Resume or pause a heartbeat; a pause ends, so that a forgotten one does not hide a failure forever."""
    if enabled == (not stored.is_paused):
        return stored
    if enabled:
        return await heartbeats.resume_heartbeat(tx, _ACTOR, heartbeat_id=stored.id, now=now)
    until = now + heartbeats.LONGEST_PAUSE
    return await heartbeats.pause_heartbeat(tx, _ACTOR, heartbeat_id=stored.id, until=until, now=now)


def _as_entered(settings: HeartbeatSettings) -> SettingsInput:
    expectation, alert = settings.expectation, settings.alert
    return SettingsInput(
        period=expectation.period,
        cron=expectation.cron,
        time_zone=expectation.time_zone,
        grace=expectation.grace,
        max_runtime=expectation.max_runtime,
        alert_title=alert.title,
        severity=alert.severity,
        labels=alert.labels,
        description=settings.description,
        matchers=settings.matchers,
    )


def _entered(before: SettingsInput, data: dict[str, Json]) -> SettingsInput:
    """Return settings with what a request changes of them."""
    entered = before
    if "interval" in data or "intervalUnit" in data:
        entered = replace(entered, period=_period(before.period, data), cron="")
    if "description" in data:
        entered = replace(entered, description=source.note_of(data["description"]))
    if "alertMessage" in data:
        entered = replace(entered, alert_title=source.text_of(data["alertMessage"]))
    if "alertTags" in data:
        tags = ",".join(source.tags_in(data["alertTags"]))
        entered = replace(entered, labels={**entered.labels, "tags": tags} if tags else entered.labels)
    if priority := source.text_of(data.get("alertPriority")):
        if errors := source.priority_errors(priority):
            raise ApiError(422, "The priority is wrong.", {"alertPriority": errors["priority"]})
        entered = replace(entered, severity=source.severity_of(priority))
    return entered


def _period(before: timedelta | None, data: dict[str, Json]) -> timedelta:
    """Return the interval of a request; what it lacks is as before."""
    number, unit = interval_of(before) if before else (None, "minutes")
    interval, stated = data.get("interval", number), source.text_of(data.get("intervalUnit")).lower() or unit
    if not isinstance(interval, int) or isinstance(interval, bool) or not 0 < interval <= _MAX_INTERVAL:
        raise ApiError(422, "The interval is wrong.", {"interval": "Send a whole number above 0."})
    if stated not in _UNITS:
        text = f"Send one of [ {', '.join(reversed(list(_UNITS)))} ]."
        raise ApiError(422, "The unit of the interval is wrong.", {"intervalUnit": text})
    return interval * _UNITS[stated]


def interval_of(period: timedelta) -> tuple[int, str]:
    """Return a period as a number of the longest unit that divides it; parts of a minute count as one."""
    for unit, length in _UNITS.items():
        if not period % length:
            return period // length, unit
    return -(-period // _UNITS["minutes"]), "minutes"


def _meta(stored: Heartbeat) -> dict[str, Json]:
    return {"name": stored.name, "enabled": not stored.is_paused, "expired": stored.is_expired}


def shown(stored: Heartbeat) -> dict[str, Json]:
    """Return a heartbeat as Opsgenie shows it; one that follows a cron expression has no interval."""
    answer: dict[str, Json] = {**_meta(stored), "description": stored.settings.description}
    if (period := stored.settings.expectation.period) is not None:
        answer["interval"], answer["intervalUnit"] = interval_of(period)
    if stored.progress.last_ping_at is not None:
        answer["lastPingTime"] = stored.progress.last_ping_at
    return answer
