"""Regimes with their obligations, the facts that people record, and the clocks that follow from both."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from enum import StrEnum

SUBMITTED = "submitted:"
"""Prefix of the fact that the notification of an obligation was sent, and when."""
STOPPED = "stopped:"
"""Prefix of the fact that a person stopped the clock of an obligation, and why."""
CONTRACT = "contract"
"""The id of the regime of customer contracts, which the organization enters itself."""


class Unit(StrEnum):
    """The unit of a time limit."""

    HOURS = "hours"
    DAYS = "days"
    BUSINESS_DAYS = "business_days"
    MONTHS = "months"


@dataclass(frozen=True, slots=True)
class Limit:
    """A time limit: `amount` units after a fact (spec 4.3).

    Hours are elapsed time. All others end on a day in the authority's time zone: at `at`, else at its end.
    """

    after: str
    """The fact it starts on, or `submitted:` with the id of an earlier obligation."""
    amount: int
    unit: Unit
    at: time | None = None
    from_year_end: bool = False
    """True if it starts at the end of the calendar year of the fact."""
    void_if_later: str = ""
    """A fact: if it is later than the end of this limit, the limit does not apply."""


@dataclass(frozen=True, slots=True)
class Obligation:
    """One notification that a regime requires; `id` never changes its meaning."""

    id: str
    article: str
    title: str
    recipient: str
    limits: tuple[Limit, ...]
    """Its time limits; the earliest end counts."""
    applies_if: tuple[str, ...] = ()
    """The decisions that must all be yes."""
    unless: tuple[str, ...] = ()
    """The decisions of which none may be yes."""
    is_prompt: bool = False
    """True if the law only says "without undue delay", and the limit is a default of Firebell."""
    note: str = ""
    checked: str = ""
    """What the time limit was checked against; empty if it is not verified."""


@dataclass(frozen=True, slots=True)
class Regime:
    """A law, a rule or a contract with its obligations, as of `version`."""

    id: str
    name: str
    jurisdiction: str
    scope: str
    source: str
    version: date
    review_by: date
    is_on: bool
    """Whether it applies to an organization that has not decided."""
    tz: str
    obligations: tuple[Obligation, ...]
    holidays: str = ""
    """The country whose public holidays are no business days, such as US or GB-ENG; empty for none."""
    authority: str = ""
    """The recipient that the organization's own authority replaces."""
    in_force: date | None = None
    """The first day of the regime; a clock that would start earlier does not apply."""
    register: str = ""
    """What must be documented, whether it is notified or not."""
    notes: tuple[str, ...] = ()


class FactType(StrEnum):
    """A fact is a point in time, a decision, or a time that the incident itself has."""

    TIME = "time"
    DECISION = "decision"
    INCIDENT = "incident"


@dataclass(frozen=True, slots=True)
class FactDefinition:
    """A fact that clocks depend on. A `TIME` without a record is the detection of the incident if `has_default`."""

    id: str
    type: FactType
    label: str
    hint: str = ""
    has_default: bool = False


class Answer(StrEnum):
    """What a person recorded: yes at a time, no, or not known."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class FactRecord:
    """One record of a fact. The latest record of a fact counts; earlier ones are kept."""

    id: int
    fact: str
    answer: Answer
    effective_at: datetime | None
    reason: str
    recorded_at: datetime
    recorded_by: int | None
    actor: str


@dataclass(frozen=True, slots=True)
class IncidentFacts:
    """What is known about an incident: its own times, and the recorded facts, oldest first."""

    detected_at: datetime
    declared_at: datetime
    records: tuple[FactRecord, ...] = ()
    is_drill: bool = False
    is_dismissed: bool = False


@dataclass(frozen=True, slots=True)
class RegimeSettings:
    """How a regime applies to the organization; empty values mean those of the regime."""

    is_on: bool
    authority: str = ""
    tz: str = ""
    responsible_id: int | None = None


@dataclass(frozen=True, slots=True)
class AppliedRegime:
    """A regime that the organization has on, with its settings."""

    regime: Regime
    settings: RegimeSettings

    @property
    def tz(self) -> str:
        """The time zone in which days end."""
        return self.settings.tz or self.regime.tz


@dataclass(frozen=True, slots=True)
class Contract:
    """A customer contract that requires a notice of incidents up to a severity (0 is the worst)."""

    id: int
    customer: str
    clause: str
    amount: int
    unit: Unit
    starts_on: str
    max_severity: int
    tz: str
    created_at: datetime
    ended_at: datetime | None = None

    @property
    def obligation_id(self) -> str:
        """The id of its obligation, such as CONTRACT-3."""
        return f"CONTRACT-{self.id}"

    @property
    def fact(self) -> str:
        """The decision that the contract applies to an incident."""
        return f"{CONTRACT}:{self.id}"


class State(StrEnum):
    """The state of a clock (spec 4.3)."""

    RUNNING = "running"
    DUE_SOON = "due_soon"
    OVERDUE = "overdue"
    UNDECIDED = "undecided"
    WAITING = "waiting"
    """It starts with an earlier submission or another fact to come, or depends on another decision first."""
    MET = "met"
    LATE = "late"
    """It was submitted after its due time."""
    NOT_APPLICABLE = "not_applicable"
    STOPPED = "stopped"


ACTIVE = frozenset({State.RUNNING, State.DUE_SOON, State.OVERDUE})
"""The states in which a notification is owed."""


@dataclass(frozen=True, slots=True)
class Start:
    """The fact a clock runs from; `is_default` means that no person recorded it."""

    fact: str
    at: datetime
    is_default: bool
    actor: str = ""


@dataclass(frozen=True, slots=True)
class Clock:
    """One obligation in one incident: its state, and the due time that follows from the facts."""

    obligation: Obligation
    applied: AppliedRegime
    state: State
    due_at: datetime | None = None
    """When it is due, inclusive; of an undecided clock, when it would be due if the answer is yes."""
    start: Start | None = None
    earlier_due_at: datetime | None = None
    """An earlier due time that followed from facts that were changed since."""
    missing: tuple[str, ...] = ()
    """The facts that would decide or start it."""
    excluded_by: str = ""
    """The decision because of which it does not apply."""
    record: FactRecord | None = None
    """The record of its submission, or of why it was stopped."""

    @property
    def id(self) -> str:
        """The id of the obligation, such as GDPR-33."""
        return self.obligation.id

    @property
    def recipient(self) -> str:
        """Who is to be notified: the organization's own authority where the regime means it."""
        is_authority = self.obligation.recipient == self.applied.regime.authority
        return (self.applied.settings.authority if is_authority else "") or self.obligation.recipient

    def elapsed_percent(self, now: datetime) -> int:
        """Return how much of the time has passed, from 0 to 100."""
        if self.start is None or self.due_at is None:
            return 0
        end = self.record.effective_at if self.record and self.record.effective_at else now
        total = (self.due_at - self.start.at).total_seconds()
        return (
            100 if total <= 0 else max(0, min(100, int(100 * (end - self.start.at).total_seconds() / total)))
        )


@dataclass(frozen=True, slots=True)
class Catalog:
    """All shipped regimes and fact definitions, by id."""

    regimes: Mapping[str, Regime] = field(default_factory=dict)
    facts: Mapping[str, FactDefinition] = field(default_factory=dict)
