"""The API of the share of action items that were done in time."""

from datetime import date, timedelta
from typing import Annotated, Literal

from fastapi import Query
from pydantic import Field

from firebell.action_items import completion_rate, store
from firebell.kit.errors import Invalid
from firebell.kit.web import api
from firebell.kit.web.api import ApiOutput, Text, problems
from firebell.people import actions as people
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import Work, work

router = api.router("action items")

Reader = Annotated[Work, work(Verb.ACTION_ITEM_READ)]
LONGEST_WINDOW = timedelta(days=1_830)


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
        raise Invalid("The first day must be before the last.", fields={"end": text})
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
