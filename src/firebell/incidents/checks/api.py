"""The API of the process checks of incidents."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

from fastapi import Request
from pydantic import Field

from firebell.incidents import actions
from firebell.incidents.api import Reader, Responder
from firebell.incidents.checks import waivers
from firebell.incidents.checks.waiver_store import Waiver
from firebell.incidents.queries import CheckedIncident, checked
from firebell.incidents.text_limits import REASON_MAX_CHARS
from firebell.kit.errors import NotFound
from firebell.kit.findings import FindingLevel, ProcessFinding
from firebell.kit.references import parse_ref
from firebell.kit.slice import IncidentChecks
from firebell.kit.web import api
from firebell.kit.web.api import ApiInput, ApiOutput, Instant, Name, Text, problems
from firebell.people.unit_of_work import Work

router = api.router("process checks")


class EvidenceShown(ApiOutput):
    """What a finding rests on; `id` is `e-` and the id of a timeline entry, or names another record."""

    id: Annotated[str, Field(examples=["e-17"])]
    text: str


class WaiverShown(ApiOutput):
    """Who waived a finding, when, why, and until when."""

    at: datetime
    by: str
    reason: str
    until: datetime | None


class IncidentFindingShown(ApiOutput):
    """A finding of a process check; `id` stays the same, a waived one has the level info."""

    id: Annotated[str, Field(examples=["I-UPDATE:17"])]
    code: Annotated[str, Field(examples=["I-UPDATE"])]
    part_of: Annotated[
        str, Field(description="the rule that it is a part of, if any", examples=["I-STATUS"])
    ] = ""
    level: FindingLevel
    message: str
    advice: str
    evidence: list[EvidenceShown]
    waiver: WaiverShown | None


class PassedShown(ApiOutput):
    """A check that applies and found no problem."""

    code: str
    message: str


class ChecksShown(ApiOutput):
    """The results of all process checks of an incident, also after it was closed."""

    incident: Annotated[str, Field(examples=["INC-3"])]
    open: Annotated[int, Field(description="open errors and warnings")]
    findings: Annotated[list[IncidentFindingShown], Field(description="errors first, waived ones last")]
    passed: list[PassedShown]


class NewWaiver(ApiInput):
    """A finding to waive."""

    finding: Annotated[Name, Field(examples=["I-UPDATE:17"])]
    reason: Annotated[
        Text,
        Field(
            min_length=1,
            max_length=REASON_MAX_CHARS,
            examples=["Everyone was on the call and heard it"],
        ),
    ]
    until: Annotated[Instant | None, Field(description="when it ends; defaults to never")] = None


class EndedWaiver(ApiInput):
    """A finding whose waiver ends."""

    finding: Annotated[Name, Field(examples=["I-UPDATE:17"])]


def _finding(finding: ProcessFinding, waiver: Waiver | None = None) -> IncidentFindingShown:
    shown = (
        WaiverShown(at=waiver.at, by=waiver.actor, reason=waiver.reason, until=waiver.until)
        if waiver
        else None
    )
    return IncidentFindingShown(
        id=finding.id,
        code=finding.code,
        part_of=finding.part_of,
        level=FindingLevel.INFO if waiver else finding.level,
        message=finding.message,
        advice=finding.advice,
        evidence=[EvidenceShown(id=e.id, text=e.text) for e in finding.evidence],
        waiver=shown,
    )


def _shown(ref: str, results: CheckedIncident) -> ChecksShown:
    return ChecksShown(
        incident=ref,
        open=results.problems,
        findings=[
            *(_finding(finding) for finding in results.open),
            *(_finding(finding, waiver) for finding, waiver in results.waived),
        ],
        passed=[PassedShown(code=check.code, message=check.message) for check in results.passed],
    )


def _added(request: Request) -> Sequence[IncidentChecks]:
    added: Sequence[Any] = request.app.state.incident_checks
    return added


async def _checked(w: Work, request: Request, ref: str) -> tuple[int, str, CheckedIncident]:
    incident = await actions.incident(w.tx, parse_ref("INC", ref))
    results = await checked(w.tx, [incident], _added(request), w.now)
    return incident.id, incident.ref, results[incident.id]


@router.get(
    "/incidents/{ref}/checks", summary="Run the process checks of an incident", responses=problems(404)
)
async def list_checks(w: Reader, request: Request, ref: Text) -> ChecksShown:
    _, name, results = await _checked(w, request, ref)
    return _shown(name, results)


async def _change(
    w: Work, request: Request, ref: str, finding_id: str, waiver: NewWaiver | None
) -> ChecksShown:
    incident_id, name, results = await _checked(w, request, ref)
    finding = results.finding(finding_id)
    if finding is None:
        raise NotFound(f"{name} has no finding {finding_id}.", hint="List its checks for the ids.")
    if waiver:
        reason, until = waiver.reason, waiver.until
        await waivers.waive(w.tx, w.actor, incident_id, finding, reason, w.now, until)
    else:
        await waivers.end_waiver(w.tx, w.actor, incident_id, finding, w.now)
    return _shown(name, (await _checked(w, request, ref))[2])


@router.post(
    "/incidents/{ref}/checks/waivers", summary="Waive a finding with a reason", responses=problems(404)
)
async def waive_finding(w: Responder, request: Request, ref: Text, body: NewWaiver) -> ChecksShown:
    return await _change(w, request, ref, body.finding, body)


@router.post(
    "/incidents/{ref}/checks/waivers/end", summary="Undo the waiver of a finding", responses=problems(404)
)
async def end_waiver(w: Responder, request: Request, ref: Text, body: EndedWaiver) -> ChecksShown:
    return await _change(w, request, ref, body.finding, None)
