"""Copies of a status page elsewhere, the queue of what is sent to them, and what is different there (pure)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from firebell.kit.intervals import Interval
from firebell.status_pages.maintenance_windows.model import MaintenanceStage
from firebell.status_pages.model import ComponentStatus, Stage

PostStage = Stage | MaintenanceStage
"""The stage of what is copied: of an incident, or of maintenance."""


class Provider(StrEnum):
    """Where a copy is."""

    STATUSPAGE = "statuspage"
    INSTATUS = "instatus"


PROVIDER_LABELS = {Provider.STATUSPAGE: "Statuspage", Provider.INSTATUS: "Instatus"}


class CopyState(StrEnum):
    """Whether updates are sent; `stopped` means that the provider refused the key."""

    ACTIVE = "active"
    PAUSED = "paused"
    STOPPED = "stopped"


class StepState(StrEnum):
    """The state of a published text on its way to a copy."""

    PENDING = "pending"
    SENDING = "sending"
    UNKNOWN = "unknown"
    DONE = "done"
    BLOCKED = "blocked"
    DEAD = "dead"
    SKIPPED = "skipped"


FINISHED = frozenset({StepState.DONE, StepState.SKIPPED})
STUCK = frozenset({StepState.BLOCKED, StepState.DEAD})
"""A step that waits for a person; the later ones of its incident wait behind it."""


class DifferenceKind(StrEnum):
    """What is different on the copy; `gone` is an incident that someone deleted there."""

    STAGE = "stage"
    TEXT = "text"
    NAME = "name"
    COMPONENT = "component"
    GONE = "gone"


class DifferenceState(StrEnum):
    """What a person decided; what is ignored opens again when it changes there."""

    OPEN = "open"
    IGNORED = "ignored"
    OVERWRITE = "overwrite"


@dataclass(frozen=True, slots=True)
class StatusCopy:
    """A copy of a status page; incidents that were published after `created_at` are sent to it."""

    id: int
    status_page_id: int
    provider: Provider
    remote_page_id: str
    key_hint: str
    key_hash: str
    notifies: bool
    state: CopyState
    reason: str
    created_at: datetime
    check_at: datetime
    checked_at: datetime | None
    last_ok_at: datetime | None
    import_page: int | None
    imported: int

    @property
    def label(self) -> str:
        """What people call it."""
        return f"{PROVIDER_LABELS[self.provider]} {self.remote_page_id}"


@dataclass(frozen=True, slots=True)
class Step:
    """A published text on its way: version 1 is an update, a later one an edit of it."""

    copy_id: int
    update_id: int
    version: int
    public_incident_id: int
    chain_seq: int
    state: StepState
    created_at: datetime
    attempts: int = 0
    begun_at: datetime | None = None
    retry_at: datetime | None = None
    error: str = ""
    remote_update_id: str | None = None


@dataclass(frozen=True, slots=True)
class QueuedStep:
    """A step with what it is about, for people."""

    step: Step
    incident_public_id: str
    incident_name: str
    incident_id: int | None
    seq: int


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that is different on the copy, since `since_at` at the latest."""

    id: int
    copy_id: int
    kind: DifferenceKind
    subject: str
    label: str
    ours: str
    theirs: str
    since_at: datetime
    state: DifferenceState
    error: str


@dataclass(frozen=True, slots=True)
class RemoteComponent:
    """A component of the remote page; `status` is None for a word that is not known."""

    id: str
    name: str
    status: ComponentStatus | None
    group_name: str = ""
    group_id: str | None = None
    position: int = 0
    description: str = ""
    start_date: str = ""


@dataclass(frozen=True, slots=True)
class RemoteUpdate:
    """An update of an incident on the remote page."""

    id: str
    stage: PostStage | None
    body: str
    at: datetime | None
    statuses: Mapping[str, ComponentStatus]
    """The statuses that it gave, by the id of the remote component."""
    is_postmortem: bool = False


@dataclass(frozen=True, slots=True)
class RemoteIncident:
    """An incident on the remote page; `updates` begin with the newest. `mark_id` and `mark_seq` are what we left."""

    id: str
    name: str
    stage: PostStage | None
    is_maintenance: bool
    created_at: datetime | None
    updates: tuple[RemoteUpdate, ...]
    mark_id: str = ""
    mark_seq: int = 0
    impact: str = ""

    @property
    def newest(self) -> RemoteUpdate | None:
        """The newest update that is not a post-mortem, or None."""
        return next((update for update in self.updates if not update.is_postmortem), None)

    @property
    def is_over(self) -> bool:
        """True if it is resolved there, or the maintenance is over."""
        return self.stage in (Stage.RESOLVED, MaintenanceStage.COMPLETED)


@dataclass(frozen=True, slots=True)
class Post:
    """One update as it is sent; `statuses` are empty unless it is the last one that waits.

    `incident_at` is when the incident was published, `at` when this update was. `planned` is the interval of
    maintenance, None for an incident.
    """

    public_id: str
    update_public_id: str
    name: str
    seq: int
    stage: PostStage
    body: str
    incident_at: datetime
    at: datetime
    remote_component_ids: tuple[str, ...]
    statuses: Mapping[str, ComponentStatus]
    notifies: bool
    impact_override: str | None = None
    planned: Interval | None = None
    is_postmortem: bool = False


@dataclass(frozen=True, slots=True)
class RemotePostmortem:
    """The post-mortem of an incident on the remote page; `body` is what readers see, empty before it is published."""

    draft: str
    body: str


@dataclass(frozen=True, slots=True)
class OfferedPostmortem:
    """A published post-mortem whose incident is on a copy, and that no one sent there yet."""

    update_id: int
    public_id: str
    """The id of its incident."""
    name: str


@dataclass(frozen=True, slots=True)
class RemoteCall:
    """One HTTP call; the path is below the address of the provider."""

    method: str
    path: str
    body: Mapping[str, object] | None = None

    @property
    def is_write(self) -> bool:
        """True if it changes the remote page."""
        return self.method != "GET"


def topic(page_id: int) -> str:
    """Return the live topic of the copies of a status page."""
    return f"status-copies-{page_id}"
