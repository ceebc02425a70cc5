"""Alerts over JSON."""

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query, Request

from firebell.alerts import actions
from firebell.alerts.model import Alert, Received, Reject
from firebell.alerts.sources import generic
from firebell.catalog import actions as catalog
from firebell.kit.errors import Invalid
from firebell.people import access

router = APIRouter(prefix="/api/v1", tags=["alerts"])


def _json(alert: Alert) -> dict[str, Any]:
    return {
        "id": alert.id,
        "title": alert.title,
        "status": alert.status,
        "severity": alert.severity,
        "dedup_key": alert.dedup_key,
        "labels": alert.labels,
        "starts_at": alert.starts_at,
        "ends_at": alert.ends_at,
        "count": alert.count,
    }


@router.get("/alerts", summary="Alerts, the newest first")
async def alerts(
    request: Request,
    q: Annotated[str, Query(description="words in the title, or a whole dedup key")] = "",
    before: int | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> list[dict[str, Any]]:
    await access.caller(request, "pages:read")
    async with request.app.state.ctx.db.tx() as tx:
        return [_json(a) for a in await actions.alerts(tx, q, before, limit)]


@router.get("/alerts/{alert_id}", summary="One alert")
async def alert(request: Request, alert_id: int) -> dict[str, Any]:
    await access.caller(request, "pages:read")
    async with request.app.state.ctx.db.tx() as tx:
        found, _, _ = await actions.alert_with_group(tx, alert_id)
    return {**_json(found), "body": found.body, "annotations": found.annotations, "links": found.links}


@router.post("/alerts", status_code=202, summary="Send an alert for a service")
async def send(request: Request, body: dict[str, Any]) -> dict[str, Any]:
    await access.caller(request, "alerts:write")
    ctx = request.app.state.ctx
    slug = str(body.get("service", ""))
    async with ctx.db.tx() as tx:
        service = await catalog.by_slug(tx, slug)
        keys = await actions.integrations(tx, service.id)
    if not keys:
        raise Invalid(f"{service.name} has no integration key.", hint="Add one on the service's page.")
    event = {name: value for name, value in body.items() if name != "service"}
    raw = msgspec.json.encode(event)
    normal = generic.normalise(raw, ctx.clock.now())
    if isinstance(normal, Reject):
        raise Invalid(normal.reason)
    received = Received(keys[0].id, service.id, "api", raw, normal)
    await request.app.state.inbound.ingest.submit(received)
    return {"status": "accepted", "dedup_key": normal[0].dedup_key, "service": service.slug}


@router.post("/services/{slug}/integrations", status_code=201, summary="Add an integration key")
async def add_key(request: Request, slug: str, body: dict[str, Any]) -> dict[str, Any]:
    caller, ctx = await access.caller(request, "admin"), request.app.state.ctx
    async with ctx.db.tx() as tx:
        service = await catalog.by_slug(tx, slug)
        made = await actions.create_integration(
            tx, caller.actor, service_id=service.id, name=str(body.get("name", "")), now=ctx.clock.now()
        )
    return {"id": made.id, "key": made.key, "name": made.name}
