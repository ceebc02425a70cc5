"""Firebell's own health over JSON."""

from datetime import datetime
from typing import Annotated

from pydantic import ConfigDict, Field

from firebell.heartbeats.queries import WatchedInstallation
from firebell.kit.findings import FindingLevel
from firebell.kit.process_health import ProcessFinding
from firebell.kit.web import api
from firebell.kit.web.api import ApiInput, ApiOutput, PathId, StrictInt, Text, problems
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import Work, work
from firebell.self_watch import actions, fallback_test_actions, fallback_tests, queries, rules
from firebell.self_watch.model import HeartbeatHealth, OutboundHeartbeat, PingMethod, ProblemKind, SelfAlarm

router = api.router("organization", "/health")

Reader = Annotated[Work, work(Verb.SELF_WATCH_READ)]
Writer = Annotated[Work, work(Verb.SELF_WATCH_WRITE)]


class NewOutboundHeartbeat(ApiInput):
    """An address that Firebell requests every minute while it is healthy."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"name": "Watched by Frankfurt", "url": "https://watch.example/ping/6f3a", "method": "POST"}
            ]
        }
    )

    name: Annotated[Text, Field(min_length=1, max_length=actions.NAME_MAX_CHARS)]
    url: Annotated[
        Text, Field(min_length=1, max_length=2000, description="stored encrypted, and never shown")
    ]
    method: PingMethod = PingMethod.POST


class OutboundHeartbeatShown(ApiOutput):
    """An outbound heartbeat, without the secret part of its address."""

    id: int
    name: str
    url_hint: Annotated[str, Field(description="the address without its path and query")]
    method: PingMethod
    health: HeartbeatHealth
    created_at: datetime
    tried_at: datetime | None
    arrived_at: datetime | None
    failing_since: datetime | None
    error: Annotated[str, Field(description="why the last request failed; empty if it arrived")]
    withheld_since: datetime | None
    withheld_for: Annotated[str, Field(description="why it was not sent: what is unhealthy")]


class SelfAlarmShown(ApiOutput):
    """One episode of a problem of Firebell itself."""

    id: int
    kind: ProblemKind
    subject: Annotated[str, Field(description="the channel or heartbeat; empty for Firebell as a whole")]
    title: str
    detail: str
    opened_at: datetime
    cleared_at: datetime | None


class HealthFinding(ApiOutput):
    """Something that keeps messages from arriving; `code` is N-CONFIG, N-CALLBACK, N-FALLBACK or N-METHOD."""

    id: str
    code: str
    level: FindingLevel
    message: str
    subject: str
    advice: str


class FallbackTestInput(ApiInput):
    """Whether each fallback responder gets a test message a day, and at which hour in their time zone."""

    is_on: bool
    hour: Annotated[StrictInt, Field(ge=fallback_tests.FIRST_HOUR, le=fallback_tests.LAST_HOUR)] = (
        fallback_tests.DEFAULT_HOUR
    )


class FallbackTestSettingsShown(ApiOutput):
    """Whether each fallback responder gets a test message a day, and at which hour in their time zone."""

    is_on: bool
    hour: int


class ResponderShown(ApiOutput):
    """A fallback responder and their daily tests."""

    person_id: int
    name: str
    sent_at: datetime | None
    confirmed_at: datetime | None
    unconfirmed: Annotated[int, Field(description="tests since the last confirmed one")]


class WatchedInstallationShown(ApiOutput):
    """Another installation of Firebell, whose outbound heartbeat arrives at a heartbeat here."""

    heartbeat_id: int
    name: str
    service: Annotated[str, Field(description="slug of the service that pages when it is silent")]
    address: Annotated[
        str, Field(description="what the installation says of itself; empty if it says nothing")
    ]
    state: Annotated[str, Field(description="the state of the heartbeat, as people read it")]
    last_ping_at: datetime | None


class ProcessFindingShown(ApiOutput):
    """A problem with one process of Firebell, or a task that no process does."""

    name: Annotated[str, Field(description="the check, as in `/healthz`")]
    message: str
    note: Annotated[str, Field(description="the host, and why")]
    delays_pages: Annotated[bool, Field(description="true if pages may be late because of it")]


class HealthShown(ApiOutput):
    """Firebell's own health: findings, alarms, heartbeats out and in, and the daily test of the fallback responders."""

    findings: list[HealthFinding]
    alarms: list[SelfAlarmShown]
    heartbeats: list[OutboundHeartbeatShown]
    fallback_test: FallbackTestSettingsShown
    responders: list[ResponderShown]
    watched: Annotated[
        list[WatchedInstallationShown],
        Field(description="installations that this one watches; `heartbeats` says who watches this one"),
    ]
    processes: list[ProcessFindingShown]


def _heartbeat(heartbeat: OutboundHeartbeat) -> OutboundHeartbeatShown:
    return OutboundHeartbeatShown.model_validate(heartbeat)


def _watched(watched: WatchedInstallation) -> WatchedInstallationShown:
    view = watched.view
    return WatchedInstallationShown(
        heartbeat_id=view.heartbeat.id,
        name=view.heartbeat.name,
        service=view.service.slug,
        address=watched.address,
        state=view.state_text,
        last_ping_at=view.heartbeat.progress.last_ping_at,
    )


def _process(finding: ProcessFinding) -> ProcessFindingShown:
    return ProcessFindingShown(
        name=finding.name,
        message=finding.warning.text,
        note=finding.note,
        delays_pages=finding.warning.delays_pages,
    )


def _alarm(alarm: SelfAlarm) -> SelfAlarmShown:
    return SelfAlarmShown(
        id=alarm.id,
        kind=alarm.kind,
        subject=alarm.subject,
        title=rules.title(alarm),
        detail=alarm.detail,
        opened_at=alarm.opened_at,
        cleared_at=alarm.cleared_at,
    )


@router.get("", summary="Get Firebell’s own health: findings, alarms and outbound heartbeats")
async def show_health(w: Reader) -> HealthShown:
    state = await queries.self_watch(w.tx, w.ctx.channel_settings, w.now)
    return HealthShown(
        findings=[HealthFinding.model_validate(each) for each in state.findings],
        alarms=[_alarm(each) for each in state.alarms],
        heartbeats=[_heartbeat(each) for each in state.heartbeats],
        fallback_test=FallbackTestSettingsShown.model_validate(state.fallback_test),
        responders=[
            ResponderShown(
                person_id=each.id,
                name=each.name,
                sent_at=each.tests.sent_at,
                confirmed_at=each.tests.confirmed_at,
                unconfirmed=each.tests.unconfirmed,
            )
            for each in state.responders
        ],
        watched=[_watched(each) for each in state.watched],
        processes=[_process(each) for each in state.processes],
    )


@router.put("/fallback-test", summary="Set the daily test of the fallback responders")
async def set_fallback_test(w: Writer, body: FallbackTestInput) -> FallbackTestSettingsShown:
    changed = await fallback_test_actions.set_settings(
        w.tx, w.actor, is_on=body.is_on, hour=body.hour, now=w.now
    )
    return FallbackTestSettingsShown.model_validate(changed)


@router.post(
    "/outbound-heartbeats",
    summary="Create an outbound heartbeat",
    status_code=201,
    responses=problems(409),
)
async def create_outbound_heartbeat(w: Writer, body: NewOutboundHeartbeat) -> OutboundHeartbeatShown:
    return _heartbeat(
        await actions.create_heartbeat(
            w.tx, w.actor, name=body.name, url=body.url, method=body.method, now=w.now
        )
    )


@router.delete(
    "/outbound-heartbeats/{heartbeat_id}",
    summary="Delete an outbound heartbeat",
    status_code=204,
    responses=problems(404),
)
async def delete_outbound_heartbeat(w: Writer, heartbeat_id: PathId) -> None:
    await actions.delete_heartbeat(w.tx, w.actor, heartbeat_id, w.now)
