"""Alerts and integration keys over JSON."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from fastapi import Query
from pydantic import ConfigDict, Field
from starlette.requests import Request

from firebell.alerts import actions
from firebell.alerts.model import Integration, Received, Reject
from firebell.alerts.sources import generic
from firebell.catalog import actions as catalog
from firebell.kit import api
from firebell.kit.api import Ctx, Given, Instant, Name, PathId, ShortName, Shown, Stretch, Text, problems
from firebell.kit.errors import Conflict, Invalid, NotFound
from firebell.people.access import Caller, may

router = api.router()

Reader = Annotated[Caller, may("pages:read")]
Sender = Annotated[Caller, may("alerts:write")]
Responder = Annotated[Caller, may("oncall:write")]
Texts = Annotated[dict[Name, Annotated[Text, Field(max_length=1024)]], Field(max_length=64)]


class AlertShown(Shown):
    """All events of one dedup key from its first firing to its resolution."""

    id: int
    title: str
    status: Literal["firing", "resolved"]
    severity: Literal["critical", "error", "warning", "info"] | None
    dedup_key: str
    labels: dict[str, str]
    starts_at: datetime
    ends_at: datetime | None
    count: int


class AlertDetail(AlertShown):
    """One alert with everything that its source said."""

    body: str
    annotations: dict[str, str]
    links: dict[str, str]


class NewAlert(Given):
    """What happened, to which service; the same `dedup_key` is the same alert."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"service": "checkout", "title": "5xx above 5 %", "dedup_key": "checkout-5xx"}]
        }
    )

    service: Annotated[Name, Field(description="slug")]
    title: Annotated[Text, Field(min_length=1, max_length=10_000)]
    body: Annotated[Text, Field(max_length=32_768)] = ""
    severity: Literal["critical", "error", "warning", "info"] = "critical"
    status: Literal["firing", "acknowledged", "resolved"] = "firing"
    dedup_key: Annotated[Text | None, Field(max_length=512, description="default: made from the content")] = (
        None
    )
    labels: Texts = Field(default_factory=dict)
    annotations: Texts = Field(default_factory=dict)
    links: Texts = Field(default_factory=dict)
    runbook_url: Annotated[Text | None, Field(max_length=1024)] = None
    occurred_at: Instant | None = None


class AlertAccepted(Shown):
    """The alert is stored, and with it the page that it opens."""

    status: Literal["accepted"]
    dedup_key: str
    service: str


class IntegrationShown(Shown):
    """An address for senders; whoever has the key can send alerts."""

    id: int
    name: str
    key: str
    created_at: datetime


class NewIntegration(Given):
    """An integration key to add."""

    name: Annotated[ShortName, Field(examples=["Alertmanager"])]


@router.get("/alerts", tags=["alerts"], summary="Alerts, the newest first")
async def list_alerts(
    ctx: Ctx,
    caller: Reader,
    stretch: Stretch,
    q: Annotated[Text, Query(description="words in the title, or a whole dedup key")] = "",
) -> list[AlertShown]:
    async with ctx.db.tx() as tx:
        found = await actions.alerts(tx, q.strip(), stretch.before, stretch.limit)
    stretch.link([a.id for a in found])
    return [AlertShown.model_validate(a) for a in found]


@router.get("/alerts/{alert_id}", tags=["alerts"], summary="One alert", responses=problems(404))
async def get_alert(ctx: Ctx, caller: Reader, alert_id: PathId) -> AlertDetail:
    async with ctx.db.tx() as tx:
        found, _, _ = await actions.alert_with_group(tx, alert_id)
    return AlertDetail.model_validate(found)


@router.post(
    "/alerts",
    status_code=202,
    tags=["alerts"],
    summary="Send an alert for a service",
    responses=problems(404, 409),
)
async def send_alert(request: Request, ctx: Ctx, caller: Sender, given: NewAlert) -> AlertAccepted:
    async with ctx.db.tx() as tx:
        service = await catalog.by_slug(tx, given.service)
        keys = await actions.integrations(tx, service.id)
    if not keys:
        raise Conflict(f"{service.name} has no integration key.", hint="Add one on the service's page.")
    raw = msgspec.json.encode(given.model_dump(mode="json", exclude={"service"}, exclude_none=True))
    normal = generic.normalise(raw, ctx.clock.now())
    if isinstance(normal, Reject):
        raise Invalid(normal.reason)
    await request.app.state.inbound.ingest.submit(Received(keys[0].id, service.id, "api", raw, normal))
    return AlertAccepted(status="accepted", dedup_key=normal[0].dedup_key, service=service.slug)


@router.get(
    "/services/{slug}/integrations",
    tags=["services"],
    summary="The integration keys of a service, the newest first",
    responses=problems(404),
)
async def list_integrations(
    ctx: Ctx, caller: Responder, slug: Text, stretch: Stretch
) -> list[IntegrationShown]:
    async with ctx.db.tx() as tx:
        found: list[Integration] = await actions.integrations(tx, (await catalog.by_slug(tx, slug)).id)
    return [IntegrationShown.model_validate(i) for i in stretch.newest(found, [i.id for i in found])]


@router.post(
    "/services/{slug}/integrations",
    status_code=201,
    tags=["services"],
    summary="Add an integration key",
    responses=problems(404),
)
async def create_integration(
    ctx: Ctx, caller: Responder, slug: Text, given: NewIntegration
) -> IntegrationShown:
    async with ctx.db.tx() as tx:
        service = await catalog.by_slug(tx, slug)
        made = await actions.create_integration(
            tx, caller.actor, service_id=service.id, name=given.name, now=ctx.clock.now()
        )
    return IntegrationShown.model_validate(made)


@router.delete(
    "/services/{slug}/integrations/{integration_id}",
    status_code=204,
    tags=["services"],
    summary="Revoke an integration key; its senders are refused within five seconds",
    responses=problems(404),
)
async def revoke_integration(ctx: Ctx, caller: Responder, slug: Text, integration_id: PathId) -> None:
    async with ctx.db.tx() as tx:
        service = await catalog.by_slug(tx, slug)
        if integration_id not in [i.id for i in await actions.integrations(tx, service.id)]:
            raise NotFound(f"{service.name} has no integration key {integration_id} in force.")
        await actions.revoke_integration(tx, caller.actor, integration_id, ctx.clock.now())
