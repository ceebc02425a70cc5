"""Post-mortems over JSON."""

from typing import Any

from fastapi import APIRouter, Request

from firebell.kit.refs import number
from firebell.people import access
from firebell.postmortems import actions
from firebell.postmortems.model import Postmortem

router = APIRouter(prefix="/api/v1/post-mortems", tags=["post-mortems"])


def _json(found: Postmortem) -> dict[str, Any]:
    return {
        "ref": found.ref,
        "state": found.state,
        "due_at": found.due_at,
        "published_at": found.published_at,
        "updated_at": found.updated_at,
        "version": found.version,
    }


@router.get("", summary="Post-mortems, those that are owed first")
async def postmortems(request: Request) -> list[dict[str, Any]]:
    await access.caller(request, "incidents:read")
    async with request.app.state.ctx.db.tx() as tx:
        return [_json(found) for found in await actions.postmortems(tx)]


@router.get("/{ref}", summary="One post-mortem with its Markdown")
async def postmortem(request: Request, ref: str) -> dict[str, Any]:
    await access.caller(request, "incidents:read")
    async with request.app.state.ctx.db.tx() as tx:
        found = await actions.of_incident(tx, number("INC", ref))
    return {**_json(found), "body": found.body}
