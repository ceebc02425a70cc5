"""Forms of the process checks on the incident page: waive a finding, and undo that."""

from fastapi import Response

from firebell.incidents import actions
from firebell.incidents.checks import waivers
from firebell.incidents.queries import checked
from firebell.kit.errors import NotFound
from firebell.kit.findings import ProcessFinding
from firebell.kit.references import parse_ref
from firebell.kit.web import flash, routing
from firebell.people import route_access
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import CurrentVisit, Visit

router = routing.html_router()


async def _finding(visit: Visit, incident_id: int, finding_id: str) -> ProcessFinding:
    incident = await actions.incident(visit.tx, incident_id)
    added = visit.request.app.state.incident_checks
    results = (await checked(visit.tx, [incident], added, visit.now))[incident_id]
    finding = results.finding(finding_id)
    if finding is None:
        raise NotFound("This finding is gone.", hint=f"See the process checks of INC-{incident_id}.")
    return finding


@router.post("/incidents/{ref}/checks/waive", dependencies=route_access.needs(Verb.INCIDENT_UPDATE))
async def waive(visit: CurrentVisit, ref: str) -> Response:
    incident_id = parse_ref("INC", ref)
    finding = await _finding(visit, incident_id, visit.text("finding"))
    until = visit.instant("until")
    await waivers.waive(visit.tx, visit.actor, incident_id, finding, visit.text("reason"), visit.now, until)
    return flash.redirect(visit.request, f"/incidents/INC-{incident_id}", "Check waived.")


@router.post("/incidents/{ref}/checks/unwaive", dependencies=route_access.needs(Verb.INCIDENT_UPDATE))
async def unwaive(visit: CurrentVisit, ref: str) -> Response:
    incident_id = parse_ref("INC", ref)
    finding = await _finding(visit, incident_id, visit.values.get("finding", ""))
    await waivers.end_waiver(visit.tx, visit.actor, incident_id, finding, visit.now)
    return flash.redirect(visit.request, f"/incidents/INC-{incident_id}", "Waiver undone.")
