"""On-call workload and pay of a month. Money is `Decimal`, in one currency (ISO 4217)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal

from firebell.oncall.model import Schedule
from firebell.oncall.rota.fairness import HourClass, Load
from firebell.people.model import Person, Team


@dataclass(frozen=True, slots=True)
class Rates:
    """Pay per hour of each class and per shift, and the country of the public holidays.

    `rest_hours` is the time off proposed after a night with a SEV0 or SEV1 page.
    """

    currency: str = "EUR"
    per_hour: Mapping[HourClass, Decimal] = field(default_factory=dict)
    per_shift: Decimal = Decimal(0)
    rest_hours: Decimal = Decimal(4)
    country: str = ""
    subdivision: str = ""

    def of(self, hour_class: HourClass) -> Decimal:
        """Return the rate of a class, 0 if none is set."""
        return self.per_hour.get(hour_class, Decimal(0))

    @property
    def paid(self) -> bool:
        """True if anything is paid at all."""
        return self.per_shift > 0 or any(rate > 0 for rate in self.per_hour.values())


@dataclass(frozen=True, slots=True)
class DatedRates:
    """Rates that apply from a month on (its first day), and who set them when."""

    id: int
    month: date
    rates: Rates
    set_at: datetime
    set_by: str


@dataclass(frozen=True, slots=True)
class RatePeriod:
    """Rates and the month from which others apply: None forever, their own month if they were replaced."""

    dated_rates: DatedRates
    until: date | None

    @property
    def replaced(self) -> bool:
        """True if other rates were set for the same month later."""
        return self.until == self.dated_rates.month

    def holds(self, month: date) -> bool:
        """Return True if these rates apply to a month."""
        return self.dated_rates.month <= month and (self.until is None or month < self.until)


@dataclass(frozen=True, slots=True)
class Line:
    """The hours of one class and their pay."""

    hour_class: HourClass
    length: timedelta
    amount: Decimal


@dataclass(frozen=True, slots=True)
class TimeOff:
    """Time off proposed after a night with a SEV0 or SEV1 page."""

    night: date
    pages: tuple[str, ...]
    severity: int
    hours: Decimal


@dataclass(frozen=True, slots=True)
class Pay:
    """One person's pay for a month; `total` is the sum of the lines and the stipend."""

    lines: tuple[Line, ...]
    shifts: int
    stipend: Decimal
    total: Decimal


@dataclass(frozen=True, slots=True)
class Calls:
    """Distinct high-urgency pages that reached someone on call.

    A page that rings in two nights counts in both; `over` is the number of nights with more than two pages, `by_night`
    has the pages of each night with any. `interrupted_hours` are clock hours in which a page reached them.
    """

    pages: int = 0
    night_pages: int = 0
    worst_night: int = 0
    over: int = 0
    worst_shift: int = 0
    median_shift: float = 0
    by_night: tuple[int, ...] = ()
    interrupted_hours: int = 0
    worst_week_hours: int = 0
    """The most interrupted hours in an ISO week of the month."""
    recent_pages: frozenset[int] = frozenset()
    """The pages of the last four weeks of the month."""
    recent_hours: timedelta = timedelta()
    """The hours on call in these weeks."""
    incidents_per_shift: float = 0
    """The mean number of incidents per 12 hours on call in these weeks."""


@dataclass(frozen=True, slots=True)
class TeamNoise:
    """The urgent pages of a team in a period, and how many of them needed no action."""

    team_id: int
    team: str
    pages: int
    noise: int


@dataclass(frozen=True, slots=True)
class PersonRow:
    """One person's month; `nights` began in it. The comparisons are with everyone who shares the work."""

    person: Person
    load: Load
    nights: int
    calls: Calls
    hours_compared: str
    nights_compared: str


@dataclass(frozen=True, slots=True)
class WorkShare:
    """How people shared one schedule, or all schedules of a team."""

    of: Schedule | Team
    rows: Sequence[PersonRow]


@dataclass(frozen=True, slots=True)
class Earned:
    """One person's row with its pay and proposed time off."""

    row: PersonRow
    pay: Pay
    time_off: tuple[TimeOff, ...]


@dataclass(frozen=True, slots=True)
class WorkloadReport:
    """A month by schedule, by team, and by person over all schedules, in each person's time zone."""

    month: date
    schedules: Sequence[WorkShare]
    teams: Sequence[WorkShare]
    people: Sequence[Earned]
    rates: Rates
    until: datetime
    """Hours are counted up to this instant."""
    dated_rates: DatedRates | None = None
    """The rates of the month; None if none were set by then, and nothing is paid."""
