"""The API of the reviews of quarters."""

from datetime import date, datetime
from typing import Annotated

from pydantic import ConfigDict, Field

from firebell.kit.web import api
from firebell.kit.web.api import ApiInput, ApiOutput, Text, problems
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import Work, work
from firebell.readiness import review_actions, review_queries
from firebell.readiness.quarters import parse_quarter

router = api.router("readiness", "/readiness/quarters")

Reader = Annotated[Work, work(Verb.READINESS_READ)]
Signer = Annotated[Work, work(Verb.READINESS_SIGN)]


class TeamReviewShown(ApiOutput):
    """The review of a quarter by a team."""

    team: Annotated[str, Field(description="slug", examples=["payments"])]
    signed_at: Annotated[datetime | None, Field(description="null without a signature")]
    signed_by: str
    decisions: str


class QuarterReviewShown(ApiOutput):
    """A quarter that ended, with the teams that own a service."""

    quarter: Annotated[str, Field(examples=["2026-Q3"])]
    first_day: date
    last_day: date
    deadline: Annotated[datetime, Field(description="until when a signature is in time")]
    complete: Annotated[bool, Field(description="each team signed in time")]
    overdue: Annotated[bool, Field(description="the deadline has passed, and a signature is missing")]
    teams: list[TeamReviewShown]


class NewSignature(ApiInput):
    """What a team decided in the review of a quarter."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"decisions": "DiskAlmostFull is removed. Pool limits are checked."}]}
    )

    decisions: Annotated[Text, Field(min_length=1, max_length=review_actions.DECISIONS_MAX_CHARS)]


async def _shown(w: Work) -> list[QuarterReviewShown]:
    return [
        QuarterReviewShown(
            quarter=each.quarter.label,
            first_day=each.quarter.first,
            last_day=each.quarter.last_day,
            deadline=each.deadline,
            complete=each.is_complete,
            overdue=each.is_overdue(w.now),
            teams=[
                TeamReviewShown(
                    team=review.slug,
                    signed_at=review.signed_at,
                    signed_by=review.signed_by,
                    decisions=review.decisions,
                )
                for review in each.teams
            ],
        )
        for each in await review_queries.quarter_reviews(w.tx, w.now)
    ]


@router.get("", summary="List the last four quarters that ended, with the reviews of teams")
async def list_quarter_reviews(w: Reader) -> list[QuarterReviewShown]:
    return await _shown(w)


@router.put(
    "/{quarter}/signatures/{team}",
    summary="Sign the review of a quarter for a team",
    responses=problems(404, 409, 422),
)
async def sign_quarter(w: Signer, quarter: Text, team: Text, body: NewSignature) -> list[QuarterReviewShown]:
    await review_actions.sign_quarter(w.tx, w.actor, parse_quarter(quarter), team, body.decisions, w.now)
    return await _shown(w)
