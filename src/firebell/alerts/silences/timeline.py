"""A week of silences, as bars in columns of three hours of a time zone (pure)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from firebell.alerts.silences.model import Silence, SilenceState
from firebell.kit.errors import Invalid
from firebell.kit.localtime import to_instant, to_local

DAYS = 7
COLUMNS = DAYS * 8


@dataclass(frozen=True, slots=True)
class SilenceBar:
    """A silence in the week: the column in which it begins, from 0, and how many columns it covers."""

    silence: Silence
    state: SilenceState
    column: int
    span: int


@dataclass(frozen=True, slots=True)
class Week:
    """Seven days of a time zone, from any of its midnights."""

    first: date
    tz: str

    @property
    def days(self) -> list[date]:
        """Its days, in order."""
        return [self.first + timedelta(days=n) for n in range(DAYS)]

    @property
    def start(self) -> datetime:
        """The instant at which it begins."""
        return to_instant(datetime.combine(self.first, time()), self.tz)

    @property
    def end(self) -> datetime:
        """The instant at which the next week begins."""
        return to_instant(datetime.combine(self.first + timedelta(days=DAYS), time()), self.tz)

    def shifted(self, weeks: int) -> "Week":
        """Return the week that begins this many weeks later."""
        return Week(self.first + timedelta(weeks=weeks), self.tz)

    def place(self, at: datetime) -> float:
        """Return where an instant is, from 0 at the start to 1 at the end, by the clock on the wall."""
        local = to_local(at, self.tz)
        passed = local.replace(tzinfo=None) - datetime.combine(self.first, time())
        return min(max(passed / timedelta(days=DAYS), 0.0), 1.0)


def week_of(text: str, tz: str, now: datetime) -> Week:
    """Return the week from a date such as 2026-11-30, or the one with today in its middle; raise `Invalid`."""
    day = to_local(now, tz).date() - timedelta(days=DAYS // 2)
    if text:
        try:
            day = date.fromisoformat(text)
        except ValueError:
            raise Invalid("This is not a date.", fields={"week": "Use a date such as 2026-11-30."}) from None
        if not date(2000, 1, 1) <= day <= date(2200, 1, 1):
            raise Invalid("This week is out of range.", fields={"week": "Use a date from 2000 to 2200."})
    return Week(day, tz)


def bars(week: Week, silences: Iterable[Silence], now: datetime) -> list[SilenceBar]:
    """Return a bar for each silence of a week, in the order in which they begin."""
    listed = []
    for silence in sorted(silences, key=lambda each: (each.starts_at, each.id)):
        end = silence.ended_at or silence.ends_at
        if silence.starts_at < week.end and end > week.start and end > silence.starts_at:
            first = min(int(week.place(silence.starts_at) * COLUMNS), COLUMNS - 1)
            # rounded up, so that a short silence is visible
            last = -int(-week.place(end) * COLUMNS // 1)
            listed.append(SilenceBar(silence, silence.state(now), first, max(last - first, 1)))
    return listed
