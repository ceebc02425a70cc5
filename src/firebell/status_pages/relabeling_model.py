"""Relabelings: a component gets another status in an interval of the past."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from firebell.kit.intervals import Interval
from firebell.status_pages.model import ComponentStatus, Effect

LOG_KIND, LOG_STAGE = "relabeling", "relabeled"
"""The kind and the stage of a relabeling in the log of its page."""


class RelabelingState(StrEnum):
    """Whether a relabeling took effect."""

    WAITING = "waiting"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"


RELABELING_STATE_LABELS = {
    RelabelingState.WAITING: "Waits for a second person",
    RelabelingState.ACCEPTED: "In effect",
    RelabelingState.DECLINED: "Declined",
    RelabelingState.WITHDRAWN: "Withdrawn",
}


@dataclass(frozen=True, slots=True)
class Relabeling:
    """A component had `status` in [start, end). Uptimes are hundredths of a percent of 90 days, None without data."""

    id: int
    public_id: str
    component_id: int
    component: str
    start: datetime
    end: datetime
    status: ComponentStatus
    reason: str
    uptime_before: int | None
    uptime_after: int | None
    requested_by: int | None
    requested_label: str
    requested_at: datetime
    state: RelabelingState
    answered_by: int | None
    answered_label: str
    answered_at: datetime | None

    @property
    def interval(self) -> Interval:
        """The interval that gets another status."""
        return Interval(self.start, self.end)


@dataclass(frozen=True, slots=True)
class AppliedRelabeling:
    """A relabeling that is in effect, as readers of the page see it."""

    component_id: int
    start: datetime
    end: datetime
    status: ComponentStatus
    reason: str
    uptime_before: int | None
    uptime_after: int | None
    at: datetime
    """When it took effect."""


@dataclass(frozen=True, slots=True)
class RelabelingRequest:
    """What someone wants to relabel, and why."""

    component_id: int
    start: datetime
    end: datetime
    status: ComponentStatus
    reason: str


@dataclass(frozen=True, slots=True)
class RelabelingEntry:
    """A relabeling as its page's log has it."""

    id: int
    public_id: str
    body: str
    effects: tuple[Effect, ...]
    display_at: datetime
    version: int = 1
    kind: str = LOG_KIND
    stage: str = LOG_STAGE
