"""People over JSON."""

from typing import Any

from fastapi import APIRouter, Request

from firebell.people import access, actions

router = APIRouter(prefix="/api/v1", tags=["people"])


@router.get("/me", summary="Who the key belongs to, and what it may do")
async def me(request: Request) -> dict[str, Any]:
    caller = await access.caller(request, "pages:read")
    async with request.app.state.ctx.db.tx() as tx:
        person = await actions.person(tx, caller.person_id)
    return {
        "id": person.id,
        "name": person.name,
        "email": person.email,
        "role": person.role,
        "tz": person.tz,
        "scopes": sorted(caller.scopes),
    }


@router.get("/people", summary="Everybody")
async def people(request: Request) -> list[dict[str, Any]]:
    await access.caller(request, "oncall:read")
    async with request.app.state.ctx.db.tx() as tx:
        found = await actions.people(tx)
    return [
        {"id": p.id, "name": p.name, "email": p.email, "role": p.role, "tz": p.tz, "active": p.active}
        for p in found
    ]


@router.get("/teams", summary="Teams and their members")
async def teams(request: Request) -> list[dict[str, Any]]:
    await access.caller(request, "oncall:read")
    async with request.app.state.ctx.db.tx() as tx:
        return [
            {"id": t.id, "name": t.name, "slug": t.slug, "members": await actions.team_members(tx, t.id)}
            for t in await actions.teams(tx)
        ]
