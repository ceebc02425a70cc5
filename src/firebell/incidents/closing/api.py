"""The API of closing conditions, the confirmed baseline, customer reports and transitions."""

from datetime import datetime
from typing import Annotated

from pydantic import ConfigDict, Field

from firebell.incidents import actions
from firebell.incidents.closing import final_facts_actions, watchers
from firebell.incidents.closing import queries as closing_queries
from firebell.incidents.closing import rules as closing_rules
from firebell.incidents.closing import store as closing_store
from firebell.incidents.closing.baseline_actions import NOTE_MAX_CHARS
from firebell.incidents.closing.final_facts import (
    AFFECTED_MAX_CHARS,
    CAUSE_MAX_CHARS,
    CUSTOMERS_MAX,
    NUMBERS,
    TEXTS,
    TIMES,
    CauseCategory,
)
from firebell.incidents.closing.rules import ConditionState
from firebell.incidents.customer_reports import REPORT_MAX_CHARS
from firebell.incidents.model import CustomerReport, Incident, Phase
from firebell.incidents.phases import store as phase_store
from firebell.kit.db.database import Tx
from firebell.kit.references import parse_ref
from firebell.kit.web import api
from firebell.kit.web.api import ApiInput, ApiOutput, Instant, PathId, StrictInt, Text, problems
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import Work, work

router = api.router("incidents")

Reader = Annotated[Work, work(Verb.INCIDENT_READ)]
Responder = Annotated[Work, work(Verb.INCIDENT_UPDATE)]


class ConditionShown(ApiOutput):
    """A condition for closing; `evidence` says why it is met or not, `remedy` how to meet it."""

    code: str
    title: str
    state: ConditionState
    evidence: str
    remedy: str
    met_at: Annotated[datetime | None, Field(description="when time alone meets it")]


class EarlyCloseFinding(ApiOutput):
    """A condition that was skipped when the incident was closed."""

    id: str
    code: str
    level: str
    message: str
    advice: str


class ClosingShown(ApiOutput):
    """What an incident needs to be closed; `closable_at` is null while a person must act first."""

    incident: str
    phase: Phase
    can_close: bool
    closable_at: datetime | None
    conditions: list[ConditionShown]
    findings: list[EarlyCloseFinding]
    watching: Annotated[bool, Field(description="you are notified when it can be closed")]


class TransitionShown(ApiOutput):
    """A change of phase; `effective_at` is when it happened, `at` when it was recorded."""

    before: Phase | None
    after: Phase
    at: datetime
    effective_at: datetime
    by: str
    reason: str
    skipped: list[str]


class ReportShown(ApiOutput):
    """What a customer reported; open until it is answered."""

    id: int
    text: str
    reported_at: datetime
    recorded_at: datetime
    by: str
    answered_at: datetime | None


class NewBaseline(ApiInput):
    """A confirmation that the metrics are back to normal."""

    note: Annotated[Text, Field(max_length=NOTE_MAX_CHARS, examples=["5xx ratio at 0.4% for 20 min"])] = ""


class NewReport(ApiInput):
    """A customer's report; without `reported_at` it was reported now."""

    text: Annotated[Text, Field(min_length=1, max_length=REPORT_MAX_CHARS)]
    reported_at: Instant | None = None


class FinalFactsShown(ApiOutput):
    """What is known about an incident in the end; a null `impact_start` is the detection."""

    incident: str
    impact_start: datetime | None
    detected_at: datetime
    impact_end: datetime | None
    affected: Annotated[str, Field(examples=["18% of checkouts, about 4,900 orders"])]
    customers: Annotated[
        int | None, Field(description="how many customers it affected; null if not known", examples=[4900])
    ]
    cause: str
    cause_category: CauseCategory | None


class ChangedFinalFacts(ApiInput):
    """Final facts to record; what is left out stays as it is."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"cause": "Pool size in build 4812", "cause_category": "change"}]}
    )

    impact_start: Instant | None = None
    detected_at: Instant | None = None
    impact_end: Instant | None = None
    affected: Annotated[Text, Field(max_length=AFFECTED_MAX_CHARS)] | None = None
    customers: Annotated[StrictInt, Field(ge=0, le=CUSTOMERS_MAX)] | None = None
    cause: Annotated[Text, Field(max_length=CAUSE_MAX_CHARS)] | None = None
    cause_category: CauseCategory | None = None


def _report(report: CustomerReport) -> ReportShown:
    return ReportShown(
        id=report.id,
        text=report.text,
        reported_at=report.reported_at,
        recorded_at=report.recorded_at,
        by=report.actor,
        answered_at=report.answered_at,
    )


async def _closing(w: Work, ref: str) -> ClosingShown:
    incident = await actions.incident(w.tx, parse_ref("INC", ref))
    conditions = await closing_queries.conditions(w.tx, incident, w.now)
    transitions = await phase_store.transitions(w.tx, incident.id)
    is_open = incident.phase is Phase.MONITORING
    return ClosingShown(
        incident=incident.ref,
        phase=incident.phase,
        can_close=is_open and all(condition.is_met for condition in conditions),
        closable_at=closing_rules.closable_at(conditions, w.now) if is_open else None,
        conditions=[
            ConditionShown(
                code=c.code,
                title=c.title,
                state=c.state,
                evidence=c.evidence,
                remedy=c.remedy,
                met_at=c.met_at,
            )
            for c in conditions
        ],
        watching=await watchers.is_watching(w.tx, incident.id, w.person_id),
        findings=[
            EarlyCloseFinding(id=f.id, code=f.code, level=f.level, message=f.message, advice=f.advice)
            for f in closing_rules.early_close_findings(incident, transitions)
        ],
    )


@router.get(
    "/incidents/{ref}/closing", summary="Get what an incident needs to be closed", responses=problems(404)
)
async def get_closing(w: Reader, ref: Text) -> ClosingShown:
    return await _closing(w, ref)


async def _facts_shown(tx: Tx, incident: Incident) -> FinalFactsShown:
    facts = await final_facts_actions.final_facts(tx, incident.id)
    return FinalFactsShown(
        incident=incident.ref,
        impact_start=incident.impact_start,
        detected_at=incident.detected_at,
        impact_end=incident.impact_end,
        affected=facts.affected,
        customers=facts.customers,
        cause=facts.cause,
        cause_category=CauseCategory(facts.cause_category) if facts.cause_category else None,
    )


@router.put(
    "/incidents/{ref}/closing/watch",
    summary="Be notified when an incident can be closed",
    responses=problems(404, 409),
)
async def watch_closing(w: Reader, ref: Text) -> ClosingShown:
    await watchers.watch(w.tx, w.actor, parse_ref("INC", ref), w.now)
    return await _closing(w, ref)


@router.delete(
    "/incidents/{ref}/closing/watch",
    summary="Don’t be notified when an incident can be closed",
    responses=problems(404),
)
async def unwatch_closing(w: Reader, ref: Text) -> ClosingShown:
    await watchers.unwatch(w.tx, w.actor, parse_ref("INC", ref))
    return await _closing(w, ref)


@router.get(
    "/incidents/{ref}/final-facts", summary="Get the final facts of an incident", responses=problems(404)
)
async def get_final_facts(w: Reader, ref: Text) -> FinalFactsShown:
    return await _facts_shown(w.tx, await actions.incident(w.tx, parse_ref("INC", ref)))


@router.patch(
    "/incidents/{ref}/final-facts",
    summary="Record final facts; those that are left out stay",
    responses=problems(404, 409),
)
async def record_final_facts(w: Responder, ref: Text, body: ChangedFinalFacts) -> FinalFactsShown:
    incident_id = parse_ref("INC", ref)
    given = body.model_dump(include=body.model_fields_set)
    texts = {name: str(given[name] or "") for name in TEXTS if name in given}
    times = {name: given[name] for name in TIMES if name in given}
    numbers = {name: given[name] for name in NUMBERS if name in given}
    await final_facts_actions.record_final_facts(
        w.tx, w.actor, incident_id, texts, times, w.now, numbers=numbers
    )
    return await _facts_shown(w.tx, await actions.incident(w.tx, incident_id))


@router.get(
    "/incidents/{ref}/transitions",
    summary="List the changes of phase, oldest first",
    responses=problems(404),
)
async def list_transitions(w: Reader, ref: Text) -> list[TransitionShown]:
    incident = await actions.incident(w.tx, parse_ref("INC", ref))
    return [
        TransitionShown(
            before=t.before,
            after=t.after,
            at=t.at,
            effective_at=t.effective_at,
            by=t.actor,
            reason=t.reason,
            skipped=list(t.skipped),
        )
        for t in await phase_store.transitions(w.tx, incident.id)
    ]


@router.post(
    "/incidents/{ref}/baseline",
    status_code=201,
    summary="Confirm that metrics are at baseline",
    responses=problems(404, 409),
)
async def sign_baseline(w: Responder, ref: Text, body: NewBaseline) -> ClosingShown:
    await actions.sign_baseline(w.tx, w.actor, parse_ref("INC", ref), body.note, w.now)
    return await _closing(w, ref)


@router.get(
    "/incidents/{ref}/reports", summary="List customer reports, oldest first", responses=problems(404)
)
async def list_reports(w: Reader, ref: Text) -> list[ReportShown]:
    incident = await actions.incident(w.tx, parse_ref("INC", ref))
    return [_report(r) for r in await closing_store.reports(w.tx, incident.id)]


@router.post(
    "/incidents/{ref}/reports",
    status_code=201,
    summary="Record a customer report",
    responses=problems(404, 409),
)
async def record_report(w: Responder, ref: Text, body: NewReport) -> ReportShown:
    report = await actions.record_report(
        w.tx, w.actor, parse_ref("INC", ref), body.text, w.now, reported_at=body.reported_at
    )
    return _report(report)


@router.post(
    "/incidents/{ref}/reports/{report_id}/answer",
    summary="Mark a customer report answered",
    responses=problems(404),
)
async def answer_report(w: Responder, ref: Text, report_id: PathId) -> ReportShown:
    return _report(await actions.answer_report(w.tx, w.actor, parse_ref("INC", ref), report_id, w.now))
