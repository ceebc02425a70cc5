"""Response by severity, the escalation matrix, and the steps that follow from both (spec 4.1 and 4.2)."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

ANSWER_WITHIN = timedelta(minutes=5)
"""How long the commander has to answer before an escalation acts."""
NOT_YET = timedelta(minutes=30)
"""How long “Not yet” postpones an escalation."""


class ResponseGroup(StrEnum):
    """The groups of people that a response can page or brief."""

    COMMANDER = "commander"
    ALL_HANDS = "all_hands"
    MANAGERS = "managers"
    COMMUNICATIONS = "communications"
    SUPPORT = "support"
    EXECUTIVES = "executives"
    LEGAL = "legal"
    SECURITY = "security"


GROUP_NAMES = {
    ResponseGroup.COMMANDER: "Commander",
    ResponseGroup.ALL_HANDS: "All hands",
    ResponseGroup.MANAGERS: "Engineering managers",
    ResponseGroup.COMMUNICATIONS: "Communications",
    ResponseGroup.SUPPORT: "Support",
    ResponseGroup.EXECUTIVES: "Executives",
    ResponseGroup.LEGAL: "Legal",
    ResponseGroup.SECURITY: "Security",
}


class Function(StrEnum):
    """The rows of the shipped escalation matrix; an organization can add rows of its own."""

    COMMAND = "command"
    COMMUNICATIONS = "communications"
    SUPPORT = "support"
    EXECUTIVES = "executives"
    LEGAL = "legal"
    SECURITY = "security"


FUNCTION_NAMES = {
    Function.COMMAND: "Commander chain",
    Function.COMMUNICATIONS: "Communications",
    Function.SUPPORT: "Support",
    Function.EXECUTIVES: "Executives",
    Function.LEGAL: "Legal",
    Function.SECURITY: "Security",
}

NEXT_TIER = "next_tier"
"""The next tier: the next level of the service's policy, then managers, then executives."""
SERVICE_TEAM = "service_team"
"""The team that owns the first service of the incident."""
TARGET_KINDS = ("person", "team", "schedule", "policy")
CHANNEL = "channel"
"""The kind of a target that is a channel of a chat, such as channel:1/C024BE91L; only a step that posts has one."""


class How(StrEnum):
    """What a step does."""

    PAGE = "page"
    BRIEF = "brief"
    POST = "post"
    ASK = "ask"
    TASK = "task"
    QUEUE = "queue"
    REMIND = "remind"


class Audience(StrEnum):
    """Who an update is for; each audience has its own interval."""

    INTERNAL = "internal"
    CUSTOMERS = "customers"


@dataclass(frozen=True, slots=True)
class BusinessHours:
    """Business hours; `days` counts from Monday, 0, and `start` and `end` are minutes of the local day."""

    tz: str = "UTC"
    days: tuple[int, ...] = (0, 1, 2, 3, 4)
    start: int = 9 * 60
    end: int = 17 * 60
    country: str = ""
    """The country whose public holidays are no business days; none if empty."""


@dataclass(frozen=True, slots=True)
class MatrixRow:
    """A row of the escalation matrix: the key that its steps name, and what people read."""

    key: str
    name: str


SHIPPED_ROWS = tuple(MatrixRow(str(function), name) for function, name in FUNCTION_NAMES.items())


@dataclass(frozen=True, slots=True)
class MatrixStep:
    """A step of the escalation matrix, `after` minutes from the declaration or the last raise."""

    after: int
    function: str
    """The key of its row."""
    how: How
    who: str
    """A group, `next_tier`, `service_team`, or a target such as person:5; of a step that posts, a channel."""


@dataclass(frozen=True, slots=True)
class SeverityResponse:
    """What one severity starts. SEV0 and SEV1 always page the service's policy too."""

    page: tuple[str, ...] = ()
    brief: tuple[str, ...] = ()
    any_hour: bool = True
    """False if pages and briefs wait for business hours."""
    off_hours_levels: bool = False
    """True if the first two levels of the service's policy are paged together outside business hours."""
    task: bool = False
    """True if the incident is a task for the next business day."""
    queue: bool = False
    customers_every: int | None = None
    """Minutes between updates for customers; None for never."""
    matrix: tuple[MatrixStep, ...] = ()


@dataclass(frozen=True, slots=True)
class ResponseSettings:
    """How the organization responds to each severity, in one version; version 0 is the shipped one."""

    version: int
    hours: BusinessHours
    groups: dict[ResponseGroup, tuple[str, ...]]
    """The targets of each group, such as schedule:3."""
    severities: tuple[SeverityResponse, SeverityResponse, SeverityResponse, SeverityResponse]
    executives_wait: int = 5
    """Minutes for which a SEV0 that is not confirmed keeps executives asleep."""
    rows: tuple[MatrixRow, ...] = SHIPPED_ROWS
    """The rows of the escalation matrix, in the order in which they are shown."""


@dataclass(frozen=True, slots=True)
class AppliedVersion:
    """Who applied a version, and when."""

    version: int
    applied_at: datetime
    actor: str


@dataclass(frozen=True, slots=True)
class StepState:
    """What happened to a step so far."""

    asked_at: datetime | None = None
    not_before: datetime | None = None
    acted_at: datetime | None = None
    actor: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ResponseStep:
    """Something that a response does at `at`; with `ask_at` the commander is asked first."""

    key: str
    at: datetime
    how: How
    who: str
    code: str
    """Why: declared, matrix, E1 to E8, or update."""
    text: str
    ask_at: datetime | None = None
    function: str | None = None
    """The key of its row in the escalation matrix."""


@dataclass(frozen=True, slots=True)
class ResponsePage:
    """A page of a response; `target` is such as schedule:3."""

    page_id: int
    who: str
    target: str
    person_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ResponsePost:
    """A message that a step of the matrix asked for in a channel of a chat."""

    id: int
    account_id: int
    channel: str
    reason: str


@dataclass(frozen=True, slots=True)
class ExpertiseRequest:
    """A request for a subject matter expert."""

    id: int
    need: str
    requested_at: datetime
    answered_at: datetime | None


@dataclass(frozen=True, slots=True)
class IncidentResponse:
    """The response of one incident: its version, and what people promised and confirmed."""

    incident_id: int
    version: int
    provisional: bool
    """True if the severity was not confirmed when the incident was declared."""
    confirmed_at: datetime | None
    reopened_at: datetime | None
    customers_at: datetime | None
    customers_promised_until: datetime | None


@dataclass(frozen=True, slots=True)
class RunningClock:
    """A regulatory clock that runs, for E8."""

    id: str
    starts_at: datetime
    due_at: datetime


@dataclass(frozen=True, slots=True)
class ResponseFacts:
    """What the steps of an incident follow from."""

    severity: int
    declared_at: datetime
    since: datetime
    """When it was declared, reopened, or its severity was last raised."""
    reopens: int = 0
    is_open: bool = True
    is_active: bool = True
    """False in monitoring and later: nothing escalates anymore."""
    provisional: bool = False
    confirmed_at: datetime | None = None
    is_security: bool = False
    raised_at: datetime | None = None
    progress_at: datetime | None = None
    missing_roles: tuple[str, ...] = ()
    commander_since: tuple[int, datetime] | None = None
    """The commander and since when."""
    update_due: datetime | None = None
    update_from: datetime | None = None
    customers_due: datetime | None = None
    customers_from: datetime | None = None
    requests: tuple[ExpertiseRequest, ...] = ()
    clocks: tuple[RunningClock, ...] = ()
    states: dict[str, StepState] = field(default_factory=dict)
