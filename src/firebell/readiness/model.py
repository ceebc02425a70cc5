"""The items of the implementation checklist, their conditions and states (spec 11.14)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum


class ItemState(StrEnum):
    """The state of an item; no route sets it."""

    MET = "met"
    EXPIRING = "expiring"
    MISSING = "missing"
    WAIVED = "waived"


PHASES = (
    (1, "Week 1: foundations"),
    (2, "Weeks 2–3: practice"),
    (3, "Weeks 4+: learning"),
    (4, "Months 3–6: automation"),
)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """One item of the checklist: `link` is where people make it true, `minutes` about how long that takes."""

    id: str
    name: str
    link: str
    action: str
    minutes: int

    @property
    def phase(self) -> int:
        """The phase, 1 to 4."""
        return int(self.id[0])


CHECKPOINTS = (
    Checkpoint("1.1", "Severity levels", "/incidents/new", "Declare with the questions", 10),
    Checkpoint("1.2", "Alert platform", "/services", "Connect a source", 15),
    Checkpoint("1.3", "Rotation", "/oncall", "Open on-call", 30),
    Checkpoint("1.4", "Incident channel", "/settings/chat", "Connect a chat", 20),
    Checkpoint("2.1", "Five runbooks", "/runbooks", "Open runbooks", 60),
    Checkpoint("2.2", "Status page", "/status-pages", "Open status pages", 30),
    Checkpoint("2.3", "Trained team", "/drills/new", "Plan a drill", 90),
    Checkpoint("2.4", "Tabletop", "/drills/new?scenario=export-in-a-public-bucket", "Plan a tabletop", 90),
    Checkpoint("3.1", "First post-mortem", "/post-mortems", "Open post-mortems", 120),
    Checkpoint("3.2", "Post-mortem cadence", "/post-mortems", "Open post-mortems", 120),
    Checkpoint("3.3", "Dashboards", "/metrics", "Open metrics", 30),
    Checkpoint("3.4", "Actions in planning", "/actions", "Open action items", 30),
    Checkpoint("4.1", "Automatic declaration", "/settings/response", "Add a rule", 15),
    Checkpoint("4.2", "Runbook automation", "/runbooks", "Choose a runbook", 15),
    Checkpoint("4.3", "Monthly drills", "/drills/new", "Plan a game day", 60),
    Checkpoint("4.4", "Quarterly reviews", "/readiness/quarters", "Sign a quarter", 90),
)
BY_ID = {checkpoint.id: checkpoint for checkpoint in CHECKPOINTS}


@dataclass(frozen=True, slots=True)
class Evidence:
    """A stored row that proves something; that of an incident is shown only to its readers."""

    text: str
    link: str = ""
    at: datetime | None = None
    incident_id: int | None = None


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition of an item: what there is, what is needed, and until when it holds.

    Its texts read well together as `shortfall`: `text` is a noun phrase, `have` and `need` say how many or which.
    `window` is how long its proof counts; `until` is None for a condition that holds until something changes.
    """

    text: str
    have: str
    need: str
    ok: bool
    link: str = ""
    until: datetime | None = None
    window: timedelta | None = None

    @property
    def shortfall(self) -> str:
        """What there is and what is needed, in one phrase."""
        return f"{self.text}: {self.have}, needs {self.need}"


@dataclass(frozen=True, slots=True)
class Waiver:
    """The decision that an item does not count for now."""

    id: int
    item_id: str
    reason: str
    actor: str
    by_id: int | None
    at: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Item:
    """An item as assessed; `valid_until` is when it would be missing, None if it is missing or nothing expires."""

    checkpoint: Checkpoint
    state: ItemState
    conditions: Sequence[Condition]
    evidence: Sequence[Evidence]
    valid_until: datetime | None
    waiver: Waiver | None
    since: date | None = None

    @property
    def id(self) -> str:
        """The id, such as 1.3."""
        return self.checkpoint.id

    @property
    def share(self) -> float:
        """The share of the item that counts: 1 if it is met, else half of the share of its conditions."""
        if self.state in (ItemState.MET, ItemState.EXPIRING):
            return 1.0
        if not self.conditions:
            return 0.0
        return 0.5 * sum(condition.ok for condition in self.conditions) / len(self.conditions)

    @property
    def lacks(self) -> Condition | None:
        """The first condition that is not met."""
        return next((condition for condition in self.conditions if not condition.ok), None)

    @property
    def first_to_expire(self) -> Condition | None:
        """The condition that ends first."""
        timed = [(c.until, place) for place, c in enumerate(self.conditions) if c.until is not None]
        return self.conditions[min(timed)[1]] if timed else None


@dataclass(frozen=True, slots=True)
class Assessment:
    """All items, with the score from 0 to 100; waived items are outside the score."""

    items: Sequence[Item]
    score: int

    def count(self, state: ItemState) -> int:
        """Return how many items are in a state."""
        return sum(item.state is state for item in self.items)

    @property
    def next_item(self) -> Item | None:
        """The missing item that takes the least time, None if nothing is missing."""
        missing = [item for item in self.items if item.state is ItemState.MISSING]
        return min(missing, key=lambda item: (item.checkpoint.minutes, item.id), default=None)


@dataclass(frozen=True, slots=True)
class ReadinessDay:
    """The assessment of one day."""

    day: date
    score: int
    states: dict[str, str]
    missing: dict[str, str]
