"""Measures a month of on-call per schedule, team and person, each person in their time zone (pure)."""

from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from operator import attrgetter
from statistics import fmean, median

from firebell.kit.calendar_periods import next_month
from firebell.kit.intervals import Interval, clip, overlap, union
from firebell.kit.localtime import to_instant
from firebell.oncall.model import Schedule
from firebell.oncall.rota.fairness import Holidays, Load, compare_with_mean, load_of, night_of
from firebell.oncall.rota.shifts import intervals_by_user
from firebell.paging.model import Arrival
from firebell.people.model import Person, Team
from firebell.workload.call_measures import FATIGUE_PERIOD, interrupted_hours, per_shift
from firebell.workload.model import Calls, Earned, PersonRow, Rates, WorkloadReport, WorkShare
from firebell.workload.pay import pay, time_off

FIRST_MONTH, LAST_MONTH = date(1971, 1, 1), date(2199, 12, 1)
"""The months that can be reported; rates from before the first month apply from it."""
NIGHT_LENGTH = timedelta(hours=9)
SHIFT_LOOKBACK = timedelta(days=36)
"""How far before a month the starts of its shifts are searched for."""
TIME_ZONE_MARGIN = timedelta(days=2)
"""How much later than in UTC a month, with its last night, can end."""
MAX_NIGHT_PAGES = 2
"""More pages than this in a night are too many."""


def month_of(text: str) -> date:
    """Return the first day of a month such as 2026-11; raise `ValueError` with a message for people."""
    try:
        month = date.fromisoformat(f"{text}-01") if len(text) == len("2026-11") else None
    except ValueError:
        month = None
    if month is None:
        raise ValueError("Enter a month such as 2026-11.")
    if month < FIRST_MONTH:
        raise ValueError(f"The first month is {FIRST_MONTH:%Y-%m}.")
    if month > LAST_MONTH:
        raise ValueError(f"The last month is {LAST_MONTH:%Y-%m}.")
    return month


def bounds(month: date, tz: str) -> Interval:
    """Return the start and the end of a month in a time zone."""
    first, last = (to_instant(datetime.combine(day, time()), tz) for day in (month, next_month(month)))
    return Interval(first, last)


def report(
    month: date,
    schedules: Sequence[Schedule],
    teams: Sequence[Team],
    people: Mapping[int, Person],
    arrivals: Sequence[Arrival],
    rates: Rates,
    holidays: Holidays,
    now: datetime,
    team: Team | None = None,
    also: Collection[int] = (),
) -> WorkloadReport:
    """Return the report of a month up to `now`, which `with_incidents` completes.

    With `team`: its schedules, and the people whom they name and those in `also` with the shifts of all schedules.
    """
    reported = [s for s in schedules if team is None or s.team_id == team.id]
    named = None if team is None else named_by(reported) | {*also}
    by_person: dict[int, list[Arrival]] = {}
    for arrival in sorted(arrivals, key=attrgetter("at")):
        by_person.setdefault(arrival.person_id, []).append(arrival)
    low, high = bounds(month, "UTC")
    shifts = [
        intervals_by_user(s, low - SHIFT_LOOKBACK, min(high + TIME_ZONE_MARGIN, now)) for s in schedules
    ]
    measurements = _Measurements(month, shifts, people, by_person, holidays, now)

    def rows(wanted: Sequence[bool], among: Collection[int] | None = None) -> list[PersonRow]:
        return measurements.rows([i for i, want in enumerate(wanted) if want], among)

    earned = []
    for row in rows([True] * len(schedules), named):
        rest = time_off(by_person.get(row.person.id, []), row.person.tz, month, rates)
        earned.append(Earned(row, pay(row.load, rates), rest))
    by_team = [(t, [s.team_id == t.id for s in schedules]) for t in teams if team in (None, t)]
    return WorkloadReport(
        month,
        [WorkShare(s, rows([one is s for one in schedules])) for s in reported],
        [WorkShare(t, rows(wanted)) for t, wanted in by_team if any(wanted)],
        earned,
        rates,
        now,
    )


def with_incidents(report: WorkloadReport, incidents: Mapping[int, Collection[int]]) -> WorkloadReport:
    """Return the report with the incidents per shift; `incidents` are those of each of its recent pages."""

    def rated(row: PersonRow) -> PersonRow:
        ids = {each for page_id in row.calls.recent_pages for each in incidents.get(page_id, ())}
        rate = per_shift(len(ids), row.calls.recent_hours)
        return replace(row, calls=replace(row.calls, incidents_per_shift=rate))

    def shares(listed: Sequence[WorkShare]) -> list[WorkShare]:
        return [replace(share, rows=[rated(row) for row in share.rows]) for share in listed]

    return replace(
        report,
        schedules=shares(report.schedules),
        teams=shares(report.teams),
        people=[replace(earned, row=rated(earned.row)) for earned in report.people],
    )


def named_by(schedules: Iterable[Schedule]) -> frozenset[int]:
    """Return the ids of everyone whom schedules name."""
    return frozenset(user for s in schedules for user in s.people)


_Measured = tuple[Person, Load, int, Calls]


@dataclass(slots=True)
class _Measurements:
    """What people did in a month, measured once for each set of schedules on which they had shifts."""

    month: date
    shifts: Sequence[Mapping[int, Sequence[Interval]]]
    """The intervals of each person, by schedule."""
    people: Mapping[int, Person]
    arrivals: Mapping[int, Sequence[Arrival]]
    holidays: Holidays
    now: datetime
    measured: dict[tuple[int, tuple[int, ...]], _Measured | None] = field(default_factory=dict)

    def rows(self, schedules: Sequence[int], among: Collection[int] | None) -> list[PersonRow]:
        """Return the rows of everyone, or of the people `among` them, with their shifts on these schedules."""
        measured = []
        for user in dict.fromkeys(user for i in schedules for user in self.shifts[i]):
            if user not in self.people or (among is not None and user not in among):
                continue
            key = (user, tuple(i for i in schedules if user in self.shifts[i]))
            if key not in self.measured:
                self.measured[key] = self._measure(self.people[user], [self.shifts[i][user] for i in key[1]])
            if (one := self.measured[key]) is not None:
                measured.append(one)
        return _compared(measured)

    def _measure(self, person: Person, shifts: Sequence[Sequence[Interval]]) -> _Measured | None:
        """Return what a person did, None without any hours."""
        a, b = bounds(self.month, person.tz)
        load = load_of(shifts, a, min(b, self.now), person.tz, self.holidays)
        if not load.hours:
            return None
        with_last_night = load_of(shifts, a, min(b + NIGHT_LENGTH, self.now), person.tz, self.holidays)
        nights = sum((n.year, n.month) == (self.month.year, self.month.month) for n in with_last_night.nights)
        touching = [shift for intervals in shifts for shift in intervals if overlap(shift, (a, b))]
        arrivals = self.arrivals.get(person.id, [])
        calls = _calls(arrivals, touching, a, b, person.tz)
        end = min(b, self.now)
        recent = union(part for intervals in shifts for part in clip(intervals, (end - FATIGUE_PERIOD, end)))
        return (
            person,
            load,
            nights,
            replace(
                calls,
                recent_pages=frozenset(
                    arrivals[i].page_id for start, end in recent for i in _during(arrivals, start, end)
                ),
                recent_hours=sum((end - start for start, end in recent), timedelta()),
            ),
        )


def _during(arrivals: Sequence[Arrival], start: datetime, end: datetime) -> range:
    """Return the indexes of the arrivals in `[start, end)`; arrivals are oldest first."""
    at = attrgetter("at")
    return range(bisect_left(arrivals, start, key=at), bisect_left(arrivals, end, key=at))


def _calls(
    arrivals: Sequence[Arrival], shifts: Sequence[Interval], a: datetime, b: datetime, tz: str
) -> Calls:
    """Return the pages in `[a, b)` that reached someone while they were on call; arrivals are oldest first."""
    by_shift = [_during(arrivals, max(start, a), min(end, b)) for start, end in shifts]
    on_call = [arrivals[i] for i in sorted(set().union(*by_shift))]
    nights: dict[date, set[int]] = {}
    for arrival in on_call:
        if night := night_of(arrival.at, tz):
            nights.setdefault(night, set()).add(arrival.page_id)
    per_night = [len(pages) for pages in nights.values()]
    pages_per_shift = [len({arrivals[i].page_id for i in indexes}) for indexes in by_shift]
    weeks = interrupted_hours((arrival.at for arrival in on_call), tz)
    return Calls(
        pages=len({x.page_id for x in on_call}),
        night_pages=sum(per_night),
        worst_night=max(per_night, default=0),
        over=sum(n > MAX_NIGHT_PAGES for n in per_night),
        worst_shift=max(pages_per_shift, default=0),
        median_shift=median(pages_per_shift) if pages_per_shift else 0,
        by_night=tuple(per_night),
        interrupted_hours=sum(weeks.values()),
        worst_week_hours=max(weeks.values(), default=0),
    )


def _compared(measured: Sequence[_Measured]) -> list[PersonRow]:
    if not measured:
        return []
    mean_hours = fmean(load.hours.total_seconds() for _, load, _, _ in measured)
    mean_nights = fmean(nights for _, _, nights, _ in measured)
    alone = len(measured) == 1

    def comparison(value: float, mean: float) -> str:
        return "alone" if alone else compare_with_mean(value, mean)

    rows = [
        PersonRow(
            person,
            load,
            nights,
            calls,
            comparison(load.hours.total_seconds(), mean_hours),
            comparison(nights, mean_nights),
        )
        for person, load, nights, calls in measured
    ]
    return sorted(rows, key=lambda r: (-r.load.hours, r.person.name))


def tz_of(people: Mapping[int, Person]) -> Callable[[int], str]:
    """Return a function from a person to their time zone, UTC for unknown people."""
    return lambda user: people[user].tz if user in people else "UTC"
