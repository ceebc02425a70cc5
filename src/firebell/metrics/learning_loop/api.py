"""The API of the learning loop of an incident."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from firebell.action_items.model import ActionItem, ItemState, PreventionAnswer
from firebell.kit.references import parse_ref
from firebell.kit.web import api
from firebell.kit.web.api import ApiOutput, problems
from firebell.metrics.learning_loop import model as learning_loop
from firebell.metrics.learning_loop import queries as learning_loop_queries
from firebell.metrics.learning_loop.model import LoopIncident, Station
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import Work, work

router = api.router("metrics", "/incidents")

Reader = Annotated[Work, work(Verb.INCIDENT_READ)]


class LoopItemShown(ApiOutput):
    """An action item of the loop."""

    ref: Annotated[str, Field(examples=["ACT-7"])]
    title: str
    state: ItemState
    done_at: datetime | None
    dropped_reason: str


class LoopAnswerShown(ApiOutput):
    """What someone answered about an item of the first incident, null while no one did."""

    item: Annotated[str, Field(examples=["ACT-7"])]
    days_overdue: int
    answer: PreventionAnswer | None
    answered_by: str


class LoopIncidentShown(ApiOutput):
    """An incident of the loop; its impact is null if it is not over or not known."""

    ref: Annotated[str, Field(examples=["INC-7"])]
    title: str
    severity: int
    declared_at: datetime
    closed_at: datetime | None
    impact_s: int | None
    resolve_s: int | None
    actions: list[LoopItemShown]


class RepeatShown(LoopIncidentShown):
    """An incident that repeats the first one."""

    answers: list[LoopAnswerShown]


class LoopShown(LoopIncidentShown):
    """The learning loop of an incident."""

    outcome: Annotated[str, Field(examples=["One action was dropped, and the incident came back"])]
    station: Station
    postmortem_required: bool
    postmortem_published_at: datetime | None
    roots: list[str]
    repeats: list[RepeatShown]
    quiet_days: int
    avoidable_s: Annotated[
        int | None,
        Field(description="impact of repeats that an item would have prevented, as people answered"),
    ]


def _items(items: list[ActionItem]) -> list[LoopItemShown]:
    return [
        LoopItemShown(
            ref=item.ref,
            title=item.title,
            state=item.state,
            done_at=item.done_at,
            dropped_reason=item.dropped_reason,
        )
        for item in items
    ]


def _incident(one: LoopIncident) -> dict[str, object]:
    names = ("ref", "title", "severity", "declared_at", "closed_at", "impact_s", "resolve_s")
    return {name: getattr(one, name) for name in names}


@router.get(
    "/{ref}/loop",
    summary="Get the post-mortem, action items and repeats of an incident",
    responses=problems(404),
)
async def get_loop(w: Reader, ref: str) -> LoopShown:
    loop = await learning_loop_queries.loop_of(w.tx, parse_ref("INC", ref), w.now)
    repeats = [
        {
            **_incident(repeat.incident),
            "actions": _items(list(repeat.items)),
            "answers": [
                LoopAnswerShown(
                    item=f"ACT-{question.item_id}",
                    days_overdue=question.days_overdue,
                    answer=question.answer,
                    answered_by=question.answered_by,
                )
                for question in repeat.questions
            ],
        }
        for repeat in loop.repeats
    ]
    return LoopShown.model_validate(
        {
            **_incident(loop.incident),
            "actions": _items(list(loop.items)),
            "outcome": learning_loop.title(loop),
            "station": loop.station,
            "postmortem_required": loop.document.is_required,
            "postmortem_published_at": loop.document.published_at,
            "roots": list(loop.document.roots),
            "repeats": repeats,
            "quiet_days": loop.quiet_days,
            "avoidable_s": loop.avoidable_s,
        }
    )
