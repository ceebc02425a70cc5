"""The API of the response of an incident: what comes next, and what people answer, request and promise."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from firebell.incidents import actions as incidents
from firebell.kit.references import parse_ref
from firebell.kit.web import api
from firebell.kit.web.api import ApiInput, ApiOutput, StrictInt, Text, problems
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import Work, work
from firebell.response import actions, incident_part
from firebell.response.actions import NEED_MAX_CHARS, REASON_MAX_CHARS, UPDATE_MAX_CHARS
from firebell.response.model import Audience

router = api.router("response")

Reader = Annotated[Work, work(Verb.INCIDENT_READ)]
Responder = Annotated[Work, work(Verb.INCIDENT_UPDATE)]
Minutes = Annotated[StrictInt, Field(ge=1, le=1440)]


class ComingStepShown(ApiOutput):
    """A step to come."""

    key: str
    code: Annotated[str, Field(description="declared, matrix, E1 to E8, or update")]
    how: Annotated[str, Field(description="page, brief, ask, task, queue or remind")]
    who: str
    text: str
    asks_at: Annotated[
        datetime | None, Field(description="when the commander is asked; null acts without asking")
    ]
    acts_at: datetime
    asking: Annotated[bool, Field(description="the commander was asked and has not answered")]


class ResponseShown(ApiOutput):
    """The response of an incident."""

    version: Annotated[int, Field(description="the version of the settings; 0 is the shipped one")]
    confirmed_at: datetime | None
    update_due_at: datetime | None
    customers_due_at: datetime | None
    steps: list[ComingStepShown]


class StepAnswer(ApiInput):
    """An answer to a step: now does it at once, not_yet asks again in 30 minutes and needs a reason."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"step": "E1:…", "answer": "now"}]})

    step: Annotated[Text, Field(max_length=300)]
    answer: Literal["now", "not_yet"]
    reason: Annotated[Text, Field(max_length=REASON_MAX_CHARS)] = ""


class NewExpertiseRequest(ApiInput):
    """A request for a subject matter expert; unanswered for 10 minutes, it climbs a tier."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"need": "PostgreSQL replication"}]})

    need: Annotated[Text, Field(max_length=NEED_MAX_CHARS)]


class NewPromise(ApiInput):
    """A promise of the next update, at most twice the interval after the last one."""

    audience: Audience = Audience.INTERNAL
    minutes: Minutes


class CustomerUpdate(ApiInput):
    """An update that customers got."""

    text: Annotated[Text, Field(max_length=UPDATE_MAX_CHARS)]
    next_in: Minutes | None = None


async def _shown(w: Work, incident_id: int) -> ResponseShown:
    coming = await incident_part.load(w.tx, await incidents.incident(w.tx, incident_id), w.now)
    if not isinstance(coming, incident_part.Coming):
        return ResponseShown(
            version=0, confirmed_at=None, update_due_at=None, customers_due_at=None, steps=[]
        )
    facts = coming.running.facts
    return ResponseShown(
        version=coming.running.response.version,
        confirmed_at=facts.confirmed_at,
        update_due_at=facts.update_due,
        customers_due_at=facts.customers_due,
        steps=[
            ComingStepShown(
                key=one.step.key,
                code=one.step.code,
                how=one.step.how,
                who=one.step.who,
                text=one.text,
                asks_at=one.step.ask_at,
                acts_at=one.at,
                asking=one.asking,
            )
            for one in coming.steps
        ],
    )


@router.get(
    "/incidents/{ref}/response", summary="List what comes next in an incident", responses=problems(404)
)
async def get_response(w: Reader, ref: Text) -> ResponseShown:
    return await _shown(w, parse_ref("INC", ref))


@router.post(
    "/incidents/{ref}/response/answers",
    summary="StepAnswer a step: escalate now, or not yet",
    responses=problems(404, 409),
)
async def answer_step(w: Responder, ref: Text, body: StepAnswer) -> ResponseShown:
    incident_id = parse_ref("INC", ref)
    if body.answer == "now":
        await actions.escalate_now(w.tx, w.actor, incident_id, body.step, w.now)
    else:
        await actions.not_yet(w.tx, w.actor, incident_id, body.step, body.reason, w.now)
    return await _shown(w, incident_id)


@router.post(
    "/incidents/{ref}/response/expertise",
    status_code=201,
    summary="Ask for a subject matter expert",
    responses=problems(404, 409),
)
async def request_expertise(w: Responder, ref: Text, body: NewExpertiseRequest) -> ResponseShown:
    incident_id = parse_ref("INC", ref)
    await actions.request_expertise(w.tx, w.actor, incident_id, body.need, w.now)
    return await _shown(w, incident_id)


@router.post(
    "/incidents/{ref}/response/promises",
    summary="Promise when the next update comes",
    responses=problems(404, 409),
)
async def promise_update(w: Responder, ref: Text, body: NewPromise) -> ResponseShown:
    incident_id = parse_ref("INC", ref)
    await actions.promise(w.tx, w.actor, incident_id, body.audience, body.minutes, w.now)
    return await _shown(w, incident_id)


@router.post(
    "/incidents/{ref}/response/customers",
    status_code=201,
    summary="Record an update that customers got",
    responses=problems(404, 409),
)
async def inform_customers(w: Responder, ref: Text, body: CustomerUpdate) -> ResponseShown:
    incident_id = parse_ref("INC", ref)
    await actions.inform_customers(w.tx, w.actor, incident_id, body.text, w.now, body.next_in)
    return await _shown(w, incident_id)
