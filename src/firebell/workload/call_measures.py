"""What pages cost the people on call: interrupted hours, pages per night, incidents per shift (pure; spec 5)."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from statistics import median

from firebell.kit import wilson
from firebell.kit.localtime import to_local
from firebell.paging.model import NIGHT_LIMIT_PAGES
from firebell.workload.model import PersonRow

SHIFT = timedelta(hours=12)
FATIGUE_PERIOD = timedelta(weeks=4)


def interrupted_hours(times: Iterable[datetime], tz: str) -> dict[date, int]:
    """Return the number of distinct clock hours with a page in each ISO week, by the Monday, in a time zone."""
    # an hour that a change of the clocks repeats is two hours
    hours = {
        at - timedelta(minutes=to_local(at, tz).minute, seconds=at.second, microseconds=at.microsecond)
        for at in times
    }
    days = [to_local(hour, tz).date() for hour in hours]
    return dict(Counter(day - timedelta(days=day.weekday()) for day in days))


@dataclass(frozen=True, slots=True)
class NightPages:
    """The pages in each night on call, nights without one included."""

    nights: int
    median: float
    worst: int
    at_limit: int

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95% interval of the share of nights that reached the limit, None without nights."""
        return wilson.interval(self.at_limit, self.nights)


def pages_per_night(interrupted: Sequence[int], nights: int) -> NightPages:
    """Return the pages per night of `nights` on call, of which `interrupted` had this many pages."""
    quiet = max(0, nights - len(interrupted))
    every = [0] * quiet + sorted(interrupted)
    return NightPages(
        len(every),
        median(every) if every else 0,
        max(every, default=0),
        sum(pages >= NIGHT_LIMIT_PAGES for pages in every),
    )


def nights_of(rows: Iterable[PersonRow]) -> NightPages:
    """Return the pages per night of people who share their work; a night counts once for each of them."""
    listed = list(rows)
    interrupted = [pages for row in listed for pages in row.calls.by_night]
    return pages_per_night(interrupted, sum(row.nights for row in listed))


def per_shift(incidents: int, on_call: timedelta) -> float:
    """Return the mean number of incidents per 12 hours on call, 0 for someone with less than one such shift."""
    return incidents / (on_call / SHIFT) if on_call >= SHIFT else 0.0
