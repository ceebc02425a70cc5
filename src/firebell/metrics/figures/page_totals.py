"""Totals of pages by hour, rule and night, added up from whole months and the facts outside them (pure)."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from firebell.kit.calendar_periods import next_month
from firebell.metrics.presentation.results import RuleTotal

RULES_SHOWN = 12


@dataclass(frozen=True, slots=True)
class PageTotals:
    """Pages by hour of the week as (all, at night), how many were noise, and the rules that cost the most."""

    hours: dict[int, tuple[int, int]]
    noise: int
    rules: list[RuleTotal]

    @property
    def pages(self) -> int:
        """The number of pages."""
        return sum(pages for pages, _ in self.hours.values())


@dataclass(frozen=True, slots=True)
class PageMonth:
    """The totals of a calendar month in UTC; `nights` counts nights by their pages.

    `shared_nights` are [person, night, pages] of nights that may also have pages of another month.
    """

    month: date
    hours: Mapping[str, Sequence[int]]
    rules: Mapping[str, Sequence[int]]
    noise: int
    nights: Mapping[str, int]
    shared_nights: Sequence[Sequence[int | str]]


@dataclass(frozen=True, slots=True)
class PageGroup:
    """The pages of an hour of the week, or of a rule if `hour` is None."""

    hour: int | None
    rule: str | None
    pages: int
    nights: int
    noise: int


def month_start(month: date) -> datetime:
    """Return the instant at which a month begins in UTC."""
    return datetime.combine(month, time(), UTC)


def months_of(pages: Iterable[tuple[datetime, date | None]]) -> set[date]:
    """Return the first days of the months whose totals pages are part of, by when they were triggered and their nights.

    A page that waited for a night after its own day is part of the month of that night, too.
    """
    months = set()
    for at, night in pages:
        day = at.astimezone(UTC).date()
        months.add(day.replace(day=1))
        if night is not None and night > day:
            months.add(night.replace(day=1))
    return months


def gaps(start: datetime, end: datetime, months: Iterable[date]) -> list[tuple[datetime, datetime]]:
    """Return the parts of `[start, end)` that no month covers; the months are whole ones of the period, in order."""
    parts, at = [], start
    for month in months:
        if at < month_start(month):
            parts.append((at, month_start(month)))
        at = month_start(next_month(month))
    if at < end:
        parts.append((at, end))
    return parts


def by_hour_and_rule(months: Sequence[PageMonth], groups: Iterable[PageGroup]) -> PageTotals:
    """Return the totals of months, and of groups that lie around them."""
    all_hours: dict[int, list[int]] = defaultdict(lambda: [0, 0])
    all_rules: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    noise = sum(month.noise for month in months)
    for group in groups:
        if group.hour is None:
            _add(all_rules[group.rule or ""], (group.pages, group.nights, group.noise))
        else:
            noise += group.noise
            _add(all_hours[group.hour], (group.pages, group.nights))
    for month in months:
        for name, counts in month.hours.items():
            _add(all_hours[int(name)], counts)
        for rule, counts in month.rules.items():
            _add(all_rules[rule], counts)
    totals = [RuleTotal(rule, *counts) for rule, counts in all_rules.items() if rule]
    totals.sort(key=lambda rule: (-rule.cost, rule.rule))
    return PageTotals(
        {hour: (pages, nights) for hour, (pages, nights) in all_hours.items()}, noise, totals[:RULES_SHOWN]
    )


def _add(total: list[int], counts: Sequence[int]) -> None:
    for number, count in enumerate(counts):
        total[number] += count


def by_night(months: Sequence[PageMonth], around: Iterable[tuple[int, date, int]]) -> dict[int, int]:
    """Return how many nights of a person had each number of pages; `around` are (person, night, pages)."""
    pages: Counter[tuple[int, str]] = Counter()
    nights: Counter[int] = Counter()
    for person, night, number in around:
        pages[person, night.isoformat()] += number
    for month in months:
        for person_, night_, number_ in month.shared_nights:
            pages[int(person_), str(night_)] += int(number_)
        for in_one, count in month.nights.items():
            nights[int(in_one)] += count
    nights.update(pages.values())
    return dict(nights)
