"""The API of drills."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Literal

from fastapi import Query
from pydantic import ConfigDict, Field, StrictBool

from firebell.drills import actions, library, queries, text_limits
from firebell.drills.model import (
    Drill,
    DrillKind,
    DrillState,
    InjectKind,
    TrayTarget,
)
from firebell.drills.scenario_file import MAX_BYTES, read_scenario
from firebell.drills.scoring import Verdict
from firebell.drills.yaml_reading import FileProblem
from firebell.incidents import actions as incidents
from firebell.kit.references import parse_ref
from firebell.kit.web import api
from firebell.kit.web.api import ApiInput, ApiOutput, Id, Instant, PageParams, Text, problems
from firebell.people import permissions
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import Work, work

router = api.router("drills", "/drills")

Reader = Annotated[Work, work(Verb.DRILL_READ)]
Player = Annotated[Work, work(Verb.DRILL_JOIN)]
Runner = Annotated[Work, work(Verb.DRILL_RUN)]
Ref = Annotated[str, Field(examples=["DRILL-7"])]
File = Annotated[
    Text,
    Field(
        max_length=MAX_BYTES, description="the text of a scenario file", examples=["scenario: {slug: ...}"]
    ),
]


class FileProblemShown(ApiOutput):
    """What is wrong on a line of a scenario file."""

    line: int
    message: str
    advice: str


class ScenarioShown(ApiOutput):
    """A scenario that Firebell ships or that a runbook source has."""

    slug: Annotated[str, Field(examples=["db-primary-lost"])]
    title: str
    kind: DrillKind
    minutes: int
    injects: int
    expectations: int
    runbook: str
    source: Annotated[str, Field(description="name of the runbook source, blank if Firebell ships it")]
    path: str


class RefusedScenarioShown(ApiOutput):
    """A scenario file of a runbook source that cannot be used."""

    source: str
    path: Annotated[str, Field(examples=["drills/disk-full.scenario.yaml"])]
    problems: list[FileProblemShown]


class CheckedFile(ApiOutput):
    """The result of checking a scenario file; without problems it can be used."""

    problems: list[FileProblemShown]


class FileInput(ApiInput):
    """A scenario file to check."""

    file: File


class ParticipantShown(ApiOutput):
    """A person who was asked to take part, or who accepted."""

    person_id: int
    name: str
    state: Literal["invited", "accepted", "declined"]
    night_ok: Annotated[bool, Field(description="can be paged between 22:00 and 7:00")]
    away: bool
    attended: bool


class InjectShown(ApiOutput):
    """An inject; players see it once it is delivered."""

    id: str
    kind: InjectKind
    title: str
    to: str
    state: Literal["done", "waiting", "next", "later", "skipped"]
    at_s: Annotated[
        float | None, Field(description="drill time in seconds; null if it waits for the players")
    ]
    page: Annotated[str | None, Field(examples=["PG-7"])]
    note: str
    answer: str
    answered_s: float | None


class ResultShown(ApiOutput):
    """The outcome of an expectation."""

    id: str
    name: str
    verdict: Verdict
    earned: float
    weight: int
    took_s: float | None
    due_s: float | None
    detail: str


class DrillFindingShown(ApiOutput):
    """A process finding of the drill's incident."""

    code: str
    level: str
    message: str
    advice: str


class TrayPostShown(ApiOutput):
    """A text that would have left Firebell."""

    target: TrayTarget
    text: str
    by: str
    elapsed_s: float


class ObservationShown(ApiOutput):
    """What a facilitator noted."""

    elapsed_s: float
    by: str
    text: str


class DrillShown(ApiOutput):
    """A drill without what happened in it."""

    ref: Ref
    scenario: Annotated[str, Field(examples=["db-primary-lost"])]
    title: str
    kind: DrillKind
    state: DrillState
    minutes: int
    speed: Annotated[int, Field(description="how many times faster than real time drill time runs")]
    facilitator_id: int
    team_id: int | None
    service_id: int | None
    planned_for: datetime
    started_at: datetime | None
    finished_at: datetime | None
    pause_reason: str
    incident: Annotated[str | None, Field(examples=["INC-3"])]
    score: Annotated[int | None, Field(description="percent of the points; null before the end")]
    earned: float | None
    possible: float | None


class DrillDetails(DrillShown):
    """A drill with everything that the caller may see of it."""

    elapsed_s: float
    participants: list[ParticipantShown]
    injects: list[InjectShown]
    results: list[ResultShown]
    findings: list[DrillFindingShown]
    tray: list[TrayPostShown]
    observations: list[ObservationShown]


class NewDrill(ApiInput):
    """A drill to plan, with a scenario of the library or a file."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"scenario": "db-primary-lost", "planned_for": "2026-12-03T10:00:00Z"}]
        }
    )

    scenario: Annotated[Text, Field(max_length=80, description="its slug")] = ""
    file: File | None = None
    planned_for: Instant
    title: Annotated[Text, Field(max_length=120, description="empty to use the scenario’s")] = ""
    facilitator_id: Annotated[Id | None, Field(description="null for the caller")] = None
    team_id: Id | None = None
    service_id: Annotated[
        Id | None, Field(description="its escalation policy decides who an alert of the drill pages")
    ] = None
    invited: Annotated[list[Id], Field(max_length=text_limits.PARTICIPANTS_MAX, default_factory=list)]


class Invitation(ApiInput):
    """People to ask to take part."""

    people: Annotated[list[Id], Field(min_length=1, max_length=text_limits.PARTICIPANTS_MAX)]


class InvitationAnswer(ApiInput):
    """Whether the caller takes part."""

    accept: StrictBool
    night_ok: Annotated[StrictBool, Field(description="also between 22:00 and 7:00")] = False


class ClockChange(ApiInput):
    """What to do with the clock of a drill."""

    do: Literal["start", "pause", "resume", "deliver", "skip", "finish", "cancel"]
    inject: Annotated[
        Text, Field(max_length=40, description="which to deliver or skip; empty for the next one")
    ] = ""


class InjectAnswer(ApiInput):
    """An answer to an inject."""

    text: Annotated[Text, Field(max_length=text_limits.ANSWER_MAX_CHARS)] = ""


class NewObservation(ApiInput):
    """An observation of the facilitator."""

    text: Annotated[Text, Field(min_length=1, max_length=text_limits.OBSERVATION_MAX_CHARS)]


class NewTrayPost(ApiInput):
    """A text that would leave Firebell."""

    target: TrayTarget
    text: Annotated[Text, Field(min_length=1, max_length=text_limits.TRAY_MAX_CHARS)]


class Decision(ApiInput):
    """Whether an expectation was met that only a person can observe."""

    met: StrictBool


def _shown(drill: Drill) -> DrillShown:
    return DrillShown(
        ref=drill.ref,
        scenario=drill.slug,
        title=drill.title,
        kind=drill.kind,
        state=drill.state,
        minutes=drill.minutes,
        speed=drill.speed,
        facilitator_id=drill.facilitator_id,
        team_id=drill.team_id,
        service_id=drill.service_id,
        planned_for=drill.planned_for,
        started_at=drill.started_at,
        finished_at=drill.finished_at,
        pause_reason=drill.pause_reason,
        incident=f"INC-{drill.incident_id}" if drill.incident_id else None,
        score=drill.score,
        earned=drill.earned,
        possible=drill.possible,
    )


async def _details(w: Work, drill: Drill) -> DrillDetails:
    leads = permissions.allows(w.rights, Verb.DRILL_LEAD)
    view = await queries.view(w.tx, drill, w.person_id, leads=leads, now=w.now)
    return DrillDetails(
        **_shown(view.drill).model_dump(),
        elapsed_s=view.elapsed_s,
        participants=[
            ParticipantShown(
                person_id=each.person_id,
                name=view.names.get(each.person_id, ""),
                state=each.state,  # type: ignore[arg-type]
                night_ok=each.night_ok,
                away=each.is_away,
                attended=each.attended,
            )
            for each in view.record.participants
        ],
        injects=[
            InjectShown(
                id=line.inject.id,
                kind=line.inject.kind,
                title=line.inject.title,
                to=line.inject.to,
                state=line.state,  # type: ignore[arg-type]
                at_s=line.at_s,
                page=f"PG-{line.delivered.page_id}" if line.delivered and line.delivered.page_id else None,
                note=line.delivered.note if line.delivered else "",
                answer=line.delivered.answer if line.delivered else "",
                answered_s=line.delivered.answered_s if line.delivered else None,
            )
            for line in view.lines
        ],
        results=[
            ResultShown(
                id=each.id,
                name=each.name,
                verdict=each.verdict,
                earned=each.earned,
                weight=each.weight,
                took_s=each.took_s,
                due_s=each.due_s,
                detail=each.detail,
            )
            for each in view.score.results
        ],
        findings=[DrillFindingShown.model_validate(each) for each in view.drill.findings],
        tray=[
            TrayPostShown(target=post.target, text=post.text, by=post.actor, elapsed_s=post.elapsed_s)
            for post in view.record.tray
        ],
        observations=[
            ObservationShown(elapsed_s=each.elapsed_s, by=each.actor, text=each.text)
            for each in view.record.observations
        ],
    )


@router.get("", summary="List drills, the latest planned first", responses=problems(404))
async def list_drills(
    w: Reader,
    pagination: PageParams,
    state: Annotated[DrillState | None, Query(description="only those in a state")] = None,
) -> list[DrillShown]:
    position = None
    if pagination.before is not None:
        last = await actions.drill(w.tx, pagination.before)
        position = (last.planned_for, last.id)
    listed = await actions.drills(w.tx, pagination.limit, position, state)
    pagination.link([drill.id for drill in listed])
    hidden = set(await incidents.hidden_ids(w.tx))
    return [_shown(d if d.incident_id not in hidden else replace(d, incident_id=None)) for d in listed]


@router.get("/scenarios", summary="List scenarios")
async def list_scenarios(w: Reader) -> list[ScenarioShown]:
    """List the shipped scenarios and those of runbook sources, which replace shipped ones with the same slug."""
    return [
        ScenarioShown(
            slug=slug,
            title=each.scenario.title,
            kind=each.scenario.kind,
            minutes=each.scenario.minutes,
            injects=len(each.scenario.injects),
            expectations=len(each.scenario.expectations),
            runbook=each.scenario.runbook,
            source=each.source,
            path=each.path,
        )
        for slug, each in (await library.library(w.tx)).scenarios.items()
    ]


@router.get("/scenarios/refused", summary="List the scenario files that cannot be used")
async def list_refused_scenarios(w: Reader) -> list[RefusedScenarioShown]:
    """List the scenario files of runbook sources that have problems."""
    return [
        RefusedScenarioShown(source=each.source, path=each.path, problems=_problems(each.problems))
        for each in (await library.library(w.tx)).refused
    ]


def _problems(of_file: Sequence[FileProblem]) -> list[FileProblemShown]:
    return [FileProblemShown(line=p.line, message=p.message, advice=p.advice) for p in of_file]


@router.post("/scenarios/check", summary="Check a scenario file", responses=problems(422))
async def check_file(w: Reader, body: FileInput) -> CheckedFile:
    """Return what is wrong with a scenario file, line by line; nothing is stored."""
    return CheckedFile(problems=_problems(read_scenario(body.file).problems))


@router.post("", status_code=201, summary="Plan a drill", responses=problems(404, 409, 422))
async def plan(w: Runner, body: NewDrill) -> DrillDetails:
    """Plan a drill and ask people to take part."""
    drill = await actions.plan_drill(
        w.tx,
        w.actor,
        w.now,
        planned_for=body.planned_for,
        scenario=body.scenario,
        file=body.file or "",
        title=body.title,
        facilitator_id=body.facilitator_id,
        team_id=body.team_id,
        service_id=body.service_id,
        invited=body.invited,
    )
    return await _details(w, drill)


async def _drill(w: Work, ref: str) -> Drill:
    return await actions.drill(w.tx, parse_ref("DRILL", ref))


@router.get("/{ref}", summary="Get a drill", responses=problems(404))
async def get_drill(w: Reader, ref: Text) -> DrillDetails:
    """Get a drill; the facilitator sees all injects, players the delivered ones."""
    return await _details(w, await _drill(w, ref))


@router.post("/{ref}/invitations", summary="Invite people", responses=problems(403, 404, 409, 422))
async def invite_players(w: Runner, ref: Text, body: Invitation) -> DrillDetails:
    """Ask people to take part in a drill that is not over."""
    drill = await _drill(w, ref)
    await actions.invite(w.tx, w.actor, drill, body.people, w.now)
    return await _details(w, drill)


@router.put("/{ref}/participation", summary="Accept or decline", responses=problems(403, 404, 409, 422))
async def answer_invitation(w: Player, ref: Text, body: InvitationAnswer) -> DrillDetails:
    """Accept or decline for the owner of the key; a drill reaches only people who accepted it."""
    drill = await _drill(w, ref)
    await actions.answer_invitation(w.tx, w.actor, drill, w.now, accepts=body.accept, night_ok=body.night_ok)
    return await _details(w, drill)


@router.post("/{ref}/clock", summary="Run the clock", responses=problems(403, 404, 409, 422))
async def run_clock(w: Runner, ref: Text, body: ClockChange) -> DrillDetails:
    """Start, pause, resume, finish or cancel a drill; deliver or skip an inject."""
    drill = await _drill(w, ref)
    match body.do:
        case "start":
            await actions.start_drill(w.tx, w.actor, drill, w.now)
        case "pause":
            await actions.pause_drill(w.tx, w.actor, drill, w.now)
        case "resume":
            await actions.resume_drill(w.tx, w.actor, drill, w.now)
        case "deliver":
            await actions.deliver_now(w.tx, w.actor, drill, w.now, body.inject)
        case "skip":
            await actions.skip_inject(w.tx, w.actor, drill, w.now, body.inject)
        case "finish":
            await actions.finish_drill(w.tx, w.actor, drill, w.now)
        case "cancel":
            await actions.cancel_drill(w.tx, w.actor, drill, w.now)
    return await _details(w, await _drill(w, ref))


@router.post(
    "/{ref}/injects/{inject}/answer", summary="Answer an inject", responses=problems(403, 404, 409, 422)
)
async def answer_inject(w: Player, ref: Text, inject: Text, body: InjectAnswer) -> DrillDetails:
    """Answer a message or question; the facilitator can leave the text empty."""
    drill = await _drill(w, ref)
    await actions.answer_inject(w.tx, w.actor, drill, inject, body.text, w.now)
    return await _details(w, drill)


@router.post("/{ref}/observations", summary="Add an observation", responses=problems(403, 404, 409, 422))
async def add_observation(w: Runner, ref: Text, body: NewObservation) -> DrillDetails:
    """Note what one sees; only facilitators read it before the debrief."""
    drill = await _drill(w, ref)
    await actions.add_observation(w.tx, w.actor, drill, body.text, w.now)
    return await _details(w, drill)


@router.post("/{ref}/tray", summary="Put a text into the tray", responses=problems(403, 404, 409, 422))
async def post_to_tray(w: Player, ref: Text, body: NewTrayPost) -> DrillDetails:
    """Store a text that would leave Firebell if the drill were real."""
    drill = await _drill(w, ref)
    await actions.post_to_tray(w.tx, w.actor, drill, body.target, body.text, w.now)
    return await _details(w, drill)


@router.put(
    "/{ref}/expectations/{expectation}",
    summary="Decide an expectation",
    responses=problems(403, 404, 409, 422),
)
async def decide(w: Runner, ref: Text, expectation: Text, body: Decision) -> DrillDetails:
    """Decide an expectation with `event: observed`."""
    drill = await _drill(w, ref)
    await actions.decide_expectation(w.tx, w.actor, drill, expectation, body.met, w.now)
    return await _details(w, drill)
