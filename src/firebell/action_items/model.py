"""Action items, their events and their questions (pure)."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import IntEnum, StrEnum
from typing import Literal

GRACE_DAYS = 7
"""Number of days after its due day in which an item that is finished still counts as done in time."""


class ItemKind(StrEnum):
    """What an action item does about the next incident of its sort."""

    PREVENT = "prevent"
    DETECT = "detect"
    MITIGATE = "mitigate"
    PROCESS = "process"


class Strength(StrEnum):
    """How strong a measure is, strongest first: what removes the cause beats what reminds a person of it."""

    ELIMINATE = "eliminate"
    AUTOMATE = "automate"
    GUARD = "guard"
    WARN = "warn"
    DOCUMENT = "document"


class Priority(IntEnum):
    """The priority of an item, most urgent first; it sets the default due day."""

    P1 = 1
    P2 = 2
    P3 = 3


class ItemState(StrEnum):
    """The state of an action item."""

    OPEN = "open"
    IN_PROGRESS = "in_progress"
    DONE = "done"
    DROPPED = "dropped"
    DUPLICATE = "duplicate"
    """It is the same as another item, `duplicate_of`."""


UNFINISHED = (ItemState.OPEN, ItemState.IN_PROGRESS)
STATE_NAMES = {
    ItemState.OPEN: "Open",
    ItemState.IN_PROGRESS: "In progress",
    ItemState.DONE: "Done",
    ItemState.DROPPED: "Dropped",
    ItemState.DUPLICATE: "Duplicate",
}
KIND_NAMES = {
    ItemKind.PREVENT: "Prevent",
    ItemKind.DETECT: "Detect",
    ItemKind.MITIGATE: "Mitigate",
    ItemKind.PROCESS: "Process",
}
STRENGTH_NAMES = {
    Strength.ELIMINATE: "Eliminate",
    Strength.AUTOMATE: "Automate",
    Strength.GUARD: "Guard",
    Strength.WARN: "Warn",
    Strength.DOCUMENT: "Document",
}


class EscalatedTo(StrEnum):
    """Who was notified last that an item is overdue, or that no one accepts it."""

    NO_ONE = ""
    LEAD = "lead"
    MANAGER = "manager"


class EvidenceKind(StrEnum):
    """What proves that an item is done."""

    COMMIT = "commit"
    CHANGE = "change"
    RUNBOOK = "runbook"
    GRAPH = "graph"
    DOCUMENT = "document"


@dataclass(frozen=True, slots=True)
class ItemEvidence:
    """One link that proves that an item is done."""

    kind: EvidenceKind
    url: str
    label: str = ""


@dataclass(frozen=True, slots=True)
class ActionItem:
    """One change to make, with its owner and its due day.

    `is_accepted` is False while its owner is only proposed. `done_on` is the day on which it was finished, in the
    time zone of its owner; `moved` is how often its due day was put off, and never falls.
    """

    id: int
    incident_id: int | None
    postmortem_id: int | None
    task_id: int | None
    title: str
    detail: str
    kind: ItemKind
    strength: Strength
    priority: Priority
    owner_id: int | None
    is_accepted: bool
    proposed_at: datetime | None
    team_id: int | None
    due: date
    state: ItemState
    duplicate_of: int | None
    blocked_reason: str
    moved: int
    evidence: tuple[ItemEvidence, ...]
    source_quote: str
    created_at: datetime
    created_by: str
    changed_at: datetime
    done_at: datetime | None
    done_on: date | None
    dropped_reason: str
    risk_accepted_by: str
    escalated_to: EscalatedTo
    escalated_at: datetime | None
    reminded_until: datetime
    version: int

    @property
    def ref(self) -> str:
        """The reference, such as `ACT-7`."""
        return f"ACT-{self.id}"

    @property
    def is_unfinished(self) -> bool:
        """True if it is open or in progress."""
        return self.state in UNFINISHED

    @property
    def lacks_evidence(self) -> bool:
        """True if it was finished without a link that proves it."""
        return self.state is ItemState.DONE and not self.evidence

    def overdue_days(self, today: date) -> int:
        """Return the number of days for which it is overdue, 0 if it is not."""
        return max((today - self.due).days, 0) if self.is_unfinished else 0

    def is_in_grace(self, today: date) -> bool:
        """Return True if it is overdue, and would still count as done in time."""
        return 0 < self.overdue_days(today) <= GRACE_DAYS


@dataclass(frozen=True, slots=True)
class ItemEvent:
    """One change of one field; `via` is app, api, or `tracker:` with the id of a tracker."""

    item_id: int
    seq: int
    at: datetime
    by: str
    field: str
    old: str
    new: str
    note: str
    via: str
    is_conflict: bool = False
    """True if the field changed here and in a tracker at once; `old` is the value that was not kept."""


class PreventionAnswer(StrEnum):
    """Would a finished item have prevented or shortened the incident?"""

    PREVENTED = "prevented"
    SHORTENED = "shortened"
    NO = "no"
    NOT_KNOWN = "not_known"


@dataclass(frozen=True, slots=True)
class Question:
    """The question whether an item that was overdue would have prevented or shortened an incident."""

    incident_id: int
    item_id: int
    reason: Literal["rule", "similar"]
    """Why it is asked: the same alert rule fired, or the incidents are similar."""
    days_overdue: int
    asked_at: datetime
    answer: PreventionAnswer | None
    answered_by: str
    answered_at: datetime | None


class DueFilter(StrEnum):
    """Which due days a list shows."""

    OVERDUE = "overdue"
    WEEK = "week"
    NAMED = "named"
    """Overdue for more than 30 days: named in the weekly digest and the quarterly review."""


WEEK = timedelta(days=7)
NAMED_AFTER = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class ItemFilter:
    """Which items a list shows; an empty field restricts nothing."""

    states: tuple[ItemState, ...] = ()
    owner_id: int | None = None
    is_unowned: bool | None = None
    """True for those without an owner who accepted, False for the others."""
    team_ids: tuple[int, ...] = ()
    incident_id: int | None = None
    kind: ItemKind | None = None
    priority: Priority | None = None
    due: DueFilter | None = None
    done_since: date | None = None
    duplicate_of: int | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class ActionItemChanged:
    """An item was added or changed; `fields` are the names of what changed, joined by commas, `added` if it is new."""

    item_id: int
    incident_id: int | None
    fields: str
    via: str
    by: str = ""
    state: str = ""
