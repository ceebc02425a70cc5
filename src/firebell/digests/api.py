"""The API of weekly digests."""

from datetime import date, datetime
from typing import Annotated

from pydantic import ConfigDict, Field

from firebell.digests import actions, queries, schedule
from firebell.digests.model import Digest, DigestScope
from firebell.kit.web import api
from firebell.kit.web.api import ApiInput, ApiOutput, StrictBool, Text, problems
from firebell.people import actions as people
from firebell.people.model import Team
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import Work, work

router = api.router("digests", "/digests")

Reader = Annotated[Work, work(Verb.DIGEST_READ)]
Subscriber = Annotated[Work, work(Verb.DIGEST_SUBSCRIBE)]


class DigestLineShown(ApiOutput):
    """A line of a digest."""

    text: str
    link: Annotated[str, Field(description="the path of its screen, empty without one")]


class DigestSectionShown(ApiOutput):
    """Lines about one subject."""

    id: Annotated[str, Field(examples=["incidents"])]
    title: str
    count: Annotated[int, Field(description="how many things it is about; 0 if they are not counted")]
    more: Annotated[int, Field(description="how many of them are not listed")]
    lines: list[DigestLineShown]
    link: str


class DigestShown(ApiOutput):
    """The digest of a week, as the caller may see it."""

    title: str
    team: Annotated[str | None, Field(description="the slug of the team; null for the organization")]
    week: Annotated[str, Field(examples=["2026-W48"])]
    first_day: date
    last_day: date
    time_zone: str
    is_quiet: bool
    sections: list[DigestSectionShown]
    suggestion: DigestLineShown | None


class DigestScopeShown(ApiOutput):
    """A digest that the caller can get by email."""

    team: Annotated[str | None, Field(description="the slug of the team; null for the organization")]
    name: str
    on: Annotated[bool, Field(description="whether the caller gets it")]
    is_member: bool
    is_team_on: Annotated[bool, Field(description="whether members get it without choosing it")]


class DigestScopesShown(ApiOutput):
    """The digests that the caller can get, and when the next ones are sent."""

    next_at: datetime
    digests: list[DigestScopeShown]


class DigestSwitch(ApiInput):
    """Whether a digest is sent."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"on": True}]})

    on: StrictBool


class OwnDigestSwitch(DigestSwitch):
    """Whether the caller gets a digest."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"team": "payments", "on": True}]})

    team: Annotated[Text | None, Field(description="the slug of the team; null for the organization")] = None


async def _team(w: Work, slug: str | None) -> Team | None:
    return await people.team_by_slug(w.tx, slug) if slug else None


def _shown(digest: Digest, team: Team | None) -> DigestShown:
    return DigestShown(
        title=digest.title,
        team=team.slug if team else None,
        week=digest.week.name,
        first_day=digest.week.monday,
        last_day=digest.week.sunday,
        time_zone=digest.week.zone,
        is_quiet=digest.is_quiet,
        sections=[
            DigestSectionShown(
                id=one.id,
                title=one.title,
                count=one.count,
                more=one.more,
                lines=[DigestLineShown(text=line.text, link=line.link) for line in one.lines],
                link=one.link,
            )
            for one in digest.sections
        ],
        suggestion=DigestLineShown(text=digest.suggestion.text, link=digest.suggestion.link)
        if digest.suggestion
        else None,
    )


async def _scopes(w: Work) -> DigestScopesShown:
    person = await people.person(w.tx, w.person_id)
    return DigestScopesShown(
        next_at=schedule.next_at(w.now, person.tz),
        digests=[_scope(one) for one in await queries.scopes(w.tx, w.person_id)],
    )


def _scope(one: DigestScope) -> DigestScopeShown:
    return DigestScopeShown(
        team=one.team_slug or None,
        name=one.name,
        on=one.is_on,
        is_member=one.is_member,
        is_team_on=one.is_team_on,
    )


@router.get("", summary="Get the digest of a week", responses=problems(404, 422))
async def get_digest(w: Reader, team: Text | None = None, week: Text = "") -> DigestShown:
    """Return the last week that is over, or the given one; its days are those of the caller's time zone."""
    chosen, person = await _team(w, team), await people.person(w.tx, w.person_id)
    period = schedule.parse_week(week, w.now, person.tz)
    return _shown(await queries.digest(w.tx, period, chosen, w.now), chosen)


@router.get("/choices", summary="List the digests that you can get by email")
async def list_digest_choices(w: Subscriber) -> DigestScopesShown:
    return await _scopes(w)


@router.put("/choices", summary="Turn a digest of your own on or off", responses=problems(404, 422))
async def choose_digest(w: Subscriber, body: OwnDigestSwitch) -> DigestScopesShown:
    await actions.choose_digest(w.tx, w.actor, w.person_id, await _team(w, body.team), w.now, is_on=body.on)
    return await _scopes(w)


@router.put("/teams/{slug}", summary="Send the digest of a team to its members", responses=problems(404, 422))
async def set_team_digest(
    w: Annotated[Work, work(Verb.TEAM_DIGEST_WRITE)], slug: Text, body: DigestSwitch
) -> DigestScopesShown:
    team = await people.team_by_slug(w.tx, slug)
    await actions.set_team_digest(w.tx, w.actor, team, w.now, is_on=body.on)
    return await _scopes(w)
