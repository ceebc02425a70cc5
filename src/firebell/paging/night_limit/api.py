"""The API of night limits, and of the nights that went over one."""

from datetime import date, datetime, timedelta
from typing import Annotated

from pydantic import Field

from firebell.kit.web import api
from firebell.kit.web.api import ApiInput, ApiOutput, PathId, StrictBool, StrictInt, problems
from firebell.paging.model import NIGHT_LIMIT_PAGES
from firebell.paging.night_limit import actions as night_limit_actions
from firebell.paging.night_limit.rules import LEAST_PAGES, MOST_PAGES, NightLimit
from firebell.people import actions as people
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import Work, work

router = api.router("night limits", "/night-limits")

Reader = Annotated[Work, work(Verb.POLICY_READ)]
Writer = Annotated[Work, work(Verb.POLICY_WRITE)]
LISTED_DAYS = 90


class NightLimitChange(ApiInput):
    """Whether a team has a night limit, and how many pages a night it allows."""

    on: StrictBool = True
    pages: Annotated[StrictInt, Field(ge=LEAST_PAGES, le=MOST_PAGES, examples=[NIGHT_LIMIT_PAGES])] = (
        NIGHT_LIMIT_PAGES
    )


class NightLimitShown(ApiOutput):
    """The night limit of a team: with one more page, others are paged too, and rest is proposed."""

    team_id: int
    team: str
    on: bool
    pages: int


class TiredNightShown(ApiOutput):
    """A night in which someone had more pages than the limit."""

    id: Annotated[str, Field(examples=["F-NIGHT:12"])]
    code: Annotated[str, Field(examples=["F-NIGHT"])]
    person_id: int
    person: str
    night: Annotated[date, Field(description="the day on which it began, where the person lives")]
    ends_at: datetime
    pages: int
    first_page_beyond: Annotated[str, Field(examples=["PG-7"])]


@router.get("", summary="List the night limit of each team")
async def list_night_limits(w: Reader) -> list[NightLimitShown]:
    limits = await night_limit_actions.limits(w.tx)
    return [
        NightLimitShown(team_id=t.id, team=t.name, on=limits[t.id].is_on, pages=limits[t.id].pages)
        for t in await people.teams(w.tx)
    ]


@router.put("/{team_id}", summary="Set the night limit of a team", responses=problems(404))
async def set_night_limit(w: Writer, team_id: PathId, body: NightLimitChange) -> NightLimitShown:
    limit = await night_limit_actions.set_limit(
        w.tx, w.actor, team_id, NightLimit(body.on, body.pages), w.now
    )
    name = next(t.name for t in await people.teams(w.tx) if t.id == team_id)
    return NightLimitShown(team_id=team_id, team=name, on=limit.is_on, pages=limit.pages)


@router.get("/exceeded", summary="List the nights of the last 90 days that went over a limit")
async def list_nights_over_limit(w: Reader) -> list[TiredNightShown]:
    nights = await night_limit_actions.nights_between(
        w.tx, w.now - timedelta(days=LISTED_DAYS), w.now + timedelta(seconds=1)
    )
    return [
        TiredNightShown(
            id=f"F-NIGHT:{one.id}",
            code="F-NIGHT",
            person_id=one.person_id,
            person=one.person,
            night=one.night,
            ends_at=one.ends_at,
            pages=one.pages,
            first_page_beyond=f"PG-{one.page_id}",
        )
        for one in nights
    ]
