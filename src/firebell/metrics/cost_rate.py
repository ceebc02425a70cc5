"""The organization's rate for an hour of people on incidents; amounts are for managers (spec 11.13)."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from firebell.kit.db import org_settings
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.metrics.money import typed_money
from firebell.people.action_permissions import permits
from firebell.people.permissions import Verb

SETTING = "metrics.cost_rate"
MAX_PER_HOUR = Decimal(1_000_000)


@dataclass(frozen=True, slots=True)
class CostRate:
    """An amount for each hour, in a currency."""

    per_hour: Decimal
    currency: str


async def load(tx: Tx) -> CostRate | None:
    """Return the rate of the organization, None if none was set."""
    stored = await org_settings.get(tx, SETTING)
    return CostRate(Decimal(stored["per_hour"]), stored["currency"]) if stored else None


@permits(Verb.COST_RATE_WRITE)
async def save(tx: Tx, actor: Actor, per_hour: str, currency: str, now: datetime) -> CostRate | None:
    """Save what an hour costs; a blank amount removes the rate, so that only hours are shown."""
    if not per_hour.strip():
        await org_settings.put(tx, SETTING, {})
        await tx.audit(actor, "metrics.cost_rate", "metrics", now, per_hour="", currency="")
        return None
    typed = typed_money(per_hour, currency, field="per_hour", maximum=MAX_PER_HOUR)
    rate = CostRate(typed.amount, typed.currency)
    stored = {"per_hour": str(rate.per_hour), "currency": rate.currency}
    await org_settings.put(tx, SETTING, stored)
    await tx.audit(actor, "metrics.cost_rate", "metrics", now, **stored)
    return rate
