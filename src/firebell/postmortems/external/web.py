"""The screen of the version for customers: its text, what it gives away, and its approval."""

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import Response

from firebell.incidents import actions as incidents
from firebell.kit.errors import FirebellError
from firebell.kit.references import parse_ref
from firebell.kit.text import to_number
from firebell.kit.web import flash, html, routing
from firebell.people import route_access
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import CurrentVisit, Visit
from firebell.postmortems import actions, lookup
from firebell.postmortems.external import actions as external_actions
from firebell.postmortems.external import store

router = routing.html_router()


@router.get("/post-mortems/{ref}/external", dependencies=route_access.needs(Verb.POSTMORTEM_READ))
async def show(visit: CurrentVisit, ref: str) -> Response:
    return await _page(visit, ref)


async def _page(visit: Visit, ref: str, error: FirebellError | None = None, submitted: str = "") -> Response:
    postmortem = await lookup.of_incident(visit.tx, parse_ref("INC", ref))
    external = await store.external(visit.tx, postmortem.id)
    text = submitted or (external.body if external else "")
    context = {
        "nav": "postmortems",
        "live": f"pm-{postmortem.id}",
        "d": postmortem,
        "i": await incidents.incident(visit.tx, postmortem.incident_id),
        "external": external,
        "text": text,
        "leaks": await external_actions.leaks(visit.tx, text, visit.ctx.public_url) if text else [],
        "values": visit.values if error else {},
        "error": error,
    }
    return await html.render(visit.request, "postmortems/external.html", context)


async def _answered(
    visit: Visit, ref: str, run: Callable[[int], Awaitable[Any]], text: str, submitted: str = ""
) -> Response:
    """Run an action and go back to the screen; show it again with what was refused."""
    incident_id = parse_ref("INC", ref)
    try:
        async with visit.tx.savepoint():
            await run(incident_id)
    except FirebellError as error:
        return await _page(visit, ref, error, submitted)
    return flash.redirect(visit.request, f"/post-mortems/INC-{incident_id}/external", text)


@router.post("/post-mortems/{ref}/external", dependencies=route_access.needs(Verb.POSTMORTEM_WRITE))
async def decide(visit: CurrentVisit, ref: str) -> Response:
    is_needed = visit.text("needed") == "yes"

    async def run(incident_id: int) -> Any:
        return await actions.decide_external(
            visit.tx, visit.actor, incident_id, is_needed, visit.text("reason"), visit.now
        )

    return await _answered(visit, ref, run, "Decision saved.")


@router.post("/post-mortems/{ref}/external/text", dependencies=route_access.needs(Verb.POSTMORTEM_WRITE))
async def save(visit: CurrentVisit, ref: str) -> Response:
    text = visit.text("text")

    async def run(incident_id: int) -> Any:
        version = to_number(visit.text("version"), "version")
        return await actions.save_external(visit.tx, visit.actor, incident_id, text, version, visit.now)

    return await _answered(visit, ref, run, "Text saved.", text)


@router.post("/post-mortems/{ref}/external/review", dependencies=route_access.needs(Verb.POSTMORTEM_WRITE))
async def ask(visit: CurrentVisit, ref: str) -> Response:
    async def run(incident_id: int) -> Any:
        return await actions.ask_external_review(visit.tx, visit.actor, incident_id, visit.now)

    return await _answered(visit, ref, run, "Review requested.")


@router.post("/post-mortems/{ref}/external/approve", dependencies=route_access.needs(Verb.POSTMORTEM_PUBLISH))
async def approve(visit: CurrentVisit, ref: str) -> Response:
    async def run(incident_id: int) -> Any:
        version = to_number(visit.text("version"), "version")
        return await actions.approve_external(
            visit.tx, visit.actor, incident_id, version, visit.ctx.public_url, visit.now
        )

    return await _answered(visit, ref, run, "Version for customers approved.")


@router.post("/post-mortems/{ref}/external/publish", dependencies=route_access.needs(Verb.POSTMORTEM_PUBLISH))
async def publish(visit: CurrentVisit, ref: str) -> Response:
    async def run(incident_id: int) -> Any:
        return await actions.publish_external(
            visit.tx, visit.actor, incident_id, visit.ctx.public_url, visit.now
        )

    return await _answered(visit, ref, run, "Published for customers.")
