"""Heartbeats over JSON."""

from datetime import datetime, timedelta
from typing import Annotated, Literal

from fastapi import Query
from pydantic import ConfigDict, Field

from firebell.catalog import actions as catalog
from firebell.heartbeats import actions, queries
from firebell.heartbeats.model import HeartbeatState, NewPing, Ping, PingKind
from firebell.heartbeats.queries import HeartbeatView
from firebell.heartbeats.settings_checks import (
    DESCRIPTION_MAX_CHARS,
    MAX_LABELS,
    NAME_MAX_CHARS,
    TITLE_MAX_CHARS,
    SettingsInput,
)
from firebell.kit.web import api
from firebell.kit.web.api import (
    ApiInput,
    ApiOutput,
    Instant,
    Name,
    PageParams,
    PathId,
    StrictInt,
    Text,
    problems,
)
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import Work, work

router = api.router("heartbeats", "/heartbeats")

Reader = Annotated[Work, work(Verb.HEARTBEAT_READ)]
Writer = Annotated[Work, work(Verb.HEARTBEAT_WRITE)]
Sender = Annotated[Work, work(Verb.ALERT_SEND)]
Seconds = Annotated[StrictInt, Field(ge=1, le=31_622_400)]
Labels = Annotated[dict[Name, Annotated[Text, Field(max_length=1024)]], Field(max_length=MAX_LABELS)]


class HeartbeatFields(ApiInput):
    """When pings are expected, and the alert that a missing one opens; either `period_s` or `cron`."""

    period_s: Annotated[Seconds | None, Field(description="seconds from one ping to the next")] = None
    cron: Annotated[
        Text, Field(max_length=200, description="minute, hour, day, month and weekday, or such as @daily")
    ] = ""
    time_zone: Annotated[Text, Field(max_length=100, description="of `cron`")] = "UTC"
    grace_s: Annotated[Seconds, Field(description="seconds that a ping may be late")] = 300
    max_runtime_s: Annotated[
        Seconds | None, Field(description="seconds that a run may take after its /start; null for no limit")
    ] = None
    alert_title: Annotated[Text, Field(max_length=TITLE_MAX_CHARS)] = ""
    severity: Literal["critical", "error", "warning", "info"] = "critical"
    labels: Labels = Field(default_factory=dict)
    description: Annotated[Text, Field(max_length=DESCRIPTION_MAX_CHARS)] = ""
    matchers: Annotated[
        Text,
        Field(
            max_length=1024,
            description='alerts of the service that are pings instead, such as {alertname="Watchdog"}',
        ),
    ] = ""

    def entered(self) -> SettingsInput:
        """Return the settings as the actions take them."""
        return SettingsInput(
            period=_length(self.period_s),
            cron=self.cron,
            time_zone=self.time_zone,
            grace=timedelta(seconds=self.grace_s),
            max_runtime=_length(self.max_runtime_s),
            alert_title=self.alert_title,
            severity=self.severity,
            labels=self.labels,
            description=self.description,
            matchers=self.matchers,
        )


class NewHeartbeat(HeartbeatFields):
    """A heartbeat to create."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"service": "checkout", "name": "settlement", "period_s": 3600, "grace_s": 300}]
        }
    )

    service: Annotated[Name, Field(description="slug")]
    name: Annotated[Text, Field(min_length=1, max_length=NAME_MAX_CHARS, description="part of its address")]


class Pause(ApiInput):
    """Until when no pings are expected, at most 90 days from now."""

    until: Instant


class PingInput(ApiInput):
    """A ping; an exit code other than 0 is a failure."""

    kind: PingKind = PingKind.SUCCESS
    exit_code: Annotated[StrictInt | None, Field(ge=0, le=255)] = None
    body: Annotated[Text, Field(max_length=actions.PING_BODY_CHARS)] = ""


class FindingShown(ApiOutput):
    """A problem of a heartbeat."""

    code: str
    message: str


class HeartbeatShown(ApiOutput):
    """A heartbeat, what it expects, and what has arrived."""

    id: int
    name: str
    service: Annotated[str, Field(description="slug")]
    path: Annotated[
        str, Field(description="address of the pings; <key> is an integration key of the service")
    ]
    state: Annotated[
        HeartbeatState, Field(description="new: never pinged; late: overdue within the grace; down: it pages")
    ]
    is_paused: bool
    paused_until: datetime | None
    is_stuck: Annotated[bool, Field(description="true if a run takes longer than it may")]
    is_expired: Annotated[bool, Field(description="true while its alert fires")]
    period_s: int | None
    cron: str
    time_zone: str
    grace_s: int
    max_runtime_s: int | None
    alert_title: str
    severity: Literal["critical", "error", "warning", "info"]
    labels: dict[str, str]
    description: str
    matchers: str
    created_at: datetime
    last_ping_at: datetime | None
    last_kind: PingKind | None
    last_exit_code: int | None
    last_duration_s: Annotated[float | None, Field(description="of the last run that reported its start")]
    run_started_at: datetime | None
    expected_at: Annotated[datetime | None, Field(description="when the next ping is expected")]
    deadline: Annotated[datetime | None, Field(description="when a missing ping pages")]
    repeats_at: Annotated[
        datetime | None, Field(description="when what fires pages again, unless its page is still open")
    ]
    pings: Annotated[int, Field(description="how many have arrived")]
    findings: list[FindingShown]


class PingShown(ApiOutput):
    """A ping of the last 30 days, one of the newest 500."""

    id: int
    at: datetime
    kind: PingKind
    exit_code: int | None
    duration_s: Annotated[float | None, Field(description="of the run that it ended")]
    source: str
    body: str


def _length(seconds: int | None) -> timedelta | None:
    return None if seconds is None else timedelta(seconds=seconds)


def _seconds(length: timedelta | None) -> int | None:
    return None if length is None else int(length.total_seconds())


def _shown(view: HeartbeatView) -> HeartbeatShown:
    one, progress, settings = view.heartbeat, view.heartbeat.progress, view.heartbeat.settings
    expectation = settings.expectation
    return HeartbeatShown(
        id=one.id,
        name=one.name,
        service=view.service.slug,
        path=view.path,
        state=progress.state,
        is_paused=one.is_paused,
        paused_until=progress.paused_until,
        is_stuck=progress.is_stuck,
        is_expired=one.is_expired,
        period_s=_seconds(expectation.period),
        cron=expectation.cron,
        time_zone=expectation.time_zone,
        grace_s=int(expectation.grace.total_seconds()),
        max_runtime_s=_seconds(expectation.max_runtime),
        alert_title=settings.alert.title,
        severity=settings.alert.severity,  # type: ignore[arg-type]
        labels=dict(settings.alert.labels),
        description=settings.description,
        matchers=settings.matchers,
        created_at=one.created_at,
        last_ping_at=progress.last_ping_at,
        last_kind=progress.last_kind,
        last_exit_code=progress.last_exit_code,
        last_duration_s=progress.last_duration.total_seconds() if progress.last_duration else None,
        run_started_at=progress.run_started_at,
        expected_at=view.expected_at,
        deadline=view.deadline,
        repeats_at=view.repeats_at,
        pings=progress.pings,
        findings=[FindingShown(code=f.code, message=f.message) for f in view.findings],
    )


def _ping(ping: Ping) -> PingShown:
    return PingShown(
        id=ping.id,
        at=ping.at,
        kind=ping.kind,
        exit_code=ping.exit_code,
        duration_s=ping.duration.total_seconds() if ping.duration else None,
        source=ping.source,
        body=ping.body,
    )


async def _view(w: Work, heartbeat_id: int) -> HeartbeatShown:
    return _shown(await queries.view(w.tx, heartbeat_id, w.now))


@router.get("", summary="List heartbeats, newest first", responses=problems(404))
async def list_heartbeats(
    w: Reader,
    params: PageParams,
    service: Annotated[Text, Query(description="slug; default: every service")] = "",
) -> list[HeartbeatShown]:
    service_id = (await catalog.by_slug(w.tx, service)).id if service else None
    listed = sorted(await actions.heartbeats(w.tx, service_id), key=lambda each: each.id)
    page = params.newest(listed, [each.id for each in listed])
    by_id = {view.heartbeat.id: view for view in await queries.views(w.tx, page, w.now)}
    return [_shown(by_id[each.id]) for each in page]


@router.post("", status_code=201, summary="Create a heartbeat", responses=problems(404, 409))
async def create_heartbeat(w: Writer, new: NewHeartbeat) -> HeartbeatShown:
    service = await catalog.by_slug(w.tx, new.service)
    created = await actions.create_heartbeat(
        w.tx, w.actor, service_id=service.id, name=new.name, entered=new.entered(), now=w.now
    )
    return await _view(w, created.id)


@router.get("/{heartbeat_id}", summary="Get a heartbeat", responses=problems(404))
async def get_heartbeat(w: Reader, heartbeat_id: PathId) -> HeartbeatShown:
    return await _view(w, heartbeat_id)


@router.put("/{heartbeat_id}", summary="Replace the settings of a heartbeat", responses=problems(404))
async def update_heartbeat(w: Writer, heartbeat_id: PathId, fields: HeartbeatFields) -> HeartbeatShown:
    await actions.update_heartbeat(
        w.tx, w.actor, heartbeat_id=heartbeat_id, entered=fields.entered(), now=w.now
    )
    return await _view(w, heartbeat_id)


@router.delete(
    "/{heartbeat_id}",
    status_code=204,
    summary="Delete a heartbeat with its pings, and resolve its alert",
    responses=problems(404),
)
async def delete_heartbeat(w: Writer, heartbeat_id: PathId) -> None:
    await actions.delete_heartbeat(w.tx, w.actor, heartbeat_id=heartbeat_id, now=w.now)


@router.post(
    "/{heartbeat_id}/pause", summary="Pause a heartbeat; its alert is resolved", responses=problems(404)
)
async def pause_heartbeat(w: Writer, heartbeat_id: PathId, pause: Pause) -> HeartbeatShown:
    await actions.pause_heartbeat(w.tx, w.actor, heartbeat_id=heartbeat_id, until=pause.until, now=w.now)
    return await _view(w, heartbeat_id)


@router.post("/{heartbeat_id}/resume", summary="Resume a heartbeat", responses=problems(404))
async def resume_heartbeat(w: Writer, heartbeat_id: PathId) -> HeartbeatShown:
    await actions.resume_heartbeat(w.tx, w.actor, heartbeat_id=heartbeat_id, now=w.now)
    return await _view(w, heartbeat_id)


@router.get(
    "/{heartbeat_id}/pings", summary="List the pings of a heartbeat, newest first", responses=problems(404)
)
async def list_pings(w: Reader, heartbeat_id: PathId, params: PageParams) -> list[PingShown]:
    await actions.heartbeat(w.tx, heartbeat_id)
    listed = await actions.pings(w.tx, heartbeat_id, params.before, params.limit)
    params.link([ping.id for ping in listed])
    return [_ping(ping) for ping in listed]


@router.post("/{heartbeat_id}/pings", summary="Send a ping", responses=problems(404))
async def send_ping(w: Sender, heartbeat_id: PathId, ping: PingInput) -> HeartbeatShown:
    kind = PingKind.FAIL if ping.exit_code else ping.kind
    await actions.send_ping(
        w.tx,
        w.actor,
        heartbeat_id=heartbeat_id,
        ping=NewPing(kind, ping.exit_code, ping.body, f"API {w.actor.label}"),
        now=w.now,
    )
    return await _view(w, heartbeat_id)
