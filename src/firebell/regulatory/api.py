"""The API of clocks and facts."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import Query
from pydantic import ConfigDict, Field

from firebell.incidents import actions as incidents
from firebell.kit.findings import FindingLevel
from firebell.kit.references import parse_ref
from firebell.kit.web import api
from firebell.kit.web.api import ApiInput, ApiOutput, Instant, Name, Text, problems
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import Work, work
from firebell.regulatory import actions, queries, store, wording
from firebell.regulatory.model import Answer, Clock, FactRecord, FactType, State
from firebell.regulatory.process_checks import findings
from firebell.regulatory.queries import IncidentClocks, Setup

router = api.router("clocks")

Reader = Annotated[Work, work(Verb.REGULATORY_READ)]
Recorder = Annotated[Work, work(Verb.REGULATORY_RECORD)]


class ClockShown(ApiOutput):
    """A regulatory clock. Times are UTC; `local_due_at` is in the time zone of the authority."""

    incident: Annotated[str, Field(examples=["INC-3"])]
    obligation: Annotated[str, Field(examples=["GDPR-33"])]
    regime: str
    article: str
    title: str
    recipient: str
    state: State
    starts_on: Annotated[str | None, Field(description="the fact that the due time follows from")]
    started_at: datetime | None
    due_at: Annotated[
        datetime | None, Field(description="inclusive; of an undecided clock, if the answer is yes")
    ]
    local_due_at: Annotated[str | None, Field(examples=["2026-11-25T02:31:00+01:00"])]
    tz: str
    earlier_due_at: Annotated[datetime | None, Field(description="before a fact was changed")]
    missing: Annotated[list[str], Field(description="the facts that would decide or start it")]
    submitted_at: datetime | None
    reason: str
    verified: Annotated[bool, Field(description="whether the time limit was checked against a source")]


class ClockFinding(ApiOutput):
    """A process check that found something; `code` is C-DUE, C-LATE or C-UNDETERMINED."""

    id: str
    code: str
    level: FindingLevel
    message: str


class IncidentClocksShown(ApiOutput):
    """The clocks of an incident, most urgent first, with the findings of their process checks."""

    incident: str
    clocks: list[ClockShown]
    findings: list[ClockFinding]


class FactShown(ApiOutput):
    """A record of a fact; the latest of a fact counts."""

    id: int
    fact: str
    label: str
    answer: Answer
    effective_at: datetime | None
    reason: str
    recorded_at: datetime
    by: str


class FactDefinitionShown(ApiOutput):
    """A fact that can be recorded."""

    id: str
    type: Literal["time", "decision"]
    label: str
    hint: str


class NewFact(ApiInput):
    """A fact to record. `fact` can also be `submitted:` or `stopped:` with the id of an obligation."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"fact": "personal_data", "answer": "yes", "effective_at": "2026-11-24T02:31:00Z"},
                {"fact": "submitted:GDPR-33", "reason": "Online form of the authority, reference 4711"},
            ]
        }
    )

    fact: Annotated[Name, Field(max_length=100, examples=["personal_data"])]
    answer: Answer = Answer.YES
    effective_at: Annotated[
        Instant | None,
        Field(description="when it happened; defaults to now, ignored unless the answer is yes"),
    ] = None
    reason: Annotated[
        Text,
        Field(
            max_length=actions.REASON_MAX_CHARS, description="required for a change, and for the answer no"
        ),
    ] = ""


def _clock(one: IncidentClocks, clock: Clock) -> ClockShown:
    is_submitted = clock.state in (State.MET, State.LATE)
    return ClockShown(
        incident=one.incident.ref,
        obligation=clock.id,
        regime=clock.applied.regime.name,
        article=clock.obligation.article,
        title=clock.obligation.title,
        recipient=clock.recipient,
        state=clock.state,
        starts_on=clock.start.fact if clock.start else None,
        started_at=clock.start.at if clock.start else None,
        due_at=clock.due_at,
        local_due_at=wording.local_text(clock.due_at, clock.applied.tz) if clock.due_at else None,
        tz=clock.applied.tz,
        earlier_due_at=clock.earlier_due_at,
        missing=list(clock.missing),
        submitted_at=clock.record.effective_at if clock.record and is_submitted else None,
        reason=clock.record.reason if clock.record else "",
        verified=bool(clock.obligation.checked),
    )


def _fact(current: Setup, record: FactRecord) -> FactShown:
    return FactShown(
        id=record.id,
        fact=record.fact,
        label=wording.fact_label(record.fact, current.definitions),
        answer=record.answer,
        effective_at=record.effective_at,
        reason=record.reason,
        recorded_at=record.recorded_at,
        by=record.actor,
    )


@router.get("/clocks", summary="List regulatory clocks by incident, newest first")
async def list_clocks(
    w: Reader,
    state: Annotated[
        list[State] | None, Query(description="default: those that still require a notification")
    ] = None,
) -> list[ClockShown]:
    states = state or [State.OVERDUE, State.DUE_SOON, State.RUNNING]
    listed = await queries.register(w.tx, w.now)
    return [_clock(one, clock) for one in listed for clock in one.in_states(*states)]


@router.get(
    "/incidents/{ref}/clocks", summary="List the regulatory clocks of an incident", responses=problems(404)
)
async def list_incident_clocks(w: Reader, ref: Text) -> IncidentClocksShown:
    incident = await incidents.incident(w.tx, parse_ref("INC", ref))
    (one,) = await queries.clocks_of(w.tx, [incident], w.now)
    shown = [
        ClockFinding(id=f.id, code=f.code, level=f.level, message=f.message)
        for f in findings(incident.ref, one.clocks, w.now)
    ]
    return IncidentClocksShown(
        incident=incident.ref, clocks=[_clock(one, clock) for clock in one.clocks], findings=shown
    )


@router.get(
    "/incidents/{ref}/facts",
    summary="List the recorded facts of an incident, oldest first",
    responses=problems(404),
)
async def list_facts(w: Reader, ref: Text) -> list[FactShown]:
    incident = await incidents.incident(w.tx, parse_ref("INC", ref))
    current = await queries.setup(w.tx)
    return [_fact(current, record) for record in (await store.facts(w.tx, [incident.id]))[incident.id]]


@router.post("/incidents/{ref}/facts", status_code=201, summary="Record a fact", responses=problems(404, 409))
async def record_fact(w: Recorder, ref: Text, new_fact: NewFact) -> FactShown:
    record = await actions.record_fact(
        w.tx,
        w.actor,
        parse_ref("INC", ref),
        new_fact.fact,
        new_fact.answer,
        w.now,
        effective_at=new_fact.effective_at,
        reason=new_fact.reason,
    )
    return _fact(await queries.setup(w.tx), record)


@router.get("/facts", summary="List the facts that can be recorded")
async def list_fact_definitions(w: Reader) -> list[FactDefinitionShown]:
    current = await queries.setup(w.tx)
    return [
        FactDefinitionShown.model_validate(
            {"id": one.id, "type": one.type.value, "label": one.label, "hint": one.hint}
        )
        for one in current.definitions.values()
        if one.type is not FactType.INCIDENT
    ]
