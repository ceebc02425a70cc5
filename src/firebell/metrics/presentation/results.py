"""The result of one metric in one period: its figures, those of the period before, and its tables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from firebell.metrics.definitions import Definition
from firebell.metrics.model import Scope
from firebell.metrics.presentation.summaries import BetweenFailures, Change, Share, Summary, between_failures
from firebell.metrics.presentation.tables import Table
from firebell.metrics.statistics import poisson
from firebell.metrics.statistics.kaplan_meier import Step


@dataclass(frozen=True, slots=True)
class Count:
    """A number of things, with the exact interval of what chance alone would do."""

    number: int

    @property
    def interval(self) -> tuple[float, float]:
        """The 95% interval by Garwood."""
        return poisson.interval(self.number)


@dataclass(frozen=True, slots=True)
class RuleTotal:
    """How often a rule paged, woke people, was noise and was acted on."""

    rule: str
    pages: int
    nights: int
    noise: int

    @property
    def cost(self) -> int:
        """The number of pages, in which those at night count four times."""
        return self.nights * 3 + self.pages


@dataclass(frozen=True, slots=True)
class ServiceFigure:
    """The impact on a service and the time between its failures."""

    slug: str
    name: str
    impact_s: int
    at_least: bool
    availability: float
    between: BetweenFailures
    team: str = ""
    team_slug: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """A metric of a scope; only what its kind has is set. `excluded` says why how many are left out."""

    definition: Definition
    scope: Scope
    excluded: Mapping[str, int] = field(default_factory=dict)
    summary: Summary | None = None
    change: Change | None = None
    durations_before: Sequence[Step] = ()
    """The durations of the period before, shortest first."""
    share: Share | None = None
    share_before: Share | None = None
    count: Count | None = None
    count_before: Count | None = None
    services: Sequence[ServiceFigure] = ()
    quiet_services: int = 0
    """Services without any incident that counts."""
    seconds: int | None = None
    """The total of a metric that adds up."""
    seconds_before: int | None = None
    customer_minutes: int | None = None
    customer_minutes_before: int | None = None
    beside: int = 0
    """Cases that are not due yet, and stand beside the share."""
    trend: Table | None = None
    table: Table | None = None

    @property
    def without_failure(self) -> BetweenFailures:
        """The time between failures of a service that had none in the period."""
        return between_failures(self.seconds or 0, 0, 0)

    @property
    def n(self) -> int:
        """How many cases count."""
        if self.summary:
            return self.summary.n
        if self.share:
            return self.share.n
        if self.count:
            return self.count.number
        return sum(one.between.failures for one in self.services)
