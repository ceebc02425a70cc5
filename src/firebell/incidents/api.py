"""Incidents over JSON."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Query, Request

from firebell.catalog import actions as catalog
from firebell.incidents import actions
from firebell.incidents.model import OPEN, Incident, Phase, Role
from firebell.incidents.severity import FACTS, classify, parse
from firebell.kit.context import Context
from firebell.kit.db import Tx
from firebell.kit.errors import Invalid
from firebell.kit.refs import number
from firebell.people import access
from firebell.people import actions as people

router = APIRouter(prefix="/api/v1", tags=["incidents"])

Answer = Literal["yes", "no", "unknown"]
_BOOL = {"yes": True, "no": False, "unknown": None}


def _ctx(request: Request) -> Context:
    ctx: Context = request.app.state.ctx
    return ctx


async def _json(tx: Tx, found: Incident) -> dict[str, Any]:
    roles = (await actions.roles(tx, [found.id]))[found.id]
    names = await people.persons(tx, [a.person_id for a in roles])
    services = await catalog.services_by_id(tx, (await actions.services(tx, [found.id]))[found.id])
    return {
        "ref": found.ref,
        "title": found.title,
        "summary": found.summary,
        "severity": f"SEV{found.severity}",
        "max_severity": f"SEV{found.max_severity}",
        "provisional": found.provisional,
        "phase": found.phase,
        "drill": found.drill,
        "services": [s.slug for s in services.values()],
        "roles": [{"role": a.role, "person": names[a.person_id].name, "id": a.person_id} for a in roles],
        "pages": [f"PG-{i}" for i in await actions.page_ids(tx, found.id)],
        "detected_at": found.detected_at,
        "declared_at": found.declared_at,
        "resolved_at": found.resolved_at,
        "closed_at": found.closed_at,
        "update_due_at": found.update_due_at,
        "version": found.version,
    }


@router.get("/severity", summary="Classify: four answers to a severity")
async def severity(
    request: Request,
    down_or_data_at_risk: Annotated[Answer, Query()] = "unknown",
    major_degraded: Annotated[Answer, Query()] = "unknown",
    workaround: Annotated[Answer, Query()] = "unknown",
    customers_impacted: Annotated[Answer, Query()] = "unknown",
) -> dict[str, Any]:
    await access.caller(request, "incidents:read")
    verdict = classify(
        {
            "down_or_data_at_risk": _BOOL[down_or_data_at_risk],
            "major_degraded": _BOOL[major_degraded],
            "workaround": _BOOL[workaround],
            "customers_impacted": _BOOL[customers_impacted],
        }
    )
    return {
        "severity": f"SEV{verdict.severity}",
        "path": verdict.path,
        "provisional": verdict.provisional,
        "meaning": FACTS[verdict.severity].meaning,
    }


@router.get("/incidents", summary="Incidents, the newest first")
async def incidents(
    request: Request,
    phase: Annotated[list[Phase] | None, Query(description="default: those that are open")] = None,
    drill: bool = False,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> list[dict[str, Any]]:
    await access.caller(request, "incidents:read")
    async with _ctx(request).db.tx() as tx:
        found = await actions.incidents(tx, phase or list(OPEN), drill, limit)
        return [await _json(tx, i) for i in found]


@router.post("/incidents", status_code=201, summary="Declare an incident")
async def declare(
    request: Request,
    title: Annotated[str, Body()],
    severity: Annotated[str | None, Body(description="SEV0 to SEV3; default: what the answers say")] = None,
    answers: Annotated[dict[str, bool | None] | None, Body()] = None,
    services: Annotated[list[str] | None, Body(description="slugs")] = None,
    page: Annotated[str | None, Body(description="PG-7")] = None,
    summary: Annotated[str, Body()] = "",
    take_command: Annotated[bool, Body()] = False,
    drill: Annotated[bool, Body()] = False,
) -> dict[str, Any]:
    caller, ctx = await access.caller(request, "incidents:write"), _ctx(request)
    chosen = parse(severity) if severity is not None else None
    if severity is not None and chosen is None:
        raise Invalid(f"{severity!r} is not a severity.", fields={"severity": "SEV0 to SEV3."})
    async with ctx.db.tx() as tx:
        made = await actions.declare(
            tx,
            caller.actor,
            title=title,
            severity=chosen,
            answers=answers,
            service_ids=[(await catalog.by_slug(tx, slug)).id for slug in services or []],
            page_id=number("PG", page) if page else None,
            summary=summary,
            commander_id=caller.person_id if take_command else None,
            drill=drill,
            now=ctx.clock.now(),
        )
        return await _json(tx, made)


@router.get("/incidents/{ref}", summary="One incident")
async def incident(request: Request, ref: str) -> dict[str, Any]:
    await access.caller(request, "incidents:read")
    async with _ctx(request).db.tx() as tx:
        return await _json(tx, await actions.incident(tx, number("INC", ref)))


@router.get("/incidents/{ref}/timeline", summary="Its timeline, the oldest first")
async def timeline(request: Request, ref: str) -> list[dict[str, Any]]:
    await access.caller(request, "incidents:read")
    async with _ctx(request).db.tx() as tx:
        found = await actions.incident(tx, number("INC", ref))
        entries = await actions.timeline(tx, found.id)
    return [{"at": e.at, "kind": e.kind, "by": e.actor, "text": e.text, "data": e.data} for e in entries]


@router.post("/incidents/{ref}/entries", status_code=201, summary="Write into the timeline")
async def add_entry(
    request: Request, ref: str, text: Annotated[str, Body()], kind: Annotated[str, Body()] = "note"
) -> dict[str, Any]:
    caller, ctx = await access.caller(request, "incidents:write"), _ctx(request)
    async with ctx.db.tx() as tx:
        incident_id = number("INC", ref)
        await actions.add_entry(tx, caller.actor, incident_id, kind, text, ctx.clock.now())
        return await _json(tx, await actions.incident(tx, incident_id))


@router.post("/incidents/{ref}/severity", summary="Raise or lower the severity")
async def set_severity(
    request: Request, ref: str, severity: Annotated[str, Body()], reason: Annotated[str, Body()] = ""
) -> dict[str, Any]:
    caller, ctx = await access.caller(request, "incidents:write"), _ctx(request)
    chosen = parse(severity)
    if chosen is None:
        raise Invalid(f"{severity!r} is not a severity.", fields={"severity": "SEV0 to SEV3."})
    async with ctx.db.tx() as tx:
        incident_id, now = number("INC", ref), ctx.clock.now()
        return await _json(tx, await actions.set_severity(tx, caller.actor, incident_id, chosen, reason, now))


@router.post("/incidents/{ref}/phase", summary="Move on: investigating, mitigating, monitoring, closed ...")
async def set_phase(
    request: Request,
    ref: str,
    phase: Annotated[Phase, Body()],
    reason: Annotated[str, Body()] = "",
    force: Annotated[bool, Body()] = False,
) -> dict[str, Any]:
    caller, ctx = await access.caller(request, "incidents:write"), _ctx(request)
    async with ctx.db.tx() as tx:
        incident_id, now = number("INC", ref), ctx.clock.now()
        found = await actions.set_phase(tx, caller.actor, incident_id, phase, now, reason=reason, force=force)
        return await _json(tx, found)


@router.post("/incidents/{ref}/roles", summary="Take a role, or give it to somebody")
async def take_role(
    request: Request, ref: str, role: Annotated[Role, Body()], person_id: Annotated[int | None, Body()] = None
) -> dict[str, Any]:
    caller, ctx = await access.caller(request, "incidents:write"), _ctx(request)
    async with ctx.db.tx() as tx:
        incident_id = number("INC", ref)
        person = person_id or caller.person_id
        await actions.take_role(tx, caller.actor, incident_id, role, person, ctx.clock.now())
        return await _json(tx, await actions.incident(tx, incident_id))
