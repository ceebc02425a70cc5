"""The API of questions whether an overdue action item would have prevented an incident."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from firebell.action_items import queries
from firebell.action_items.model import PreventionAnswer
from firebell.action_items.prevention_questions import actions as prevention_question_actions
from firebell.action_items.queries import AskedQuestion
from firebell.incidents import actions as incidents
from firebell.kit.references import parse_ref
from firebell.kit.web import api
from firebell.kit.web.api import ApiInput, ApiOutput, Text, problems
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import Work, work

router = api.router("action items")

Reader = Annotated[Work, work(Verb.ACTION_ITEM_READ)]
Writer = Annotated[Work, work(Verb.ACTION_ITEM_WRITE)]
QUESTIONS_SHOWN = 100


class QuestionShown(ApiOutput):
    """Would an item that was overdue have prevented or shortened an incident? Only a person's answer counts."""

    incident: Annotated[str, Field(examples=["INC-3"])]
    item: Annotated[str, Field(examples=["ACT-7"])]
    title: str
    reason: Annotated[Literal["rule", "similar"], Field(description="why Firebell asks")]
    days_overdue: int
    answer: PreventionAnswer | None
    answered_by: str
    answered_at: datetime | None


class NewAnswer(ApiInput):
    """The answer to a question."""

    answer: PreventionAnswer


def _question(one: AskedQuestion) -> QuestionShown:
    return QuestionShown(
        incident=one.incident.ref,
        item=one.item.ref,
        title=one.item.title,
        reason=one.question.reason,
        days_overdue=one.question.days_overdue,
        answer=one.question.answer,
        answered_by=one.question.answered_by,
        answered_at=one.question.answered_at,
    )


@router.get(
    "/action-item-questions",
    summary="List the questions without an answer, newest incident first",
)
async def list_open_questions(w: Reader) -> list[QuestionShown]:
    return [_question(one) for one in await queries.unanswered(w.tx, QUESTIONS_SHOWN)]


@router.get(
    "/incidents/{ref}/action-item-questions",
    summary="List the overdue action items that might have prevented an incident",
    responses=problems(404),
)
async def list_questions(w: Reader, ref: Text) -> list[QuestionShown]:
    incident = await incidents.incident(w.tx, parse_ref("INC", ref))
    return [_question(one) for one in await queries.questions_about(w.tx, incident.id)]


@router.put(
    "/incidents/{ref}/action-item-questions/{item}",
    summary="Answer whether an action item would have prevented or shortened an incident",
    responses=problems(404),
)
async def answer_question(w: Writer, ref: Text, item: Text, body: NewAnswer) -> QuestionShown:
    incident_id, item_id = parse_ref("INC", ref), parse_ref("ACT", item)
    await prevention_question_actions.answer_question(w.tx, w.actor, incident_id, item_id, body.answer, w.now)
    asked = await queries.questions_about(w.tx, incident_id)
    return next(_question(one) for one in asked if one.item.id == item_id)
