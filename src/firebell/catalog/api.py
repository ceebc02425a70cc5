"""Services over JSON."""

from typing import Annotated, Any

from fastapi import APIRouter, Body, Request

from firebell.catalog import actions
from firebell.catalog.model import Service
from firebell.people import access

router = APIRouter(prefix="/api/v1/services", tags=["services"])


def _json(service: Service) -> dict[str, Any]:
    return {
        "id": service.id,
        "slug": service.slug,
        "name": service.name,
        "team_id": service.team_id,
        "policy_id": service.policy_id,
        "description": service.description,
        "runbook_url": service.runbook_url,
    }


@router.get("", summary="Every service")
async def services(request: Request) -> list[dict[str, Any]]:
    await access.caller(request, "pages:read")
    async with request.app.state.ctx.db.tx() as tx:
        return [_json(s) for s in await actions.services(tx)]


@router.post("", status_code=201, summary="Add a service")
async def create(
    request: Request,
    name: Annotated[str, Body()],
    team_id: Annotated[int, Body()],
    policy_id: Annotated[int | None, Body()] = None,
    description: Annotated[str, Body()] = "",
    runbook_url: Annotated[str, Body()] = "",
) -> dict[str, Any]:
    caller, ctx = await access.caller(request, "admin"), request.app.state.ctx
    async with ctx.db.tx() as tx:
        made = await actions.create_service(
            tx,
            caller.actor,
            name=name,
            team_id=team_id,
            policy_id=policy_id,
            description=description,
            runbook_url=runbook_url,
            now=ctx.clock.now(),
        )
    return _json(made)
