"""Runs of runbooks, their steps, and the events that both follow from (pure)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

RUN_PARTS = ("Prerequisites", "Steps", "Verification", "Rollback")
"""The parts of a runbook that a run works through; Rollback only on demand."""
FORWARD_PARTS = RUN_PARTS[:3]
"""The parts that a run has to finish to succeed, in their order."""
STEPS = "Steps"
ROLLBACK = "Rollback"
REASON_MIN_CHARS = 3
REASON_MAX_CHARS = 1_000
OUTPUT_MAX_BYTES = 32 * 1024
"""Number of bytes of the head, and of the tail, of an output that are kept."""
EVENTS_PER_REQUEST = 200
EVENTS_PER_RUN = 10_000
HEARTBEAT = timedelta(seconds=60)
"""How often a terminal sends its events, or none, to say that it still works."""


class RunKind(StrEnum):
    """Where a run is worked through: in the browser, or by `firebell runbook run` in a terminal."""

    WEB = "web"
    CLI = "cli"


class RunMode(StrEnum):
    """Whether a person answers between the steps."""

    INTERACTIVE = "interactive"
    UNATTENDED = "unattended"


class RunState(StrEnum):
    """The state of a run; all but running and lost are final."""

    RUNNING = "running"
    LOST = "lost"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    ROLLED_BACK = "rolled_back"
    ROLLBACK_FAILED = "rollback_failed"
    STOPPED = "stopped"


OPEN_STATES = frozenset({RunState.RUNNING, RunState.LOST})


class RunStepState(StrEnum):
    """The state of a step; `unknown` began and was not heard of again."""

    PENDING = "pending"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"
    UNKNOWN = "unknown"


SETTLED = frozenset({RunStepState.DONE, RunStepState.SKIPPED})


class RunEventKind(StrEnum):
    """What happened: `step.` events name a part and a position, `run.` events concern the whole run.

    The server alone records that a run was lost, was heard of again, or was taken over in the browser.
    """

    STEP_STARTED = "step.started"
    STEP_DONE = "step.done"
    STEP_FAILED = "step.failed"
    STEP_SKIPPED = "step.skipped"
    STEP_UNKNOWN = "step.unknown"
    STEP_EDITED = "step.edited"
    RUN_ROLLING_BACK = "run.rolling_back"
    RUN_SUCCEEDED = "run.succeeded"
    RUN_FAILED = "run.failed"
    RUN_ROLLED_BACK = "run.rolled_back"
    RUN_ROLLBACK_FAILED = "run.rollback_failed"
    RUN_STOPPED = "run.stopped"
    RUN_LOST = "run.lost"
    RUN_RETURNED = "run.returned"
    RUN_TAKEN_OVER = "run.taken_over"

    @property
    def is_of_step(self) -> bool:
        """True if it names a step."""
        return self.value.startswith("step.")


SERVER_KINDS = frozenset({RunEventKind.RUN_LOST, RunEventKind.RUN_RETURNED, RunEventKind.RUN_TAKEN_OVER})
"""The kinds that no terminal may send."""
NEEDS_REASON = frozenset({RunEventKind.STEP_SKIPPED})


class Stream(StrEnum):
    """Who numbered an event: the terminal's journal, or the server, for the browser and for itself."""

    CLIENT = "client"
    SERVER = "server"


StepKey = tuple[str, int]
"""Part and position, from 1."""


@dataclass(frozen=True, slots=True)
class RunbookStep:
    """A step as the text of a runbook has it: one command, or text that a person follows.

    `label` is what the text calls it, such as 4 or 4b, `line` that of its code block or text. `fence_sha` is empty
    without a command. `fence_id` and `undo` are the attributes `id=` and `undo=` of the code block.
    """

    part: str
    position: int
    title: str
    label: str = ""
    line: int = 1
    language: str = ""
    fence_sha: str = ""
    fence_id: str = ""
    undo: tuple[str, ...] = ()
    text: str = ""
    """Its Markdown, the command included."""

    @property
    def key(self) -> StepKey:
        """Part and position."""
        return self.part, self.position


@dataclass(frozen=True, slots=True)
class RunEvent:
    """An event of a run; (`stream`, `seq`) is unique in it, and `seq` is the order of the stream."""

    seq: int
    at: datetime
    kind: RunEventKind
    by: str
    by_id: int | None = None
    stream: Stream = Stream.SERVER
    part: str = ""
    position: int = 0
    exit: int | None = None
    ms: int | None = None
    reason: str = ""

    @property
    def key(self) -> StepKey:
        """The step that it is about."""
        return self.part, self.position


@dataclass(frozen=True, slots=True)
class RunStep:
    """A step of a run; `version` counts the events that changed it, `attempts` how often it began.

    `changed_by` and `changed_at` are those of the last event. `order` is its place among the steps that were carried
    out, 0 if it was not. `output_event` is the event whose output belongs to it.
    """

    part: str
    position: int
    title: str
    label: str = ""
    line: int = 1
    fence_sha: str = ""
    fence_id: str = ""
    undo: tuple[str, ...] = ()
    state: RunStepState = RunStepState.PENDING
    version: int = 0
    attempts: int = 0
    from_at: datetime | None = None
    to_at: datetime | None = None
    exit: int | None = None
    ms: int | None = None
    reason: str = ""
    changed_by: str = ""
    changed_at: datetime | None = None
    order: int = 0
    output_event: tuple[Stream, int] | None = None

    @property
    def key(self) -> StepKey:
        """Part and position."""
        return self.part, self.position

    @property
    def is_settled(self) -> bool:
        """True if it is done or skipped."""
        return self.state in SETTLED


@dataclass(frozen=True, slots=True)
class RunProgress:
    """What the events of a run make of it."""

    steps: tuple[RunStep, ...]
    state: RunState = RunState.RUNNING
    is_rolling_back: bool = False
    is_taken_over: bool = False
    ended_at: datetime | None = None
    reason: str = ""

    def step(self, key: StepKey) -> RunStep | None:
        """Return a step, None if the runbook has no such step."""
        return next((step for step in self.steps if step.key == key), None)


@dataclass(frozen=True, slots=True)
class StepOutput:
    """The output of a step as the responder's machine sent it, already redacted: its beginning and its end."""

    head: str
    tail: str = ""
    redacted: int = 0


@dataclass(frozen=True, slots=True)
class RunbookRun:
    """A run; `version` is None for a text that was not the library's when it began.

    `variables` has no value of a secret. `client` is the terminal's name and version, empty in the browser.
    """

    id: int
    slug: str
    title: str
    version: int | None
    sha256: str
    incident_id: int | None
    page_id: int | None
    kind: RunKind
    mode: RunMode
    is_dry: bool
    state: RunState
    is_rolling_back: bool
    is_taken_over: bool
    started_by: str
    started_by_id: int | None
    started_at: datetime
    ended_at: datetime | None
    reason: str
    variables: Mapping[str, str | None] = field(default_factory=dict)
    client: str = ""
    last_seq: int = 0
    heartbeat_at: datetime | None = None

    @property
    def ref(self) -> str:
        """The reference, such as RUN-7."""
        return f"RUN-{self.id}"

    @property
    def is_open(self) -> bool:
        """True if it has not ended."""
        return self.state in OPEN_STATES
