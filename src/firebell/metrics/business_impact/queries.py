"""What the incidents of a period cost, for managers."""

from collections.abc import Sequence
from dataclasses import dataclass

from firebell.kit.db.database import Tx
from firebell.metrics.business_impact import store
from firebell.metrics.business_impact.model import GroupImpact, ImpactTotal, with_people
from firebell.metrics.dimensions import Dimension
from firebell.metrics.model import Scope
from firebell.metrics.money import Money
from firebell.metrics.team_rates import actions as team_rates
from firebell.metrics.team_rates.model import Rates, TimeCost


@dataclass(frozen=True, slots=True)
class PeriodCost:
    """What the incidents of a period cost: each list has one entry for each currency."""

    rates: Rates
    time: TimeCost
    impacts: Sequence[ImpactTotal]
    totals: Sequence[Money]
    """The time of people, where it has a rate, and the business impact."""
    by_service: Sequence[GroupImpact]
    by_factor: Sequence[GroupImpact]


async def period_cost(tx: Tx, scope: Scope, seconds: int) -> PeriodCost:
    """Return what the incidents of a scope cost; people spent `seconds` on them. The caller checks the permission."""
    rates = await team_rates.rates(tx)
    time = await team_rates.cost_of_scope(tx, rates, scope, seconds)
    impacts = await store.totals(tx, scope)
    return PeriodCost(
        rates,
        time,
        impacts,
        with_people(time, impacts),
        await store.split(tx, scope, Dimension.SERVICE),
        await store.split(tx, scope, Dimension.FACTOR),
    )
