"""Uptime by calendar month in the zone of a page, for reports to customers (pure; spec 7.5)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from fractions import Fraction

from firebell.kit.localtime import to_instant
from firebell.status_pages import derived_status
from firebell.status_pages.archive import Month, month_of
from firebell.status_pages.derived_status import StatusCause, StatusSpan
from firebell.status_pages.model import Component, ComponentGroup, ComponentStatus, Weights
from firebell.status_pages.snapshot import Snapshot
from firebell.status_pages.uptime import daily as uptime

DEFAULT_MONTHS, MAX_MONTHS = 12, 24
"""How many months a report has, and has at most."""


@dataclass(frozen=True, slots=True)
class MonthUptime:
    """The uptime of a component in one month, as far as it is over and the component was on the page."""

    month: Month
    seconds: Mapping[ComponentStatus, int]
    uptime: Fraction | None
    is_whole: bool
    """True if the month is over and the component was on the page from its beginning."""


@dataclass(frozen=True, slots=True)
class ReportedComponent:
    """A component with its months, oldest first, and its uptime over all of them."""

    component: Component
    months: Sequence[MonthUptime]
    uptime: Fraction | None


@dataclass(frozen=True, slots=True)
class ReportedGroup:
    """Components under one heading, with the mean of their uptimes in each month and over all months."""

    group: ComponentGroup | None
    components: Sequence[ReportedComponent]

    @property
    def means(self) -> list[Fraction | None]:
        """The mean of each month, of the components with data; None if none has any."""
        columns = zip(*(each.months for each in self.components), strict=True)
        return [uptime.group_uptime([each.uptime for each in column]) for column in columns]

    @property
    def mean(self) -> Fraction | None:
        """The mean over all months."""
        return uptime.group_uptime([each.uptime for each in self.components])


@dataclass(frozen=True, slots=True)
class UptimeReport:
    """The uptime of every component of a page, by month."""

    months: Sequence[Month]
    groups: Sequence[ReportedGroup]

    @property
    def components(self) -> list[ReportedComponent]:
        """Every component, in the order of the page."""
        return [component for group in self.groups for component in group.components]


def latest_months(now: datetime, tz: str, count: int) -> list[Month]:
    """Return the current month and those before it, `count` in all, oldest first."""
    listed = [month_of(now, tz)]
    while len(listed) < count:
        listed.append(listed[-1].previous)
    return listed[::-1]


def shown_months(now: datetime, tz: str) -> list[Month]:
    """Return the months of which a status page shows every day, oldest first; the current one is among them."""
    first, _ = uptime.window(now, tz)
    return [month for month in latest_months(now, tz, 3) if month.start(tz) >= first]


def report(snapshot: Snapshot, months: Sequence[Month], now: datetime) -> UptimeReport:
    """Return the uptime of each component in these months; the snapshot has everything since the first of them."""
    causes = snapshot.causes_by_component()
    reported = [
        _component(snapshot, component, causes.get(component.id, []), months, now)
        for component in snapshot.components
    ]
    groups = [
        ReportedGroup(group, [each for each in reported if each.component.group_id == (group and group.id)])
        for group in (None, *snapshot.groups)
    ]
    return UptimeReport(months, [group for group in groups if group.components])


def of_month(
    spans: Sequence[StatusSpan], component: Component, month: Month, tz: str, weights: Weights, now: datetime
) -> MonthUptime:
    """Return the uptime of a component in a month that its spans cover."""
    start, end = _bounds(component, month, tz, now)
    seconds = uptime.seconds_by_status(spans, start, end)
    is_whole = month.start(tz) == start and month.next.start(tz) <= now
    return MonthUptime(month, seconds, uptime.uptime(seconds, weights), is_whole)


def _bounds(component: Component, month: Month, tz: str, now: datetime) -> tuple[datetime, datetime]:
    """Return the part of a month that counts; it is empty before the component's first day and in the future."""
    first = to_instant(datetime.combine(component.start_date, time()), tz)
    return max(month.start(tz), first), min(month.next.start(tz), now)


def _component(
    snapshot: Snapshot,
    component: Component,
    causes: Sequence[StatusCause],
    months: Sequence[Month],
    now: datetime,
) -> ReportedComponent:
    page = snapshot.page
    overrides = [each for each in snapshot.relabelings if each.component_id == component.id]
    start, _ = _bounds(component, months[0], page.tz, now)
    spans = derived_status.spans(causes, component.id, start, now, overrides)
    listed = [of_month(spans, component, month, page.tz, page.weights, now) for month in months]
    total = {status: sum(each.seconds[status] for each in listed) for status in ComponentStatus}
    return ReportedComponent(component, listed, uptime.uptime(total, page.weights))
