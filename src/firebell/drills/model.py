"""Drills: a scenario with injects and expectations, who takes part, and what happened."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from firebell.incidents.model import ROLE_NAMES, IncidentRole
from firebell.kit.intervals import Interval


class DrillKind(StrEnum):
    """A game day pages volunteers; a tabletop is talked through and pages no one."""

    GAME_DAY = "game_day"
    TABLETOP = "tabletop"


class DrillState(StrEnum):
    """The state of a drill."""

    PLANNED = "planned"
    RUNNING = "running"
    PAUSED = "paused"
    FINISHED = "finished"
    CANCELED = "canceled"


UNDER_WAY = (DrillState.RUNNING, DrillState.PAUSED)
KIND_NAMES = {DrillKind.GAME_DAY: "Game day", DrillKind.TABLETOP: "Tabletop"}
STATE_NAMES = {
    DrillState.PLANNED: "Planned",
    DrillState.RUNNING: "Running",
    DrillState.PAUSED: "Paused",
    DrillState.FINISHED: "Finished",
    DrillState.CANCELED: "Canceled",
}


class InjectKind(StrEnum):
    """What an inject does."""

    ALERT = "alert"
    RESOLVE = "resolve"
    MESSAGE = "message"
    QUESTION = "question"
    COMPLICATION = "complication"
    CHANGE_EVENT = "change_event"
    PERSON_AWAY = "person_away"
    CHANNEL_DOWN = "channel_down"


ANSWERABLE = (InjectKind.MESSAGE, InjectKind.QUESTION)
"""The kinds of injects that players answer."""


class ExpectedEvent(StrEnum):
    """What players are expected to do; `observed` is decided by the facilitator."""

    PAGE_ACKED = "page_acked"
    DECLARED = "declared"
    UPDATE_POSTED = "update_posted"
    ROLE_TAKEN = "role_taken"
    PHASE = "phase"
    ANSWERED = "answered"
    DRAFT_POSTED = "draft_posted"
    PRIVATE = "private"
    OBSERVED = "observed"


class TrayTarget(StrEnum):
    """Where a text would have gone if the drill were real."""

    STATUS_PAGE = "status_page"
    EMAIL = "email"
    REGULATOR = "regulator"
    PRESS = "press"
    TRACKER = "tracker"


TRAY_NAMES = {
    TrayTarget.STATUS_PAGE: "Status page",
    TrayTarget.EMAIL: "Email to customers",
    TrayTarget.REGULATOR: "Regulator",
    TrayTarget.PRESS: "Press",
    TrayTarget.TRACKER: "Tracker",
}


@dataclass(frozen=True, slots=True)
class Inject:
    """One thing that happens to the players: `at_s` after the start, or `after_s` after `when` first happens.

    Times are in drill time, in seconds.
    """

    id: str
    kind: InjectKind
    text: str
    at_s: int | None = None
    when: str = ""
    after_s: int = 0
    sender: str = ""
    to: str = ""
    service: str = ""
    severity: str = ""
    ref: str = ""
    labels: tuple[tuple[str, str], ...] = ()

    @property
    def title(self) -> str:
        """The inject in one line, as the facilitator reads it."""
        match self.kind:
            case InjectKind.ALERT:
                return f"Alert: {self.text}"
            case InjectKind.RESOLVE:
                return f"The alert of {self.ref} is resolved"
            case InjectKind.MESSAGE:
                return f"{self.sender.capitalize()}: {self.text}"
            case InjectKind.PERSON_AWAY:
                return f"{ROLE_NAMES[IncidentRole(self.to)]} is away: {self.text}"
            case _:
                return self.text


@dataclass(frozen=True, slots=True)
class Expectation:
    """What the players are expected to do, and how much it counts.

    It is either an event, within a time or at an interval in drill time, or a process check that finds something
    (or, with `absent`, finds nothing).
    """

    id: str
    weight: int
    event: ExpectedEvent | None = None
    within_s: int | None = None
    every_s: int | None = None
    of: str = ""
    severity: int | None = None
    role: str = ""
    phase: str = ""
    target: str = ""
    text: str = ""
    check: str = ""
    absent: bool = False


@dataclass(frozen=True, slots=True)
class Scenario:
    """A scenario file that was read without a problem."""

    slug: str
    title: str
    kind: DrillKind
    minutes: int
    speed: int
    incident_type: str
    private: bool
    roles: tuple[str, ...]
    services: tuple[str, ...]
    runbook: str
    allow_commands: bool
    injects: tuple[Inject, ...]
    expectations: tuple[Expectation, ...]
    debrief: tuple[str, ...]

    def inject(self, inject_id: str) -> Inject | None:
        """Return an inject by its id, None if there is none."""
        return next((inject for inject in self.injects if inject.id == inject_id), None)


@dataclass(frozen=True, slots=True)
class Drill:
    """A drill; `scenario_text` is the file as it was when the drill was planned.

    `pauses` are those that ended. `earned` and `possible` are weights, `results` and `findings` what the score was
    made of; all are of a finished drill.
    """

    id: int
    slug: str
    title: str
    kind: DrillKind
    scenario_text: str
    minutes: int
    speed: int
    state: DrillState
    team_id: int | None
    service_id: int | None
    facilitator_id: int
    planned_for: datetime
    started_at: datetime | None
    paused_at: datetime | None
    pauses: tuple[Interval, ...]
    pause_reason: str
    finished_at: datetime | None
    incident_id: int | None
    earned: float | None
    possible: float | None
    results: list[dict[str, object]]
    findings: list[dict[str, object]]
    created_at: datetime
    version: int

    @property
    def ref(self) -> str:
        """The reference, such as DRILL-7."""
        return f"DRILL-{self.id}"

    @property
    def score(self) -> int | None:
        """The score of a finished drill in percent; None without an expectation that could be decided."""
        if not self.possible or self.earned is None:
            return None
        return round(100 * self.earned / self.possible)


@dataclass(frozen=True, slots=True)
class Participant:
    """A person who is asked to take part; only those who accepted can be reached by the drill."""

    drill_id: int
    person_id: int
    state: str
    """invited, accepted or declined."""
    night_ok: bool
    is_away: bool
    attended: bool


@dataclass(frozen=True, slots=True)
class DeliveredInject:
    """An inject that was delivered or skipped; `elapsed_s` is its drill time, `note` what came of it."""

    inject_id: str
    skipped: bool
    at: datetime
    elapsed_s: float
    page_id: int | None
    note: str
    answer: str
    answered_s: float | None
    answered_by: int | None


@dataclass(frozen=True, slots=True)
class Observation:
    """What a facilitator noted; only facilitators read it before the debrief."""

    id: int
    elapsed_s: float
    actor: str
    text: str


@dataclass(frozen=True, slots=True)
class TrayPost:
    """A text that would have left Firebell; it stays here."""

    id: int
    elapsed_s: float
    target: TrayTarget
    text: str
    actor: str
    person_id: int | None


@dataclass(frozen=True, slots=True)
class Record:
    """Everything that happened in a drill."""

    participants: tuple[Participant, ...]
    delivered: tuple[DeliveredInject, ...]
    observations: tuple[Observation, ...]
    tray: tuple[TrayPost, ...]
    verdicts: dict[str, bool]
    """What the facilitator decided about expectations, by their id."""
