"""The settings of the composer: who approves what, and the names of vendors."""

from fastapi import Response

from firebell.comms import approval_settings, tone_queries, vendor_settings
from firebell.comms.approval_rules import (
    MAX_MINUTES,
    OCCASION_LABELS,
    ROLE_LABELS,
    SILENCE_LABELS,
    Silence,
)
from firebell.kit.errors import FirebellError, Invalid
from firebell.kit.text import to_number
from firebell.kit.web import flash, html, routing
from firebell.people import route_access
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import CurrentVisit, Visit

router = routing.html_router()


async def _render(visit: Visit, error: FirebellError | None = None) -> Response:
    context = {
        "nav": "settings",
        "tab": "comms",
        "rules": await approval_settings.approval_rules(visit.tx),
        "vendors": "\n".join(await tone_queries.vendors(visit.tx)),
        "occasion_labels": OCCASION_LABELS,
        "role_options": [
            (role, label.removeprefix("the ").removeprefix("an ").capitalize())
            for role, label in ROLE_LABELS.items()
        ],
        "silence_labels": SILENCE_LABELS,
        "max_minutes": MAX_MINUTES,
        "error": error,
    }
    return await html.render(visit.request, "comms/settings.html", context)


def silence_of(value: str) -> Silence:
    """Return what silence means, from a field; raise `Invalid`."""
    if value not in list(Silence):
        raise Invalid(f"{value[:40]!r} is not a choice.", fields={"silence": "Choose from the list."})
    return Silence(value)


@router.get("/settings/comms", dependencies=route_access.needs(Verb.STATUS_PAGE_READ))
async def settings(visit: CurrentVisit) -> Response:
    return await _render(visit)


@router.post("/settings/comms/rules/{approval_rule}", dependencies=route_access.needs(Verb.STATUS_PAGE_WRITE))
async def change_rule(visit: CurrentVisit, approval_rule: str) -> Response:
    try:
        async with visit.tx.savepoint():
            await approval_settings.change_approval_rule(
                visit.tx,
                visit.actor,
                approval_rule,
                visit.now,
                enabled=visit.text("enabled") == "yes",
                roles=[value for value in visit.form.getlist("role") if isinstance(value, str)],
                silence=silence_of(visit.text("silence")),
                minutes=to_number(visit.text("minutes") or "0", "minutes"),
                severities=[to_number(value, "severities") for value in visit.form.getlist("severity")],
            )
    except FirebellError as error:
        return await _render(visit, error)
    return flash.redirect(visit.request, "/settings/comms", "Approval rule saved.")


@router.post("/settings/comms/vendors", dependencies=route_access.needs(Verb.STATUS_PAGE_WRITE))
async def change_vendors(visit: CurrentVisit) -> Response:
    try:
        async with visit.tx.savepoint():
            await vendor_settings.set_vendors(
                visit.tx, visit.actor, visit.text("vendors").splitlines(), visit.now
            )
    except FirebellError as error:
        return await _render(visit, error)
    return flash.redirect(visit.request, "/settings/comms", "Vendors saved.")
