"""Actions on the rates of teams, and what the time of people costs."""

from datetime import datetime

from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.metrics import cost_rate
from firebell.metrics.cost_rate import MAX_PER_HOUR, CostRate
from firebell.metrics.figures import scope_store
from firebell.metrics.figures.scope_store import Conditions
from firebell.metrics.model import Scope
from firebell.metrics.money import typed_money
from firebell.metrics.team_rates import store
from firebell.metrics.team_rates.model import Rates, TeamRate, TimeCost, TimeShare
from firebell.people import actions as people
from firebell.people.action_permissions import permits
from firebell.people.permissions import Verb


async def rates(tx: Tx) -> Rates:
    """Return the rate of the organization and those of teams."""
    return Rates(await cost_rate.load(tx), await store.rates(tx))


async def cost_of_incident(tx: Tx, rates: Rates, incident_id: int, seconds: int) -> TimeCost:
    """Return what the time of people on an incident costs; `seconds` is their total."""
    conditions = Conditions()
    conditions.add(f"incident_fact.id = {conditions.value(incident_id)}::bigint")
    return await _cost(tx, rates, conditions, seconds)


async def cost_of_scope(
    tx: Tx, rates: Rates, scope: Scope, seconds: int, *, before: bool = False
) -> TimeCost:
    """Return what the time of people on the incidents of a scope costs; `seconds` is their total."""
    return await _cost(tx, rates, scope_store.closed_and_counted(scope, before=before), seconds)


async def _cost(tx: Tx, rates: Rates, conditions: Conditions, seconds: int) -> TimeCost:
    """Return what time costs; time that is not stored by person yet, after an upgrade, has the organization's rate."""
    shares = await store.shares(tx, conditions) if rates.teams else []
    known = sum(share.seconds for share in shares)
    rest = [TimeShare(seconds - known)] if seconds > known or not shares else []
    return rates.cost([*shares, *rest])


@permits(Verb.COST_RATE_WRITE)
async def save(tx: Tx, actor: Actor, team_slug: str, per_hour: str, currency: str, now: datetime) -> TeamRate:
    """Save what an hour of a team costs. Idempotent; raise `NotFound` without the team, `Invalid` for bad input."""
    team = await people.team_by_slug(tx, team_slug)
    typed = typed_money(per_hour, currency, field="per_hour", maximum=MAX_PER_HOUR)
    rate = CostRate(typed.amount, typed.currency)
    before = await _rate_of(tx, team.id)
    if before != rate:
        await store.save(tx, team.id, rate)
        await _audit(tx, actor, team.id, before, rate, now)
    return TeamRate(team.id, team.slug, team.name, rate)


@permits(Verb.COST_RATE_WRITE)
async def remove(tx: Tx, actor: Actor, team_slug: str, now: datetime) -> None:
    """Remove the rate of a team, so that of the organization applies again. Idempotent."""
    team = await people.team_by_slug(tx, team_slug)
    before = await _rate_of(tx, team.id)
    if await store.delete(tx, team.id):
        await _audit(tx, actor, team.id, before, None, now)


async def _rate_of(tx: Tx, team_id: int) -> CostRate | None:
    return next((one.rate for one in await store.rates(tx) if one.team_id == team_id), None)


async def _audit(
    tx: Tx, actor: Actor, team_id: int, before: CostRate | None, rate: CostRate | None, now: datetime
) -> None:
    await tx.audit(
        actor,
        "metrics.team_cost_rate",
        f"team:{team_id}",
        now,
        per_hour=str(rate.per_hour) if rate else "",
        currency=rate.currency if rate else "",
        before=f"{before.per_hour} {before.currency}" if before else "",
    )
