"""What a status page shows at one instant: the one fold that HTML, JSON, feeds and badges read (pure)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction

from firebell.status_pages import derived_status, impact
from firebell.status_pages.derived_status import StatusCause, StatusOverride, StatusSpan
from firebell.status_pages.impact import Indicator
from firebell.status_pages.maintenance_windows import lifecycle
from firebell.status_pages.maintenance_windows.model import Maintenance, MaintenanceStage
from firebell.status_pages.model import (
    STATUS_LABELS,
    STATUS_LOOKS,
    Component,
    ComponentGroup,
    ComponentStatus,
    Impact,
    PublicIncident,
    Weights,
)
from firebell.status_pages.relabeling_model import AppliedRelabeling
from firebell.status_pages.snapshot import Snapshot
from firebell.status_pages.uptime import daily as uptime
from firebell.status_pages.uptime.daily import DayBar


@dataclass(frozen=True, slots=True)
class ComponentView:
    """A component with its status now and the last 90 days."""

    component: Component
    status: ComponentStatus
    spans: Sequence[StatusSpan]
    bars: Sequence[DayBar]
    uptime: Fraction | None

    @property
    def label(self) -> str:
        """The status in words."""
        return STATUS_LABELS[self.status]

    @property
    def state(self) -> str:
        """The look of the status."""
        return STATUS_LOOKS[self.status]

    @property
    def is_listed(self) -> bool:
        """True unless the component is shown only while it is affected, and is not."""
        return not self.component.only_if_affected or self.status is not ComponentStatus.OPERATIONAL

    @property
    def was_affected(self) -> bool:
        """True if the component was not operational at some time of the last 90 days."""
        return any(span.status is not ComponentStatus.OPERATIONAL for span in self.spans)

    @property
    def uptime_text(self) -> str:
        """The uptime of 90 days as text, such as 99.95%."""
        return uptime.shown(self.uptime)

    @property
    def days_with_problems(self) -> int:
        """The number of days with an outage or degraded performance."""
        return sum(bar.state in ("outage", "degraded") for bar in self.bars)


@dataclass(frozen=True, slots=True)
class GroupView:
    """Components under one heading; a group without one holds those that belong to no group."""

    group: ComponentGroup | None
    components: Sequence[ComponentView]

    @property
    def listed(self) -> Sequence[ComponentView]:
        """Its components without those that are shown only while they are affected, and are not."""
        return [each for each in self.components if each.is_listed]

    @property
    def status(self) -> ComponentStatus:
        """The worst status of its components."""
        return max((each.status for each in self.components), default=ComponentStatus.OPERATIONAL)

    @property
    def uptime_text(self) -> str:
        """The mean uptime of its components that show theirs."""
        shown = [each.uptime for each in self.components if each.component.shows_uptime]
        return uptime.shown(uptime.group_uptime(shown))


@dataclass(frozen=True, slots=True)
class StatusView:
    """Everything that a status page shows as of `now`."""

    snapshot: Snapshot
    now: datetime
    groups: Sequence[GroupView]
    indicator: Indicator

    @property
    def components(self) -> list[ComponentView]:
        """Every component, in the order of the page."""
        return [component for group in self.groups for component in group.components]

    @property
    def listed_groups(self) -> list[GroupView]:
        """The groups that have a component to show."""
        return [group for group in self.groups if group.listed]

    @property
    def reported_components(self) -> list[ComponentView]:
        """What the report of uptimes has: every component that is listed, or was affected in the last 90 days."""
        return [each for each in self.components if each.is_listed or each.was_affected]

    @property
    def open_incidents(self) -> list[PublicIncident]:
        """The incidents that are not resolved, the newest first."""
        return [incident for incident in self.snapshot.incidents if incident.is_open]

    @property
    def past_incidents(self) -> list[PublicIncident]:
        """The resolved incidents, the newest first."""
        return [incident for incident in self.snapshot.incidents if not incident.is_open]

    @property
    def active_maintenances(self) -> list[Maintenance]:
        """The maintenance under way, by its start."""
        return [window for window in self.snapshot.maintenances if window.stage.is_active]

    @property
    def upcoming_maintenances(self) -> list[Maintenance]:
        """The maintenance that has not started, by its start."""
        return [w for w in self.snapshot.maintenances if w.stage is MaintenanceStage.SCHEDULED]

    @property
    def next_maintenances(self) -> list[Maintenance]:
        """The maintenance that has not started, of what repeats only the next window."""
        return lifecycle.next_windows(self.snapshot.maintenances)

    @property
    def past_maintenances(self) -> list[Maintenance]:
        """The maintenance that is over, the latest first."""
        return [window for window in reversed(self.snapshot.maintenances) if window.stage.is_over]

    @property
    def listed_maintenances(self) -> list[Maintenance]:
        """What a list of maintenance shows: over, under way and next, the latest first."""
        planned = [*self.active_maintenances, *self.next_maintenances]
        return [*reversed(planned), *self.past_maintenances]

    @property
    def corrections(self) -> list[AppliedRelabeling]:
        """What was relabeled in the last 90 days of the components that are shown, the latest first."""
        shown = {component.id for component in self.snapshot.components}
        return [one for one in reversed(self.snapshot.relabelings) if one.component_id in shown]

    @property
    def worst(self) -> ComponentStatus:
        """The worst status of a component."""
        return max((each.status for each in self.components), default=ComponentStatus.OPERATIONAL)

    @property
    def state(self) -> str:
        """The look of the whole page: that of the worst component, or of an incident that names none."""
        if self.worst is ComponentStatus.OPERATIONAL and self.open_incidents:
            return "monitoring" if self.indicator.impact is Impact.NONE else "outage"
        return STATUS_LOOKS[self.worst]


def build(snapshot: Snapshot, now: datetime) -> StatusView:
    """Return what a status page shows."""
    by_component = snapshot.causes_by_component()
    shown = [
        _component(
            component,
            by_component.get(component.id, []),
            [each for each in snapshot.relabelings if each.component_id == component.id],
            snapshot.page.tz,
            snapshot.page.weights,
            now,
        )
        for component in snapshot.components
    ]
    alone = [each for each in shown if each.component.group_id is None]
    groups = [GroupView(None, alone)] if alone else []
    for group in snapshot.groups:
        members = [each for each in shown if each.component.group_id == group.id]
        if members:
            groups.append(GroupView(group, members))
    statuses = [each.status for each in shown]
    return StatusView(
        snapshot, now, groups, impact.indicator(statuses, snapshot.incidents, snapshot.page.indicator_rule)
    )


def _component(
    component: Component,
    causes: Sequence[StatusCause],
    overrides: Sequence[StatusOverride],
    tz: str,
    weights: Weights,
    now: datetime,
) -> ComponentView:
    start, end = uptime.window(now, tz, component.start_date)
    spans = derived_status.spans(causes, component.id, start, end, overrides)
    seconds = uptime.seconds_by_status(spans, start, end)
    return ComponentView(
        component,
        derived_status.status_at(causes, component.id, now),
        spans,
        uptime.bars(spans, now, tz, component.start_date),
        uptime.uptime(seconds, weights),
    )


HISTORY = timedelta(days=uptime.DAYS + 1)
"""How far back the incidents of a snapshot reach."""
