"""The counts of the list of incidents, by tab and by filter, from one grouped count (pure)."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from firebell.incidents.model import IncidentFilter, Phase
from firebell.kit.calendar_periods import next_month

MONTHS_OFFERED = 24
"""Number of latest months that the filter offers."""


@dataclass(frozen=True, slots=True)
class Tally:
    """A number of incidents that have these properties in common; `month` is the place of the month's start.

    Incidents whose post-mortem is due are counted twice: with `postmortem_due`, and among all.
    """

    drill: bool
    phase: Phase
    severity: int
    month: int
    postmortem_due: bool
    incidents: int


@dataclass(frozen=True, slots=True)
class Numbers:
    """Facts about the incidents of a list: how long customers were affected, and how soon that ended.

    They describe the newest `incidents` of the list. Durations are None if no incident has one.
    """

    incidents: int
    impact: timedelta | None
    median_mitigation: timedelta | None
    median_duration: timedelta | None
    postmortems_due: int
    postmortems_overdue: int


def month_starts(latest: datetime, chosen: datetime | None) -> list[datetime]:
    """Return the starts of the latest months and of the chosen one with the next, earliest first.

    `latest` is the start of the present month in the reader's time zone, which the results keep.
    """
    starts = [latest]
    for _ in range(MONTHS_OFFERED - 1):
        starts.append((starts[-1] - timedelta(days=1)).replace(day=1))
    starts.append(next_month(latest))
    if chosen is not None:
        starts += [chosen, next_month(chosen)]
    return sorted(set(starts))


@dataclass(frozen=True, slots=True)
class Counts:
    """How many incidents each tab and each option of a filter leads to, under the other filters."""

    tallies: Sequence[Tally]
    starts: Sequence[datetime]
    """The months of the tallies: `starts[month - 1]` begins the month."""
    severities: Collection[int]
    """The chosen severities, none for all."""
    month: datetime | None
    """The start of the chosen month, None for all."""

    def tab(self, state: IncidentFilter) -> int:
        """Return how many incidents a tab shows."""
        return self._sum(self._in(state, self._of_severity, self._of_month))

    def severity(self, state: IncidentFilter) -> Mapping[int, int]:
        """Return how many incidents of a tab have each severity."""
        chosen = self._in(state, self._of_month)
        return {level: self._sum(t for t in chosen if t.severity == level) for level in range(4)}

    def months(self, state: IncidentFilter) -> list[tuple[datetime, int]]:
        """Return (start, incidents) of the months in which a tab has incidents, latest first."""
        chosen = self._in(state, self._of_severity)
        counted = [
            (start, self._sum(t for t in chosen if t.month == number))
            for number, start in enumerate(self.starts, 1)
        ]
        return [(start, number) for start, number in reversed(counted) if number]

    def before(self, state: IncidentFilter) -> int | None:
        """Return how many incidents the month before the chosen one has; None if no month is chosen."""
        if self.month is None:
            return None
        before = (self.month - timedelta(days=1)).replace(day=1)
        return dict(self.months(state)).get(before, 0) if before in self.starts else None

    def _in(self, state: IncidentFilter, *conditions: Callable[[Tally], bool]) -> list[Tally]:
        return [
            tally
            for tally in self.tallies
            if tally.postmortem_due == state.postmortem_due
            and (state.drill is None or tally.drill == state.drill)
            and (not state.phases or tally.phase in state.phases)
            and all(condition(tally) for condition in conditions)
        ]

    def _of_severity(self, tally: Tally) -> bool:
        return not self.severities or tally.severity in self.severities

    def _of_month(self, tally: Tally) -> bool:
        if self.month is None:
            return True
        return 0 < tally.month <= len(self.starts) and self.starts[tally.month - 1] == self.month

    def _sum(self, tallies: Iterable[Tally]) -> int:
        return sum(tally.incidents for tally in tallies)
