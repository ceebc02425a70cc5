"""The API of runs, for terminals, programs and people."""

from typing import Annotated

from fastapi import Query, Response
from pydantic import Field

from firebell.kit.db.database import Tx
from firebell.kit.references import parse_ref
from firebell.kit.web import api
from firebell.kit.web.api import Ctx, PageParams, PathId, Text, problems
from firebell.people.authentication import Caller
from firebell.people.permissions import Verb
from firebell.people.route_access import may
from firebell.people.unit_of_work import Work, work
from firebell.runbooks.runs import actions, queries
from firebell.runbooks.runs.api_models import (
    EventsStored,
    NewRun,
    NewRunEvent,
    NewRunEvents,
    PartName,
    RunDetail,
    RunFindingShown,
    RunReason,
    RunShown,
    StepChange,
    StepChangeKind,
    step_shown,
)
from firebell.runbooks.runs.model import RunEvent, RunEventKind, StepOutput

router = api.router("runbook runs", "/runbook-runs")

Reader = Annotated[Work, work(Verb.RUNBOOK_READ)]
Runner = Annotated[Work, work(Verb.RUNBOOK_RUN)]
_KINDS = {
    StepChangeKind.START: RunEventKind.STEP_STARTED,
    StepChangeKind.DONE: RunEventKind.STEP_DONE,
    StepChangeKind.FAIL: RunEventKind.STEP_FAILED,
    StepChangeKind.SKIP: RunEventKind.STEP_SKIPPED,
}


async def _detail(tx: Tx, run_id: int) -> RunDetail:
    details = await queries.details(tx, run_id)
    steps = []
    for step in details.steps:
        output = details.outputs.get(step.key)
        kept = {"head": output.head, "tail": output.tail, "redacted": output.redacted} if output else {}
        steps.append(step_shown(step, **kept))
    findings = [
        RunFindingShown(id=f.code, level=f.level, message=f.message, fix=f.advice) for f in details.findings
    ]
    return RunDetail.of_run(
        details.run,
        steps=steps,
        findings=findings,
        usual_s=details.usual_s,
        newer_version=details.newer_version,
    )


@router.get("", summary="List runs, newest first", responses=problems(404))
async def list_runs(
    w: Reader,
    pagination: PageParams,
    runbook: Annotated[
        Text | None, Query(description="only those of a runbook", examples=["database-failover"])
    ] = None,
    incident: Annotated[
        Text | None, Query(description="only those of an incident", examples=["INC-3"])
    ] = None,
) -> list[RunShown]:
    runs = await queries.runs(
        w.tx,
        slug=runbook,
        incident_id=parse_ref("INC", incident) if incident else None,
        before=pagination.before,
        limit=pagination.limit,
    )
    pagination.link([run.id for run in runs])
    return [RunShown.of_run(run) for run in runs]


@router.post(
    "",
    status_code=201,
    summary="Start a run in a terminal; idempotent by `client_id`",
    responses=problems(404, 409),
)
async def create_run(ctx: Ctx, caller: Annotated[Caller, may(Verb.RUNBOOK_RUN)], body: NewRun) -> RunDetail:
    reported = actions.ReportedRun(
        client_id=body.client_id,
        slug=body.slug,
        sha256=body.sha256,
        body=body.body,
        incident_id=parse_ref("INC", body.incident) if body.incident else None,
        page_id=parse_ref("PG", body.page) if body.page else None,
        mode=body.mode,
        is_dry=body.dry,
        variables=body.vars,
        client=body.client,
        started_at=body.started_at,
    )
    async with ctx.db.tx() as tx:
        text = await actions.text_of(tx, reported)
    if text is not None:
        await actions.parse_ahead(text)
    async with ctx.db.tx() as tx:
        run = await actions.report_run(tx, caller.actor, reported, ctx.clock.now())
        return await _detail(tx, run.id)


@router.get("/{ref}", summary="Get a run with its steps", responses=problems(404))
async def get_run(w: Reader, ref: Text) -> RunDetail:
    return await _detail(w.tx, parse_ref("RUN", ref))


@router.get(
    "/{ref}/text",
    summary="Get the Markdown that a run is pinned to",
    response_class=Response,
    responses={200: {"content": {"text/markdown": {"schema": {"type": "string"}}}}, **problems(404)},
)
async def get_run_text(w: Reader, ref: Text) -> Response:
    run = await actions.run_of(w.tx, parse_ref("RUN", ref))
    return Response(await queries.body_of(w.tx, run), media_type="text/markdown; charset=utf-8")


def _event(event: NewRunEvent) -> RunEvent:
    return RunEvent(
        seq=event.seq,
        at=event.at,
        kind=event.kind,
        by="",
        part=event.part or "",
        position=event.position or 0,
        exit=event.exit,
        ms=event.ms,
        reason=event.reason,
    )


@router.post(
    "/{ref}/events",
    summary="Store events of a terminal's journal; idempotent by `seq`, in any order",
    responses=problems(404, 409),
)
async def store_events(w: Runner, ref: Text, body: NewRunEvents) -> EventsStored:
    outputs = {
        e.seq: StepOutput(e.head or "", e.tail or "", e.redacted)
        for e in body.events
        if e.head is not None or e.tail is not None
    }
    run = await actions.report_events(
        w.tx, w.actor, parse_ref("RUN", ref), [_event(e) for e in body.events], outputs, w.now
    )
    return EventsStored(last_seq=run.last_seq, state=run.state, taken_over=run.is_taken_over)


@router.post(
    "/{ref}/steps/{part}/{position}/{change}",
    summary="Change a step of a run in the browser; 409 if it changed since `version`",
    responses=problems(404, 409),
)
async def change_run_step(
    w: Runner,
    ref: Text,
    part: Annotated[PartName, Field()],
    position: PathId,
    change: StepChangeKind,
    body: StepChange,
) -> RunDetail:
    run = await actions.change_step(
        w.tx,
        w.actor,
        parse_ref("RUN", ref),
        (part, position),
        _KINDS[change],
        body.version,
        w.now,
        reason=body.reason,
    )
    return await _detail(w.tx, run.id)


@router.post("/{ref}/roll-back", summary="Begin to roll a run back", responses=problems(404, 409))
async def roll_back_run(w: Runner, ref: Text, body: RunReason) -> RunDetail:
    run = await actions.roll_back(w.tx, w.actor, parse_ref("RUN", ref), w.now, reason=body.reason)
    return await _detail(w.tx, run.id)


@router.post("/{ref}/stop", summary="End a run before its last step", responses=problems(404, 409))
async def stop_run(w: Runner, ref: Text, body: RunReason) -> RunDetail:
    run = await actions.stop(w.tx, w.actor, parse_ref("RUN", ref), w.now, reason=body.reason)
    return await _detail(w.tx, run.id)


@router.post(
    "/{ref}/take-over",
    summary="Continue a lost terminal run in the browser",
    responses=problems(404, 409),
)
async def take_over_run(w: Runner, ref: Text) -> RunDetail:
    run = await actions.take_over(w.tx, w.actor, parse_ref("RUN", ref), w.now)
    return await _detail(w.tx, run.id)
