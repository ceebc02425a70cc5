"""The history of a runbook: its versions, what each changed, and restoring one."""

from fastapi import Response

from firebell.kit.text import MAX_ID, to_number, to_required
from firebell.kit.web import flash, html, routing
from firebell.people import route_access
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import CurrentVisit
from firebell.runbooks import actions
from firebell.runbooks.isolated_parser import read_stored
from firebell.runbooks.text_diff import diff

router = routing.html_router()

SHOWN = 50


@router.get("/runbooks/{slug}/versions", dependencies=route_access.needs(Verb.RUNBOOK_READ))
async def versions(visit: CurrentVisit, slug: str) -> Response:
    stored = await actions.runbook(visit.tx, slug)
    before = to_number(visit.request.query_params.get("before") or MAX_ID, "before")
    listed = await actions.versions(visit.tx, slug, before, SHOWN + 1)
    shown = listed[:SHOWN]
    chosen = visit.request.query_params.get("version", "")
    context = {
        "nav": "runbooks",
        "r": stored,
        "title": (await read_stored(stored.body)).title or slug,
        "versions": shown,
        "more": shown[-1].number if len(listed) > SHOWN else None,
        "chosen": None,
        "lines": [],
    }
    if chosen or shown:
        number = to_number(chosen, "version") if chosen else shown[0].number
        version = await actions.version(visit.tx, slug, number)
        earlier = await actions.versions(visit.tx, slug, number, 1)
        context |= {"chosen": version, "lines": diff(earlier[0].body if earlier else "", version.body)}
    return await html.render(visit.request, "runbooks/versions.html", context)


@router.post(
    "/runbooks/{slug}/versions/{version}/restore", dependencies=route_access.needs(Verb.RUNBOOK_WRITE)
)
async def restore(visit: CurrentVisit, slug: str, version: str) -> Response:
    await actions.restore_version(visit.tx, visit.actor, slug, to_required(version, "version"), visit.now)
    return flash.redirect(visit.request, f"/runbooks/{slug}", f"Version {version} is the current text again.")
