"""What people carried in a month, and what it is paid. Money is `Decimal`, in one currency (ISO 4217)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal

from firebell.oncall.model import Schedule
from firebell.oncall.rota.fairness import HourClass, Load
from firebell.people.model import Person, Team


@dataclass(frozen=True, slots=True)
class Rates:
    """What an hour of each class and a shift are paid, where holidays are kept, and the rest after a night.

    `rest_hours` is what is proposed off after a night in which a SEV0 or SEV1 called somebody.
    """

    currency: str = "EUR"
    per_hour: Mapping[HourClass, Decimal] = field(default_factory=dict)
    per_shift: Decimal = Decimal(0)
    rest_hours: Decimal = Decimal(4)
    country: str = ""
    subdivision: str = ""

    def of(self, hour_class: HourClass) -> Decimal:
        """Return the rate of a class, 0 when none is set."""
        return self.per_hour.get(hour_class, Decimal(0))

    @property
    def paid(self) -> bool:
        """Whether anything is paid at all."""
        return self.per_shift > 0 or any(rate > 0 for rate in self.per_hour.values())


@dataclass(frozen=True, slots=True)
class Kept:
    """Rates that hold from a month on, given by its first day, and who set them when."""

    id: int
    month: date
    rates: Rates
    set_at: datetime
    set_by: str


@dataclass(frozen=True, slots=True)
class Term:
    """Rates with the month from which others hold: None for ever, their own when they were replaced at once."""

    kept: Kept
    until: date | None

    @property
    def replaced(self) -> bool:
        """Whether other rates were set for the same month later."""
        return self.until == self.kept.month

    def holds(self, month: date) -> bool:
        """Say whether they are the rates of a month."""
        return self.kept.month <= month and (self.until is None or month < self.until)


@dataclass(frozen=True, slots=True)
class Line:
    """What the hours of one class come to."""

    hour_class: HourClass
    length: timedelta
    amount: Decimal


@dataclass(frozen=True, slots=True)
class TimeOff:
    """A proposal: somebody was called at night by a SEV0 or SEV1."""

    night: date
    pages: tuple[str, ...]
    severity: int
    hours: Decimal


@dataclass(frozen=True, slots=True)
class Pay:
    """What one person is owed for a month; `total` is the sum of the lines and the stipend."""

    lines: tuple[Line, ...]
    shifts: int
    stipend: Decimal
    total: Decimal


@dataclass(frozen=True, slots=True)
class Calls:
    """Distinct urgent pages that reached somebody on duty.

    A page that calls in two nights counts in both; `over` is how many nights had more than two.
    """

    pages: int = 0
    night_pages: int = 0
    worst_night: int = 0
    over: int = 0
    worst_shift: int = 0
    median_shift: float = 0


@dataclass(frozen=True, slots=True)
class Row:
    """One person's month; `nights` are those that began in it. The comparisons are with who shares it."""

    person: Person
    load: Load
    nights: int
    calls: Calls
    hours_compared: str
    nights_compared: str


@dataclass(frozen=True, slots=True)
class Share:
    """How one schedule, or all schedules of a team, were shared."""

    of: Schedule | Team
    rows: Sequence[Row]


@dataclass(frozen=True, slots=True)
class Earned:
    """One person's row with what it is paid and the time off that is proposed."""

    row: Row
    pay: Pay
    time_off: tuple[TimeOff, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """A month: by schedule, by team, and by person over all schedules. Each in the person's own zone."""

    month: date
    schedules: Sequence[Share]
    teams: Sequence[Share]
    people: Sequence[Earned]
    rates: Rates
    until: datetime
    """Up to when hours are counted: later ones have not come yet."""
    kept: Kept | None = None
    """The set of rates that holds in the month; None when none was set by then, and nothing is paid."""
