"""Pages over JSON."""

from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Body, Query, Request

from firebell.kit.context import Context
from firebell.kit.errors import Invalid
from firebell.kit.refs import number
from firebell.paging import actions, view
from firebell.paging.model import OPEN, PageState
from firebell.people import access

router = APIRouter(prefix="/api/v1/pages", tags=["pages"])


def _ctx(request: Request) -> Context:
    ctx: Context = request.app.state.ctx
    return ctx


@router.get("", summary="Pages, the waiting ones first")
async def pages(
    request: Request,
    state: Annotated[list[PageState] | None, Query(description="default: every open state")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> list[dict[str, Any]]:
    await access.caller(request, "pages:read")
    ctx = _ctx(request)
    async with ctx.db.tx() as tx:
        found = await actions.pages(tx, states=state or list(OPEN), limit=limit)
        return [v.to_json() for v in await view.views(tx, found, ctx.clock.now())]


@router.get("/{ref}", summary="One page with its alerts, its story and its deliveries")
async def page(request: Request, ref: str) -> dict[str, Any]:
    await access.caller(request, "pages:read")
    ctx = _ctx(request)
    async with ctx.db.tx() as tx:
        found = await actions.page(tx, number("PG", ref))
        (seen,) = await view.views(tx, [found], ctx.clock.now(), alerts_each=100)
        story = await actions.log(tx, found.id)
        sent = await actions.deliveries(tx, found.id)
    return {
        **seen.to_json(),
        "alert_list": [
            {
                "id": a.id,
                "title": a.title,
                "status": a.status,
                "dedup_key": a.dedup_key,
                "labels": a.labels,
                "starts_at": a.starts_at,
                "count": a.count,
            }
            for a in seen.alerts
        ],
        "log": [{"at": e.at, "kind": e.kind, "by": e.actor, "text": e.text} for e in story],
        "deliveries": [
            {
                "person_id": d.person_id,
                "channel": d.channel,
                "state": d.state,
                "reason": d.reason,
                "attempts": d.attempts,
                "error": d.error,
                "sent_at": d.sent_at,
            }
            for d in sent
        ],
    }


@router.post("/{ref}/ack", summary="Take a page; `already` says why nothing changed")
async def ack(request: Request, ref: str) -> dict[str, Any]:
    caller, ctx = await access.caller(request, "pages:write"), _ctx(request)
    async with ctx.db.tx() as tx:
        result = await actions.ack(tx, caller.actor, number("PG", ref), ctx.clock.now())
        (seen,) = await view.views(tx, [result.page], ctx.clock.now())
    return {**seen.to_json(), "already": result.already}


@router.post("/{ref}/resolve", summary="End a page and its alerts")
async def resolve(request: Request, ref: str) -> dict[str, Any]:
    caller, ctx = await access.caller(request, "pages:write"), _ctx(request)
    async with ctx.db.tx() as tx:
        found = await actions.resolve(tx, caller.actor, number("PG", ref), ctx.clock.now())
        (seen,) = await view.views(tx, [found], ctx.clock.now())
    return seen.to_json()


@router.post("/{ref}/escalate", summary="Notify the next level now")
async def escalate(request: Request, ref: str) -> dict[str, Any]:
    caller, ctx = await access.caller(request, "pages:write"), _ctx(request)
    async with ctx.db.tx() as tx:
        found = await actions.escalate(tx, caller.actor, number("PG", ref), ctx.clock.now())
        (seen,) = await view.views(tx, [found], ctx.clock.now())
    return seen.to_json()


@router.post("/{ref}/snooze", summary="Silence a page for up to 24 hours")
async def snooze(
    request: Request,
    ref: str,
    minutes: Annotated[int | None, Body(ge=1, le=1440)] = None,
    until: Annotated[datetime | None, Body()] = None,
) -> dict[str, Any]:
    caller, ctx = await access.caller(request, "pages:write"), _ctx(request)
    now = ctx.clock.now()
    if until is not None and until.tzinfo is None:
        raise Invalid("`until` has no offset.", fields={"until": "Use 2026-11-24T08:00:00+01:00."})
    if (minutes is None) == (until is None):
        raise Invalid("Give either `minutes` or `until`.", fields={"minutes": "1 to 1440."})
    end = until or now + timedelta(minutes=minutes or 0)
    async with ctx.db.tx() as tx:
        found = await actions.snooze(tx, caller.actor, number("PG", ref), end, now)
        (seen,) = await view.views(tx, [found], now)
    return seen.to_json()
