"""The business impact of an incident, what an incident costs, and what someone may enter (pure; spec 11.13)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from firebell.kit.errors import Invalid
from firebell.kit.text import clean_text
from firebell.metrics.money import Money, totals, typed_money
from firebell.metrics.team_rates.model import Rates, TimeCost

AMOUNT_MAX = Decimal(1_000_000_000_000)
SOURCE_MIN_CHARS, SOURCE_MAX_CHARS = 3, 500


@dataclass(frozen=True, slots=True)
class BusinessImpact:
    """What an incident cost the business, where that amount comes from, and who entered it."""

    money: Money
    source: str
    recorded_at: datetime
    actor: str


@dataclass(frozen=True, slots=True)
class ImpactTotal:
    """The business impact of several incidents in one currency."""

    money: Money
    incidents: int


@dataclass(frozen=True, slots=True)
class GroupImpact:
    """The business impact of a service or of a contributing factor in one currency."""

    key: str
    label: str
    money: Money
    incidents: int


@dataclass(frozen=True, slots=True)
class IncidentCost:
    """What an incident costs: the time of people, what it costs at the rates, and the business impact."""

    people: int
    person_seconds: int
    rates: Rates
    time: TimeCost
    impact: BusinessImpact | None

    @property
    def totals(self) -> list[Money]:
        """The sum of each currency."""
        return totals([*self.time.amounts, *([self.impact.money] if self.impact else [])])


def with_people(time: TimeCost, impacts: Sequence[ImpactTotal]) -> list[Money]:
    """Return the time of people and the business impact, added up by currency."""
    return totals([*time.amounts, *(each.money for each in impacts)])


def typed_impact(amount: str, currency: str, source: str) -> tuple[Money, str]:
    """Return an amount with its source; raise `Invalid` naming all fields that are wrong."""
    wrong: dict[str, str] = {}
    money = Money(Decimal(), "")
    try:
        money = typed_money(amount, currency, maximum=AMOUNT_MAX, allow_zero=True)
    except Invalid as error:
        wrong |= error.fields
    text = clean_text(source, SOURCE_MAX_CHARS, "source")
    if len(text) < SOURCE_MIN_CHARS:
        wrong["source"] = "Enter where the amount comes from, such as “Finance, order ledger of 24 Nov”."
    if wrong:
        raise Invalid("Check the business impact.", fields=wrong)
    return money, text
