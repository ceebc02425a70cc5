"""On-call over JSON."""

from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Body, Query, Request

from firebell.kit.context import Context
from firebell.kit.errors import Invalid
from firebell.oncall import actions
from firebell.oncall.shifts import at as on_duty_at
from firebell.oncall.shifts import duty, gaps
from firebell.people import access
from firebell.people import actions as people

router = APIRouter(prefix="/api/v1", tags=["on-call"])

LONGEST = timedelta(days=731)


def _ctx(request: Request) -> Context:
    ctx: Context = request.app.state.ctx
    return ctx


def _aware(at: datetime, field: str) -> datetime:
    if at.tzinfo is None:
        raise Invalid(f"`{field}` has no offset.", fields={field: "Use 2026-11-24T03:14:00Z."})
    return at


@router.get("/oncall", summary="Who is on call, on every schedule")
async def oncall(
    request: Request, at: Annotated[datetime | None, Query(description="default: now")] = None
) -> dict[str, Any]:
    await access.caller(request, "oncall:read")
    ctx = _ctx(request)
    when = _aware(at, "at") if at else ctx.clock.now()
    async with ctx.db.tx() as tx:
        schedules = await actions.schedules(tx)
        names = {p.id: p for p in await people.people(tx)}
    return {
        "at": when,
        "schedules": [
            {
                "schedule": s.slug,
                "name": s.name,
                "people": [
                    {"id": u, "name": names[int(u)].name, "email": names[int(u)].email}
                    for u in on_duty_at(s, when)
                ],
            }
            for s in schedules
        ],
    }


@router.get("/schedules", summary="Every schedule")
async def schedules(request: Request) -> list[dict[str, Any]]:
    await access.caller(request, "oncall:read")
    async with _ctx(request).db.tx() as tx:
        found = await actions.schedules(tx)
    return [
        {"id": s.id, "slug": s.slug, "name": s.name, "tz": s.tz, "team_id": s.team_id, "version": s.version}
        for s in found
    ]


@router.get("/schedules/{slug}/shifts", summary="Who is on call when, between two instants")
async def shifts(
    request: Request,
    slug: str,
    start: Annotated[datetime, Query(alias="from")],
    end: Annotated[datetime, Query(alias="to")],
) -> dict[str, Any]:
    await access.caller(request, "oncall:read")
    a, b = _aware(start, "from"), _aware(end, "to")
    if not timedelta() < b - a <= LONGEST:
        raise Invalid("The stretch is empty or too long.", fields={"to": "After `from`, at most two years."})
    async with _ctx(request).db.tx() as tx:
        found = await actions.by_slug(tx, slug)
        names = {p.id: p.name for p in await people.people(tx)}
    return {
        "schedule": slug,
        "version": found.version,
        "shifts": [
            {
                "start": run.start,
                "end": run.end,
                "people": [{"id": u, "name": names[int(u)]} for u in run.users],
            }
            for run in duty(found, a, b)
        ],
    }


@router.get("/schedules/{slug}/gaps", summary="When nobody is on call, in the days ahead")
async def schedule_gaps(
    request: Request, slug: str, days: Annotated[int, Query(ge=1, le=400)] = 28
) -> list[dict[str, datetime]]:
    await access.caller(request, "oncall:read")
    ctx = _ctx(request)
    now = ctx.clock.now()
    async with ctx.db.tx() as tx:
        found = await actions.by_slug(tx, slug)
    return [{"start": a, "end": b} for a, b in gaps(found, now, now + timedelta(days=days))]


@router.post("/schedules/{slug}/overrides", status_code=201, summary="Put somebody on call for a while")
async def override(
    request: Request,
    slug: str,
    person: Annotated[str, Body(description="id or e-mail address")],
    start: Annotated[datetime, Body()],
    end: Annotated[datetime, Body()],
    reason: Annotated[str, Body()] = "",
) -> dict[str, Any]:
    caller, ctx = await access.caller(request, "oncall:write"), _ctx(request)
    async with ctx.db.tx() as tx:
        found = await actions.by_slug(tx, slug)
        known = {p.email: p.id for p in await people.people(tx)}
        user = int(person) if person.isdecimal() else known.get(person.strip().lower(), 0)
        made = await actions.add_override(
            tx,
            caller.actor,
            schedule_id=int(found.id),
            users=[user],
            start=_aware(start, "start"),
            end=_aware(end, "end"),
            reason=reason,
            now=ctx.clock.now(),
        )
    return {"id": made, "schedule": slug}


@router.delete("/overrides/{edit_id}", status_code=204, summary="Take an override away")
async def remove(request: Request, edit_id: int) -> None:
    caller, ctx = await access.caller(request, "oncall:write"), _ctx(request)
    async with ctx.db.tx() as tx:
        await actions.remove_edit(tx, caller.actor, edit_id, ctx.clock.now())
