"""What an incident costs over JSON, for managers."""

from datetime import datetime
from typing import Annotated

from pydantic import ConfigDict, Field

from firebell.kit.references import parse_ref
from firebell.kit.web import api
from firebell.kit.web.api import ApiInput, ApiOutput, Text, problems
from firebell.metrics.business_impact import actions
from firebell.metrics.business_impact.model import SOURCE_MAX_CHARS, SOURCE_MIN_CHARS, ImpactTotal
from firebell.metrics.money import Money
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import Work, work

router = api.router("metrics", "/incidents")

Reader = Annotated[Work, work(Verb.COST_READ)]
Writer = Annotated[Work, work(Verb.BUSINESS_IMPACT_WRITE)]


class MoneyShown(ApiOutput):
    """An amount with the decimals of its currency (ISO 4217). Amounts of different currencies are never added."""

    amount: Annotated[str, Field(examples=["12400.00"])]
    currency: Annotated[str, Field(examples=["EUR"])]


class ImpactShown(MoneyShown):
    """The business impact of incidents in one currency."""

    incidents: int


class BusinessImpactShown(MoneyShown):
    """What an incident cost the business, and where the amount comes from."""

    source: Annotated[str, Field(examples=["Finance, order ledger of 24 Nov"])]
    recorded_at: datetime
    by: str


class IncidentCostShown(ApiOutput):
    """What an incident costs: the time of people, what it costs at the rates, and the business impact."""

    incident: Annotated[str, Field(examples=["INC-7"])]
    people: Annotated[int, Field(description="people who held a role or wrote in the timeline")]
    hours: Annotated[str, Field(description="total hours of these people", examples=["4.12"])]
    people_cost: Annotated[
        MoneyShown | None, Field(description="null without a rate, or with several currencies")
    ]
    people_costs: Annotated[list[MoneyShown], Field(description="one for each currency of the rates")]
    unpriced_hours: Annotated[str, Field(description="hours that no rate applies to", examples=["0.00"])]
    business_impact: Annotated[BusinessImpactShown | None, Field(description="null if not recorded")]
    totals: Annotated[list[MoneyShown], Field(description="one for each currency")]


class NewBusinessImpact(ApiInput):
    """What an incident cost the business; `source` says where the amount comes from."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"amount": "12400", "currency": "EUR", "source": "Finance, order ledger of 24 Nov"}]
        }
    )

    amount: Annotated[Text, Field(max_length=30)]
    currency: Annotated[Text, Field(max_length=3)]
    source: Annotated[Text, Field(min_length=SOURCE_MIN_CHARS, max_length=SOURCE_MAX_CHARS)]


def money(of: Money) -> MoneyShown:
    """Return an amount as JSON has it."""
    return MoneyShown(amount=of.plain, currency=of.currency)


def impact(of: ImpactTotal) -> ImpactShown:
    """Return the business impact of several incidents as JSON has it."""
    return ImpactShown(amount=of.money.plain, currency=of.money.currency, incidents=of.incidents)


async def _shown(w: Work, incident_id: int) -> IncidentCostShown:
    cost = await actions.cost_of(w.tx, incident_id)
    recorded = cost.impact
    return IncidentCostShown(
        incident=f"INC-{incident_id}",
        people=cost.people,
        hours=f"{cost.person_seconds / 3600:.2f}",
        people_cost=money(cost.time.amounts[0]) if len(cost.time.amounts) == 1 else None,
        people_costs=[money(each) for each in cost.time.amounts],
        unpriced_hours=f"{cost.time.unpriced_s / 3600:.2f}",
        business_impact=BusinessImpactShown(
            amount=recorded.money.plain,
            currency=recorded.money.currency,
            source=recorded.source,
            recorded_at=recorded.recorded_at,
            by=recorded.actor,
        )
        if recorded
        else None,
        totals=[money(each) for each in cost.totals],
    )


@router.get("/{ref}/cost", summary="Get what an incident costs", responses=problems(404))
async def get_incident_cost(w: Reader, ref: Text) -> IncidentCostShown:
    return await _shown(w, parse_ref("INC", ref))


@router.put(
    "/{ref}/business-impact",
    summary="Record or replace the business impact of an incident",
    responses=problems(404, 409, 422),
)
async def record_business_impact(w: Writer, ref: Text, body: NewBusinessImpact) -> IncidentCostShown:
    incident_id = parse_ref("INC", ref)
    await actions.record(w.tx, w.actor, incident_id, body.amount, body.currency, body.source, w.now)
    return await _shown(w, incident_id)


@router.delete(
    "/{ref}/business-impact",
    status_code=204,
    summary="Remove the business impact of an incident",
    responses=problems(404),
)
async def remove_business_impact(w: Writer, ref: Text) -> None:
    await actions.remove(w.tx, w.actor, parse_ref("INC", ref), w.now)
