"""Maintenance windows of a status page, and the series of those that repeat."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from firebell.kit.intervals import Interval
from firebell.status_pages.model import Component, ComponentChange, Effect, StatusPage, UpdateKind

SHORT_NOTICE = timedelta(hours=24)
"""Maintenance that is announced later than this before its start is labeled short notice."""
DEFAULT_REMINDERS = (7 * 24 * 60, 24 * 60, 60)
"""When subscribers are reminded, in minutes before the start."""
MAX_REMINDERS = 5
MAX_LENGTH = timedelta(days=7)
MAX_LEAD = timedelta(days=366)
"""How far ahead maintenance can start."""


class MaintenanceStage(StrEnum):
    """The stage of a maintenance window (spec 7.6)."""

    SCHEDULED = "scheduled"
    IN_PROGRESS = "in_progress"
    VERIFYING = "verifying"
    COMPLETED = "completed"
    CANCELLED = "cancelled"

    @property
    def is_over(self) -> bool:
        """True if nothing follows."""
        return self in (MaintenanceStage.COMPLETED, MaintenanceStage.CANCELLED)

    @property
    def is_active(self) -> bool:
        """True while its components are under maintenance."""
        return self in (MaintenanceStage.IN_PROGRESS, MaintenanceStage.VERIFYING)


MAINTENANCE_STAGE_LABELS = {
    MaintenanceStage.SCHEDULED: "Scheduled",
    MaintenanceStage.IN_PROGRESS: "In progress",
    MaintenanceStage.VERIFYING: "Verifying",
    MaintenanceStage.COMPLETED: "Completed",
    MaintenanceStage.CANCELLED: "Canceled",
}


@dataclass(frozen=True, slots=True)
class MaintenanceUpdate:
    """One update of a maintenance window; `seq` counts from 1 within the window."""

    id: int
    public_id: str
    seq: int
    stage: MaintenanceStage
    body: str
    effects: tuple[Effect, ...]
    display_at: datetime
    created_at: datetime
    actor: str
    edited_at: datetime | None = None
    version: int = 1
    kind: UpdateKind = UpdateKind.UPDATE
    translations: Mapping[str, str] = field(default_factory=dict)
    """The text in other languages of the page, by language."""


@dataclass(frozen=True, slots=True)
class Muting:
    """Which alerts are muted while a window is in progress: those of its components if it names no services."""

    service_ids: tuple[int, ...] = ()
    matchers: str = ""


@dataclass(frozen=True, slots=True)
class MaintenanceSeries:
    """Windows that repeat by an RRULE, whose times are wall times in the time zone of the page."""

    id: int
    public_id: str
    status_page_id: int
    name: str
    body: str
    rule: str
    first_start: datetime
    length: timedelta
    component_ids: tuple[int, ...]
    auto_start: bool
    auto_end: bool
    reminders: tuple[int, ...]
    created_by: int | None
    stopped_at: datetime | None
    muting: Muting | None


@dataclass(frozen=True, slots=True)
class Maintenance:
    """A maintenance window as a status page shows it; `announced_at` is when its present times were published."""

    id: int
    public_id: str
    status_page_id: int
    name: str
    stage: MaintenanceStage
    scheduled_for: datetime
    scheduled_until: datetime
    announced_at: datetime
    published_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    component_ids: frozenset[int]
    auto_start: bool
    auto_end: bool
    reminders: tuple[int, ...]
    handled_until: datetime
    created_by: int | None
    version: int
    series_id: int | None
    updates: tuple[MaintenanceUpdate, ...]
    muting: Muting | None = None
    mute_id: int | None = None

    @property
    def planned(self) -> Interval:
        """The interval that was announced."""
        return Interval(self.scheduled_for, self.scheduled_until)

    @property
    def changed_at(self) -> datetime:
        """When its latest update was published or edited."""
        return max(update.edited_at or update.created_at for update in self.updates)

    @property
    def notice(self) -> timedelta:
        """How long before its start it was announced."""
        return max(self.scheduled_for - self.announced_at, timedelta())

    @property
    def notice_label(self) -> str:
        """The label of maintenance that was announced late; empty with 24 hours of notice."""
        if not self.notice:
            return "Emergency"
        return "Short notice" if self.notice < SHORT_NOTICE else ""


@dataclass(frozen=True, slots=True)
class MaintenancePlan:
    """What someone wants to schedule.

    `scheduled_for` is None to start now. `rule` is an RRULE, empty for a single window.
    """

    name: str
    body: str
    scheduled_for: datetime | None
    scheduled_until: datetime
    component_ids: tuple[int, ...]
    auto_start: bool = True
    auto_end: bool = True
    reminders: tuple[int, ...] = DEFAULT_REMINDERS
    rule: str = ""
    muting: Muting | None = None


@dataclass(frozen=True, slots=True)
class MaintenanceAnnouncement:
    """A maintenance window with what is needed to tell others about its latest update, or to remind them of it."""

    page: StatusPage
    window: Maintenance
    components: tuple[Component, ...]
    document: Mapping[str, Any]
    """The window as Statuspage's API v2 has it; its addresses begin at the status page."""
    changes: tuple[ComponentChange, ...] = ()
    """The components that its latest update changed, if the document was wanted."""
