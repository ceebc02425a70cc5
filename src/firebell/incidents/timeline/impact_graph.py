"""The graph of incidents (pure): how many alerts fired when, the impact, and what happened meanwhile."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from firebell.incidents.measures import PageTimes
from firebell.incidents.model import Incident
from firebell.kit.findings import length_text
from firebell.kit.intervals import Interval, OpenInterval, Pair, clip, union
from firebell.kit.localtime import to_local

BINS_MAX = 120
"""Number of bins into which the time of a graph is divided; each has the most alerts that fired at once in it."""
MARGIN_MIN = timedelta(minutes=5)
MARGIN_SHARE = 0.08
"""What is shown before and after: this share of the time, and at least `MARGIN_MIN`."""
_BLINK = timedelta(seconds=1)
"""How long an alert counts that ended when it began."""
_BIN_MINUTES = (1, 2, 5, 10, 15, 30, 60, 120, 240, 480, 1440)


class MomentKind(StrEnum):
    """What happened at a moment that a graph marks, in the order in which it is named if the minute is the same."""

    IMPACT_BEGINS = "impact_begins"
    PAGED = "paged"
    ACKNOWLEDGED = "acknowledged"
    DECLARED = "declared"
    MITIGATION = "mitigation"
    IMPACT_ENDS = "impact_ends"
    RESOLVED = "resolved"


MOMENT_NAMES = {
    MomentKind.IMPACT_BEGINS: "Impact begins",
    MomentKind.PAGED: "Paged",
    MomentKind.ACKNOWLEDGED: "Acknowledged",
    MomentKind.DECLARED: "Declared",
    MomentKind.MITIGATION: "First mitigation",
    MomentKind.IMPACT_ENDS: "Impact ends",
    MomentKind.RESOLVED: "Resolved",
}


@dataclass(frozen=True, slots=True)
class GraphMoment:
    """A moment of an incident; `ref` is its incident."""

    at: datetime
    kind: MomentKind
    ref: str


@dataclass(frozen=True, slots=True)
class GraphRow:
    """A row of the table: from `at` on, up to `firing` alerts fire at once; `moments` are what happened then."""

    at: datetime
    firing: int
    moments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ImpactGraph:
    """The time from before the impact of incidents until after it; chart and table are made of its `rows`."""

    start: datetime
    end: datetime
    rows: tuple[GraphRow, ...]
    impacts: tuple[Interval, ...]
    alerts: int
    """Number of alerts that fired in this time."""

    @property
    def peak(self) -> GraphRow:
        """The first row with the most alerts."""
        return max(self.rows, key=lambda row: (row.firing, -row.at.timestamp()))

    def firing_at(self, at: datetime) -> int:
        """Return how many alerts fired at an instant."""
        return next((row.firing for row in reversed(self.rows) if row.at <= at), 0)

    def finding(self, tz: str) -> str:
        """Return what the graph shows, in a sentence or two, with times in a time zone."""
        return " ".join((self._alerts_text(tz), self._impact_text(tz)))

    def _alerts_text(self, tz: str) -> str:
        peak = self.peak
        if not peak.firing:
            return "No alert fired."
        at = f"{to_local(peak.at, tz):%H:%M}"
        if self.alerts == 1:
            return f"One alert fired, from {at}."
        if peak.firing == 1:
            return f"{self.alerts} alerts fired one at a time, first at {at}."
        return f"Up to {peak.firing} alerts fired at once, first at {at}."

    def _impact_text(self, tz: str) -> str:
        if not self.impacts:
            return "When customers were affected is not known."
        start, end = self.impacts[0].start, self.impacts[-1].end
        length = length_text(sum((end - start for start, end in self.impacts), timedelta()))
        since = f"from {to_local(start, tz):%H:%M} to {to_local(end, tz):%H:%M}"
        return f"The impact lasted {length}, {since}."


def graph(
    incidents: Sequence[Incident],
    firing: Sequence[OpenInterval],
    pages: Sequence[tuple[int, PageTimes]],
    now: datetime,
) -> ImpactGraph | None:
    """Return the graph of incidents, the main one first; None if neither an alert nor the impact is known.

    `firing` has when each of their alerts fired, `pages` when each page was triggered, with the id of its incident.
    """
    impacts = union(
        (one.impact_start or one.detected_at, one.impact_end or _end_of(one, now))
        for one in incidents
        if one.impact_start or one.impact_end
    )
    start, end = _window(incidents, pages, now)
    width = _bin_width(end - start)
    start = _floor(start, width)
    bins = (end - start) // width + 1
    end = start + bins * width
    fired = clip([(began, max(ended or now, began + _BLINK)) for began, ended in firing], (start, end))
    if not fired and not impacts:
        return None
    peaks = _peaks(fired, start, width, bins)
    return ImpactGraph(
        start,
        end,
        tuple(_rows(peaks, _moments(incidents, pages, (start, end)), start, width, len(incidents) > 1)),
        tuple(clip(impacts, (start, end))),
        len(fired),
    )


def _end_of(incident: Incident, now: datetime) -> datetime:
    """Return until when an incident is shown whose impact has no recorded end."""
    return incident.resolved_at or incident.closed_at or now


def _window(incidents: Sequence[Incident], pages: Sequence[tuple[int, PageTimes]], now: datetime) -> Pair:
    began = [one.impact_start or one.detected_at for one in incidents]
    began += [one.detected_at for one in incidents]
    first = min(began + [page.triggered_at for _, page in pages], default=now)
    last = max(max(one.impact_end or one.detected_at, _end_of(one, now)) for one in incidents)
    margin = max(MARGIN_MIN, (last - first) * MARGIN_SHARE)
    return first - margin, max(first, min(last + margin, now))


def _bin_width(length: timedelta) -> timedelta:
    least = length / (BINS_MAX - 2)
    minutes = next((each for each in _BIN_MINUTES if timedelta(minutes=each) >= least), None)
    return timedelta(minutes=minutes) if minutes else timedelta(days=math.ceil(least / timedelta(days=1)))


def _floor(at: datetime, width: timedelta) -> datetime:
    midnight = at.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight + (at - midnight) // width * width


def _peaks(fired: Sequence[Interval], start: datetime, width: timedelta, bins: int) -> list[int]:
    """Return the most alerts that fired at once in each bin; an alert that ends where a bin begins is not in it."""
    changes = sorted([(each.start, 1) for each in fired] + [(each.end, -1) for each in fired])
    peaks, count, position = list[int](), 0, 0
    for number in range(bins):
        begin = start + number * width
        while position < len(changes) and changes[position][0] <= begin:
            count += changes[position][1]
            position += 1
        most = count
        while position < len(changes) and changes[position][0] < begin + width:
            count += changes[position][1]
            most = max(most, count)
            position += 1
        peaks.append(most)
    return peaks


def _moments(
    incidents: Sequence[Incident], pages: Sequence[tuple[int, PageTimes]], bounds: Pair
) -> list[GraphMoment]:
    moments: list[GraphMoment] = []
    for one in incidents:
        paged = [page for incident_id, page in pages if incident_id == one.id]
        acknowledged = [page.acknowledged_at for page in paged if page.acknowledged_at]
        times = {
            MomentKind.IMPACT_BEGINS: one.impact_start,
            MomentKind.PAGED: min((page.triggered_at for page in paged), default=None),
            MomentKind.ACKNOWLEDGED: min(acknowledged, default=None),
            MomentKind.DECLARED: one.declared_at,
            MomentKind.MITIGATION: one.mitigated_at,
            MomentKind.IMPACT_ENDS: one.impact_end,
            MomentKind.RESOLVED: one.resolved_at,
        }
        moments += [
            GraphMoment(at, kind, one.ref)
            for kind, at in times.items()
            if at and bounds[0] <= at <= bounds[1]
        ]
    return sorted(moments, key=lambda moment: moment.at)


def _rows(
    peaks: Sequence[int],
    moments: Sequence[GraphMoment],
    start: datetime,
    width: timedelta,
    is_about_several: bool,
) -> list[GraphRow]:
    """Return a row for each change of the number of alerts and each minute in which something happened, in order."""
    named: dict[datetime, list[str]] = {}
    for moment in moments:
        name = MOMENT_NAMES[moment.kind]
        minute = moment.at.replace(second=0, microsecond=0)
        named.setdefault(minute, []).append(f"{moment.ref}: {name}" if is_about_several else name)
    changed = {
        start + number * width
        for number, firing in enumerate(peaks)
        if number == 0 or firing != peaks[number - 1]
    }
    return [
        GraphRow(at, peaks[min(max((at - start) // width, 0), len(peaks) - 1)], tuple(named.get(at, ())))
        for at in sorted(changed | named.keys())
    ]
