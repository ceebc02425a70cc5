"""What an hour of people on incidents costs; amounts are for managers (spec 11.13)."""

from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation

from firebell.kit.db import org_settings
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Invalid
from firebell.people.action_permissions import permits
from firebell.people.permissions import Verb

SETTING = "metrics.cost_rate"
MAX_PER_HOUR = Decimal(1_000_000)
_CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class CostRate:
    """An amount for each hour, in a currency."""

    per_hour: Decimal
    currency: str

    def of(self, seconds: int) -> Decimal:
        """Return what a time costs, rounded half up to cents."""
        return (self.per_hour * seconds / 3600).quantize(_CENT, ROUND_HALF_UP)


async def load(tx: Tx) -> CostRate | None:
    """Return the rate of the organization, None if none was set."""
    stored = await org_settings.get(tx, SETTING)
    return CostRate(Decimal(stored["per_hour"]), stored["currency"]) if stored else None


@permits(Verb.COST_RATE_WRITE)
async def save(tx: Tx, actor: Actor, per_hour: str, currency: str, now: datetime) -> CostRate | None:
    """Save what an hour costs; a blank amount removes the rate, so that only hours are shown."""
    amount, code = per_hour.strip(), currency.strip().upper()
    if not amount:
        await org_settings.put(tx, SETTING, {})
        await tx.audit(actor, "metrics.cost_rate", "metrics", now, per_hour="", currency="")
        return None
    try:
        value = Decimal(amount)
        if not value.is_finite() or not 0 < value <= MAX_PER_HOUR:
            raise InvalidOperation
    except InvalidOperation:
        text = f"Enter an amount above 0 and up to {MAX_PER_HOUR:,}, such as 90 or 87.50."
        raise Invalid("This is not an amount.", fields={"per_hour": text}) from None
    if value != value.quantize(_CENT):
        text = "Enter at most two decimals."
        raise Invalid("The amount has too many decimals.", fields={"per_hour": text})
    if not (len(code) == 3 and code.isascii() and code.isalpha()):
        text = "Enter a currency of three letters, such as EUR."
        raise Invalid("This is not a currency.", fields={"currency": text})
    rate = CostRate(value, code)
    await org_settings.put(tx, SETTING, {"per_hour": str(value), "currency": code})
    await tx.audit(actor, "metrics.cost_rate", "metrics", now, per_hour=str(value), currency=code)
    return rate
