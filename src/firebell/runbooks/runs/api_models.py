"""What the API of runs takes and returns."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Self

from pydantic import ConfigDict, Field

from firebell.kit.web.api import ApiInput, ApiOutput, Instant, StrictBool, StrictInt, Text
from firebell.runbooks.actions import BODY_MAX_CHARS
from firebell.runbooks.runs.model import (
    EVENTS_PER_REQUEST,
    EVENTS_PER_RUN,
    OUTPUT_MAX_BYTES,
    REASON_MAX_CHARS,
    SERVER_KINDS,
    RunbookRun,
    RunEventKind,
    RunKind,
    RunMode,
    RunState,
    RunStep,
    RunStepState,
)

VARIABLES_MAX = 100
VALUE_MAX_CHARS = 1_024
_SLUG_MAX_CHARS = 100
_CLIENT_MAX_CHARS = 200
_EXIT_MAX = 2**31 - 1
_MS_MAX = 7 * 24 * 3_600_000
Sha256 = Annotated[Text, Field(json_schema_extra={"pattern": "^[0-9a-f]{64}$"}, max_length=64)]
Output = Annotated[Text, Field(max_length=OUTPUT_MAX_BYTES)]
PartName = Annotated[Text, Field(max_length=40, examples=["Steps"])]


class NewRun(ApiInput):
    """A run to start, or the one that `client_id` has started already.

    `vars` are the values by name, null for a secret. `body` is required for a text that the library does not have
    now: a file, or a version that was replaced. Give an incident or a page, or neither.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "client_id": "9b2f7a52-0c3b-4f0e-9d5d-6f1c7a0b8e11",
                    "slug": "database-failover",
                    "sha256": "0" * 64,
                    "incident": "INC-3",
                    "vars": {"CLUSTER": "orders", "NEW_DSN": None},
                    "client": "firebell 0.2.0",
                }
            ]
        }
    )

    client_id: Annotated[
        Text, Field(max_length=36, description="a UUID of the client, which makes the request idempotent")
    ]
    slug: Annotated[Text, Field(min_length=1, max_length=_SLUG_MAX_CHARS)]
    sha256: Annotated[Sha256, Field(description="of the UTF-8 of the text that is run")]
    body: Annotated[Text | None, Field(max_length=BODY_MAX_CHARS)] = None
    incident: Annotated[Text | None, Field(max_length=40, examples=["INC-3"])] = None
    page: Annotated[Text | None, Field(max_length=40, examples=["PG-7"])] = None
    mode: RunMode = RunMode.INTERACTIVE
    dry: StrictBool = False
    vars: Annotated[
        dict[
            Annotated[Text, Field(pattern=r"^[A-Z][A-Z0-9_]{0,63}$")],
            Annotated[Text, Field(max_length=VALUE_MAX_CHARS)] | None,
        ],
        Field(max_length=VARIABLES_MAX, description="without the values of secrets, which are null"),
    ] = Field(default_factory=dict)
    client: Annotated[Text, Field(max_length=_CLIENT_MAX_CHARS)] = ""
    started_at: Annotated[
        Instant | None, Field(description="when it began, if it is reported later; now without it")
    ] = None


class NewRunEvent(ApiInput):
    """An event of a terminal's journal.

    `step.` events name part and position. `step.skipped`, and `step.done` after `step.failed` or `step.unknown`
    without an exit code, have a reason. `step.edited` has the diff as reason. `head` and `tail` are the beginning and
    the end of the output, already redacted.
    """

    seq: Annotated[StrictInt, Field(ge=1, le=EVENTS_PER_RUN)]
    at: Annotated[Instant, Field(description="when it happened, by the clock of the terminal")]
    kind: Annotated[
        RunEventKind, Field(description=f"not {', '.join(sorted(SERVER_KINDS))}, which are the server's")
    ]
    part: PartName | None = None
    position: Annotated[StrictInt | None, Field(ge=1, le=EVENTS_PER_RUN)] = None
    exit: Annotated[StrictInt | None, Field(ge=-_EXIT_MAX, le=_EXIT_MAX)] = None
    ms: Annotated[StrictInt | None, Field(ge=0, le=_MS_MAX)] = None
    head: Output | None = None
    tail: Output | None = None
    redacted: Annotated[StrictInt, Field(ge=0, le=1_000_000, description="number of values replaced")] = 0
    reason: Annotated[Text, Field(max_length=REASON_MAX_CHARS)] = ""


class NewRunEvents(ApiInput):
    """Events of a journal in any order, at most 200; none is a heartbeat. Idempotent by `seq`."""

    events: Annotated[list[NewRunEvent], Field(max_length=EVENTS_PER_REQUEST)]


class EventsStored(ApiOutput):
    """What the server has of a run.

    `last_seq` is the highest number up to which it has every event. After `taken_over`, someone continues in the
    browser; the terminal should stop and ask.
    """

    last_seq: int
    state: RunState
    taken_over: bool


class StepChangeKind(StrEnum):
    """What someone does with a step."""

    START = "start"
    DONE = "done"
    FAIL = "fail"
    SKIP = "skip"


class StepChange(ApiInput):
    """A change of a step in the browser or by a program, at the version at which it was read."""

    version: Annotated[StrictInt, Field(ge=0, le=EVENTS_PER_RUN)]
    reason: Annotated[Text, Field(max_length=REASON_MAX_CHARS)] = ""


class RunReason(ApiInput):
    """Why a run is stopped or rolled back."""

    reason: Annotated[Text, Field(max_length=REASON_MAX_CHARS)] = ""


class RunStepShown(ApiOutput):
    """A step of a run; `head` and `tail` of its output are kept for 90 days."""

    part: str
    position: int
    label: str
    title: str
    line: Annotated[int, Field(description="of its command or text, in the runbook")]
    fence_sha: Annotated[str, Field(description="SHA-256 of its command, empty without one")]
    state: RunStepState
    version: int
    attempts: int
    from_at: datetime | None
    to_at: datetime | None
    exit: int | None
    ms: int | None
    reason: str
    changed_by: str
    changed_at: datetime | None
    head: str | None = None
    tail: str | None = None
    redacted: int = 0


class RunShown(ApiOutput):
    """A run without its steps; `version` is null for a text that the library did not have."""

    ref: Annotated[str, Field(examples=["RUN-7"])]
    slug: str
    title: str
    version: int | None
    sha256: str
    incident: Annotated[str | None, Field(examples=["INC-3"])]
    page: Annotated[str | None, Field(examples=["PG-7"])]
    kind: RunKind
    mode: RunMode
    dry: bool
    state: RunState
    rolling_back: bool
    taken_over: bool
    started_by: str
    started_at: datetime
    ended_at: datetime | None
    reason: str
    vars: dict[str, str | None]
    client: str
    last_seq: int
    heartbeat_at: datetime | None

    @classmethod
    def of_run(cls, run: RunbookRun, **more: object) -> Self:
        """Return a run as the API shows it."""
        names = (
            *(
                "ref",
                "slug",
                "title",
                "version",
                "sha256",
                "kind",
                "mode",
                "state",
                "started_by",
                "started_at",
            ),
            *("ended_at", "reason", "client", "last_seq", "heartbeat_at"),
        )
        return cls.model_validate(
            {
                **{name: getattr(run, name) for name in names},
                "incident": f"INC-{run.incident_id}" if run.incident_id else None,
                "page": f"PG-{run.page_id}" if run.page_id else None,
                "dry": run.is_dry,
                "rolling_back": run.is_rolling_back,
                "taken_over": run.is_taken_over,
                "vars": dict(run.variables),
                **more,
            }
        )


class RunFindingShown(ApiOutput):
    """A finding about a run, such as R-UNVERIFIED."""

    id: str
    level: str
    message: str
    fix: str


class RunDetail(RunShown):
    """A run with its steps, in the order of the parts, and its findings.

    `usual_s` is the median duration of earlier runs that succeeded, null with none. `newer_version` is set if the
    library has another text now; the run keeps its own.
    """

    steps: list[RunStepShown]
    findings: list[RunFindingShown]
    usual_s: int | None
    newer_version: int | None


def step_shown(step: RunStep, **output: object) -> RunStepShown:
    """Return a step as the API shows it, with its output."""
    names = [name for name in RunStepShown.model_fields if name not in ("head", "tail", "redacted")]
    return RunStepShown.model_validate({**{n: getattr(step, n) for n in names}, **output})
