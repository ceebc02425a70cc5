"""What an hour of a team costs over JSON, for managers."""

from typing import Annotated

from pydantic import ConfigDict, Field

from firebell.kit.web import api
from firebell.kit.web.api import ApiInput, ApiOutput, Text, problems
from firebell.metrics.team_rates import actions
from firebell.metrics.team_rates.model import TeamRate
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import Work, work

router = api.router("metrics", "/metrics-cost/team-rates")

Reader = Annotated[Work, work(Verb.COST_READ)]
Writer = Annotated[Work, work(Verb.COST_RATE_WRITE)]


class TeamRateShown(ApiOutput):
    """What an hour of the people of a team costs on incidents."""

    team: Annotated[str, Field(description="slug", examples=["payments"])]
    name: Annotated[str, Field(examples=["Payments"])]
    per_hour: Annotated[str, Field(examples=["120.00"])]
    currency: Annotated[str, Field(examples=["EUR"])]


class NewTeamRate(ApiInput):
    """What an hour of the people of a team costs; the currency can differ from that of the organization."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"per_hour": "120.00", "currency": "EUR"}]})

    per_hour: Annotated[Text, Field(max_length=20)]
    currency: Annotated[Text, Field(max_length=3)]


def _shown(of: TeamRate) -> TeamRateShown:
    return TeamRateShown(
        team=of.slug, name=of.name, per_hour=f"{of.rate.per_hour:f}", currency=of.rate.currency
    )


@router.get("", summary="List the teams that have a rate of their own, by name")
async def list_team_rates(w: Reader) -> list[TeamRateShown]:
    return [_shown(one) for one in (await actions.rates(w.tx)).teams]


@router.put("/{team}", summary="Set what an hour of a team costs", responses=problems(404, 422))
async def set_team_rate(w: Writer, team: Text, body: NewTeamRate) -> TeamRateShown:
    return _shown(await actions.save(w.tx, w.actor, team, body.per_hour, body.currency, w.now))


@router.delete(
    "/{team}",
    status_code=204,
    summary="Remove the rate of a team; the rate of the organization applies again",
    responses=problems(404),
)
async def remove_team_rate(w: Writer, team: Text) -> None:
    await actions.remove(w.tx, w.actor, team, w.now)
