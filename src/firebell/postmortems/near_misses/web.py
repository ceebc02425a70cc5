"""The pages of near misses: report one, read it, edit and publish it."""

from datetime import datetime
from typing import Any

from fastapi import Response

from firebell.catalog import actions as catalog
from firebell.kit.errors import Conflict, FirebellError
from firebell.kit.localtime import to_local
from firebell.kit.references import parse_ref
from firebell.kit.text import to_choices, to_id, to_number
from firebell.kit.web import flash, html, routing
from firebell.people import actions as people
from firebell.people import route_access
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import CurrentVisit, Visit
from firebell.postmortems.document.factors import FACTORS, GROUPS, label
from firebell.postmortems.editing.html_rendering import markdown_html
from firebell.postmortems.near_misses import actions
from firebell.postmortems.near_misses.model import NearMiss, NearMissReport

router = routing.html_router()


def _read(visit: Visit) -> NearMissReport:
    """Return the report of a form; raise `Invalid` for a value that cannot be read."""
    return NearMissReport(
        visit.text("title"),
        visit.text("could_have"),
        visit.text("barrier"),
        to_number(visit.text("potential_severity"), "potential_severity"),
        visit.instant("noticed_at") or visit.now,
        visit.text("lessons"),
        tuple(str(code) for code in visit.form.getlist("factors") if code),
        tuple(to_choices(visit.form.getlist("services"), "services")),
    )


def _values(near_miss: NearMiss, tz: str) -> dict[str, Any]:
    report = near_miss.report
    return {
        "title": report.title,
        "could_have": report.could_have,
        "barrier": report.barrier,
        "lessons": report.lessons,
        "potential_severity": report.potential_severity,
        "noticed_at": _wall(report.noticed_at, tz),
        "factors": report.factors,
        "services": report.service_ids,
        "version": near_miss.version,
    }


def _wall(at: datetime, tz: str) -> str:
    return to_local(at, tz).strftime("%Y-%m-%dT%H:%M")


async def _form(
    visit: Visit, near_miss: NearMiss | None, values: dict[str, Any], error: FirebellError | None = None
) -> Response:
    if error:
        values = {
            **values,
            **visit.values,
            "factors": visit.form.getlist("factors"),
            "services": [number for each in visit.form.getlist("services") if (number := to_id(each))],
        }
    context = {
        "nav": "postmortems",
        "near_miss": near_miss,
        "values": values,
        "services": [(one.id, one.name) for one in await catalog.services(visit.tx)],
        "factors": [(code, f"{GROUPS[code.partition('.')[0]]}: {name}") for code, name in FACTORS.items()],
        "error": error,
    }
    return await html.render(visit.request, "postmortems/near_miss_form.html", context)


@router.get("/near-misses", dependencies=route_access.needs(Verb.POSTMORTEM_READ))
async def near_misses(visit: CurrentVisit) -> Response:
    return html.redirect("/post-mortems?tab=near-misses")


@router.get("/near-misses/new", dependencies=route_access.needs(Verb.NEAR_MISS_REPORT))
async def new(visit: CurrentVisit) -> Response:
    return await _form(
        visit, None, {"noticed_at": _wall(visit.now, visit.person.tz), "potential_severity": 2}
    )


@router.post("/near-misses/new", dependencies=route_access.needs(Verb.NEAR_MISS_REPORT))
async def report(visit: CurrentVisit) -> Response:
    try:
        async with visit.tx.savepoint():
            reported = await actions.report_near_miss(
                visit.tx, visit.actor, _read(visit), visit.now, unnamed=visit.text("unnamed") == "yes"
            )
    except FirebellError as error:
        if not error.fields:
            raise
        return await _form(visit, None, {}, error)
    return flash.redirect(
        visit.request, f"/near-misses/{reported.ref}", f"{reported.ref} reported. Thank you."
    )


@router.get("/near-misses/{ref}", dependencies=route_access.needs(Verb.POSTMORTEM_READ))
async def near_miss(visit: CurrentVisit, ref: str) -> Response:
    return await _shown(visit, await actions.near_miss(visit.tx, parse_ref("NM", ref)))


async def _shown(visit: Visit, one: NearMiss, error: FirebellError | None = None) -> Response:
    services = await catalog.services_by_id(visit.tx, list(one.report.service_ids))
    reporter = (await people.people_by_id(visit.tx, [one.reporter_id])) if one.reporter_id else {}
    context = {
        "nav": "postmortems",
        "live": "near-misses",
        "n": one,
        "html": await markdown_html(one.report.body, {}),
        "reporter": next((person.name for person in reporter.values()), ""),
        "services": services.values(),
        "factor_label": label,
        "error": error,
    }
    return await html.render(visit.request, "postmortems/near_miss.html", context)


@router.get("/near-misses/{ref}/edit", dependencies=route_access.needs(Verb.POSTMORTEM_WRITE))
async def edit(visit: CurrentVisit, ref: str) -> Response:
    one = await actions.near_miss(visit.tx, parse_ref("NM", ref))
    return await _form(visit, one, _values(one, visit.person.tz))


@router.post("/near-misses/{ref}/edit", dependencies=route_access.needs(Verb.POSTMORTEM_WRITE))
async def save(visit: CurrentVisit, ref: str) -> Response:
    one = await actions.near_miss(visit.tx, parse_ref("NM", ref))
    try:
        async with visit.tx.savepoint():
            version = to_number(visit.text("version"), "version")
            await actions.edit_near_miss(visit.tx, visit.actor, one.id, _read(visit), version, visit.now)
    except FirebellError as error:
        if not error.fields and not isinstance(error, Conflict):
            raise
        return await _form(visit, one, _values(one, visit.person.tz), error)
    return flash.redirect(visit.request, f"/near-misses/{one.ref}", f"{one.ref} saved.")


@router.post("/near-misses/{ref}/publish", dependencies=route_access.needs(Verb.POSTMORTEM_PUBLISH))
async def publish(visit: CurrentVisit, ref: str) -> Response:
    number = parse_ref("NM", ref)
    try:
        async with visit.tx.savepoint():
            await actions.publish_near_miss(visit.tx, visit.actor, number, visit.now)
    except FirebellError as error:
        if not error.fields:
            raise
        return await _shown(visit, await actions.near_miss(visit.tx, number), error)
    return flash.redirect(visit.request, f"/near-misses/NM-{number}", f"NM-{number} published.")
