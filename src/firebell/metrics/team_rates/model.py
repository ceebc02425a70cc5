"""Which rate applies to the time of people, and what time costs at several rates (pure; spec 11.13)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from firebell.kit import currencies
from firebell.metrics.cost_rate import CostRate
from firebell.metrics.money import Money


@dataclass(frozen=True, slots=True)
class TeamRate:
    """What an hour of the people of a team costs."""

    team_id: int
    slug: str
    name: str
    rate: CostRate

    @property
    def precedence(self) -> tuple[str, str, int]:
        """Key by which teams are listed; of several that could apply, the first does."""
        return self.name.casefold(), self.name, self.team_id


@dataclass(frozen=True, slots=True)
class TimeShare:
    """Time of people in the same teams; `owners` are those of the teams that own a service of the incident."""

    seconds: int
    teams: Sequence[int] = ()
    owners: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class TimeCost:
    """What time costs, one amount for each currency, and how much of it has no rate."""

    amounts: Sequence[Money] = ()
    unpriced_s: int = 0


@dataclass(frozen=True, slots=True)
class Rates:
    """The rate of the organization, None if there is none, and those of teams."""

    organization: CostRate | None = None
    teams: Sequence[TeamRate] = ()

    def of(self, share: TimeShare) -> CostRate | None:
        """Return the rate of a share, None if it has none.

        The teams that own a service of the incident go before the others that people are in. Of several, the first one
        by name that has a rate counts; if none of them has one, the rate of the organization does.
        """
        candidates = set(share.owners or share.teams)
        rated = [team for team in self.teams if team.team_id in candidates]
        first = min(rated, key=lambda team: team.precedence, default=None)
        return first.rate if first else self.organization

    def cost(self, shares: Iterable[TimeShare]) -> TimeCost:
        """Return what shares cost: each currency is rounded half up once, to its smallest unit."""
        exact: dict[str, Decimal] = {}
        unpriced_s = 0
        for share in shares:
            rate = self.of(share)
            if rate is None:
                unpriced_s += share.seconds
            else:
                exact[rate.currency] = exact.get(rate.currency, Decimal()) + rate.per_hour * share.seconds
        amounts = [
            Money(currencies.rounded(total / 3600, code), code) for code, total in sorted(exact.items())
        ]
        return TimeCost(amounts, unpriced_s)
