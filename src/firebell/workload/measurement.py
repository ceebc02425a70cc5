"""A month of on-call, measured (pure): per schedule, team and person, each person in their own zone."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from statistics import fmean, median

from firebell.kit.localtime import to_instant
from firebell.oncall.model import Schedule
from firebell.oncall.rota.fairness import Holidays, Load, against, load_of, night_of, shifts_of, union
from firebell.paging.model import Arrival
from firebell.people.model import Person, Team
from firebell.workload.model import Calls, Earned, Rates, Report, Row, Share
from firebell.workload.pay import pay, time_off

FIRST, LAST = date(1971, 1, 1), date(2199, 12, 1)
"""The months that can be looked at; what holds from the beginning holds from the first."""
NIGHT = timedelta(hours=9)
SHIFT = timedelta(days=36)
"""How far before a month the beginnings of its shifts are looked for."""
ZONES = timedelta(days=2)
"""How much later a month ends somewhere, and its last night with it."""
TIRING = 2
"""More pages than this in a night tell of something to repair."""

Stretch = tuple[datetime, datetime]


def month_of(text: str) -> date:
    """Return the first day of a month written 2026-11; raise `ValueError` in words."""
    try:
        found = date.fromisoformat(f"{text}-01") if len(text) == len("2026-11") else None
    except ValueError:
        found = None
    if found is None:
        raise ValueError("This is not a month; use 2026-11.")
    if found < FIRST:
        raise ValueError(f"The first month is {FIRST:%Y-%m}.")
    if found > LAST:
        raise ValueError(f"The last month is {LAST:%Y-%m}.")
    return found


def following(month: date) -> date:
    """Return the first day of the next month."""
    return (month + timedelta(days=31)).replace(day=1)


def bounds(month: date, tz: str) -> Stretch:
    """Return when a month begins and ends on a wall clock."""
    first, last = (to_instant(datetime.combine(day, time()), tz) for day in (month, following(month)))
    return first, last


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
) -> Report:
    """Return the month as far as it has come: hours that are still to come are not counted.

    Of one team it is its schedules, and who they name and `also` with all their shifts, elsewhere too.
    """
    ours = [s for s in schedules if team is None or s.team_id == team.id]
    named = None if team is None else named_by(ours) | {*also}
    by_person: dict[int, list[Arrival]] = {}
    for arrival in arrivals:
        by_person.setdefault(arrival.person_id, []).append(arrival)
    low, high = bounds(month, "UTC")
    shifts = [shifts_of(s, low - SHIFT, min(high + ZONES, now)) for s in schedules]

    def rows(wanted: Sequence[bool], among: Collection[int | str] | None = None) -> list[Row]:
        own = [found for found, want in zip(shifts, wanted, strict=True) if want]
        return _rows(month, own, people, by_person, holidays, now, among)

    earned = []
    for row in rows([True] * len(schedules), named):
        rest = time_off(by_person.get(row.person.id, []), row.person.tz, month, rates)
        earned.append(Earned(row, pay(row.load, rates), rest))
    by_team = [(t, [s.team_id == t.id for s in schedules]) for t in teams if team in (None, t)]
    return Report(
        month,
        [Share(s, rows([one is s for one in schedules])) for s in ours],
        [Share(t, rows(wanted)) for t, wanted in by_team if any(wanted)],
        earned,
        rates,
        now,
    )


def named_by(schedules: Iterable[Schedule]) -> frozenset[int | str]:
    """Return everybody whom schedules name."""
    return frozenset(user for s in schedules for user in s.people)


def _rows(
    month: date,
    shifts: Sequence[Mapping[int | str, Sequence[Stretch]]],
    people: Mapping[int, Person],
    arrivals: Mapping[int, Sequence[Arrival]],
    holidays: Holidays,
    now: datetime,
    among: Collection[int | str] | None = None,
) -> list[Row]:
    found: list[tuple[Person, Load, int, Calls]] = []
    for user in dict.fromkeys(user for one in shifts for user in one):
        person = people.get(int(user))
        if person is None or (among is not None and user not in among):
            continue
        own = [one[user] for one in shifts if user in one]
        a, b = bounds(month, person.tz)
        mine = load_of(own, a, min(b, now), person.tz, holidays)
        if not mine.hours:
            continue
        late = load_of(own, a, min(b + NIGHT, now), person.tz, holidays)
        nights = sum((n.year, n.month) == (month.year, month.month) for n in late.nights)
        touched = [(start, end) for one in own for start, end in one if end > a and start < b]
        found.append((person, mine, nights, _calls(arrivals.get(person.id, []), touched, a, b, person.tz)))
    return _compared(found)


def _calls(
    arrivals: Sequence[Arrival], shifts: Sequence[Stretch], a: datetime, b: datetime, tz: str
) -> Calls:
    """Return what called somebody while they were on duty, in `[a, b)`."""
    on_duty = union(shifts)
    mine = [x for x in arrivals if a <= x.at < b and any(s <= x.at < e for s, e in on_duty)]
    nights: dict[date, set[int]] = {}
    for arrival in mine:
        if night := night_of(arrival.at, tz):
            nights.setdefault(night, set()).add(arrival.page_id)
    per_night = [len(pages) for pages in nights.values()]
    per_shift = [len({x.page_id for x in mine if s <= x.at < e}) for s, e in shifts]
    return Calls(
        pages=len({x.page_id for x in mine}),
        night_pages=sum(per_night),
        worst_night=max(per_night, default=0),
        over=sum(n > TIRING for n in per_night),
        worst_shift=max(per_shift, default=0),
        median_shift=median(per_shift) if per_shift else 0,
    )


def _compared(found: Sequence[tuple[Person, Load, int, Calls]]) -> list[Row]:
    if not found:
        return []
    hours = fmean(mine.hours.total_seconds() for _, mine, _, _ in found)
    nights = fmean(n for _, _, n, _ in found)
    alone = len(found) == 1

    def words(value: float, mean: float) -> str:
        return "alone" if alone else against(value, mean)

    rows = [
        Row(person, mine, n, calls, words(mine.hours.total_seconds(), hours), words(n, nights))
        for person, mine, n, calls in found
    ]
    return sorted(rows, key=lambda r: (-r.load.hours, r.person.name))


def tz_of(people: Mapping[int, Person]) -> Callable[[int | str], str]:
    """Return what tells a person's zone; who is unknown lives by UTC."""
    return lambda user: people[int(user)].tz if int(user) in people else "UTC"
