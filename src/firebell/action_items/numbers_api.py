"""The API of the completion of action items, of questions about them, and of their settings."""

from datetime import date, datetime, timedelta
from typing import Annotated, Literal

from fastapi import Query
from pydantic import Field

from firebell.action_items import completion_rate, queries, question_actions, settings, store
from firebell.action_items.model import PreventionAnswer
from firebell.action_items.queries import AskedQuestion
from firebell.action_items.working_days import WorkingDays
from firebell.incidents import actions as incidents
from firebell.kit.errors import Invalid
from firebell.kit.references import parse_ref
from firebell.kit.web import api
from firebell.kit.web.api import ApiInput, ApiOutput, StrictInt, Text, problems
from firebell.people import actions as people
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import Work, work

router = api.router("action items")

Reader = Annotated[Work, work(Verb.ACTION_ITEM_READ)]
Writer = Annotated[Work, work(Verb.ACTION_ITEM_WRITE)]
SettingsWriter = Annotated[Work, work(Verb.INCIDENT_SETTINGS_WRITE)]
LONGEST_WINDOW = timedelta(days=1_830)
QUESTIONS_SHOWN = 100


class CompletionShown(ApiOutput):
    """The share of the action items due in `[start, end)` that were done in time."""

    start: date
    end: date
    done: Annotated[int, Field(description="done by their due day, or within 7 days after it")]
    due: int
    in_grace: Annotated[int, Field(description="still open within these 7 days: outside the ratio")]
    without_evidence: Annotated[int, Field(description="of the done ones, those without evidence")]
    share: Annotated[float | None, Field(description="null if nothing was due", examples=[0.6])]
    interval_95: Annotated[
        list[float] | None, Field(min_length=2, max_length=2, description="Wilson interval of the share")
    ]
    target: Annotated[float, Field(description="the share is to be above this")]
    result: Annotated[
        Literal["none", "few", "met", "missed"], Field(description="`few` below 5 items that were due")
    ]


class QuestionShown(ApiOutput):
    """Would an item that was overdue have prevented or shortened an incident? Only a person's answer counts."""

    incident: Annotated[str, Field(examples=["INC-3"])]
    item: Annotated[str, Field(examples=["ACT-7"])]
    title: str
    reason: Annotated[Literal["rule", "similar"], Field(description="why it is asked")]
    days_overdue: int
    answer: PreventionAnswer | None
    answered_by: str
    answered_at: datetime | None


class NewAnswer(ApiInput):
    """The answer to a question."""

    answer: PreventionAnswer


class ActionItemSettings(ApiOutput):
    """Working days, and after how many days new items are due."""

    weekdays: Annotated[list[int], Field(description="0 for Monday to 6 for Sunday")]
    country: Annotated[str, Field(description="the country whose public holidays are no working days")]
    subdivision: str
    due_days: Annotated[
        list[int], Field(description="for the priorities 1, 2 and 3", examples=[[14, 30, 90]])
    ]


class NewActionItemSettings(ApiInput):
    """Working days, and after how many days new items are due."""

    weekdays: Annotated[list[StrictInt], Field(min_length=1, max_length=7, examples=[[0, 1, 2, 3, 4]])]
    country: Annotated[Text, Field(max_length=2, examples=["DE"])] = ""
    subdivision: Annotated[Text, Field(max_length=10, examples=["BE"])] = ""
    due_days: Annotated[list[StrictInt], Field(min_length=3, max_length=3, examples=[[14, 30, 90]])]


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


def _settings(working: WorkingDays) -> ActionItemSettings:
    return ActionItemSettings(
        weekdays=list(working.weekdays),
        country=working.country,
        subdivision=working.subdivision,
        due_days=list(working.due_days.values()),
    )


@router.get(
    "/action-item-completion",
    summary="Get the share of action items that were done in time",
    responses=problems(404),
)
async def get_completion(
    w: Reader,
    start: Annotated[date | None, Query(description="first due day; without one, 90 days ago")] = None,
    end: Annotated[
        date | None, Query(description="day after the last due day; without one, tomorrow")
    ] = None,
    team: Annotated[Text | None, Query(description="only those of a team", examples=["payments"])] = None,
) -> CompletionShown:
    today = w.now.date()
    first, last = completion_rate.window(today)
    first, last = start or first, end or last
    if not first < last <= first + LONGEST_WINDOW:
        text = "Enter a first day that is before the last, at most 5 years apart."
        raise Invalid("There are no days between these.", fields={"end": text})
    team_ids = [(await people.team_by_slug(w.tx, team)).id] if team else []
    items = await store.due_between(w.tx, first, last, team_ids)
    result = completion_rate.completion(items, first, last, today)
    return CompletionShown(
        start=first,
        end=last,
        done=result.done,
        due=result.due,
        in_grace=result.in_grace,
        without_evidence=result.unproven,
        share=result.share,
        interval_95=list(result.interval) if result.interval else None,
        target=completion_rate.TARGET,
        result=result.result,
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
    await question_actions.answer_question(w.tx, w.actor, incident_id, item_id, body.answer, w.now)
    asked = await queries.questions_about(w.tx, incident_id)
    return next(_question(one) for one in asked if one.item.id == item_id)


@router.get("/action-item-settings", summary="Get the working days and default due days of action items")
async def get_settings(w: Reader) -> ActionItemSettings:
    return _settings(await settings.load(w.tx))


@router.put("/action-item-settings", summary="Save the working days and default due days of action items")
async def save_settings(w: SettingsWriter, body: NewActionItemSettings) -> ActionItemSettings:
    saved = await settings.save_settings(
        w.tx, w.actor, body.weekdays, body.country, body.subdivision, body.due_days, w.now
    )
    return _settings(saved)
