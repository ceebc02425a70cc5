"""The languages of status pages: the page's own strings, dates and durations (pure; spec 7.9)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from firebell.kit import language_catalogs
from firebell.kit.language_catalogs import DEFAULT, CatalogLanguage


@dataclass(frozen=True, slots=True, kw_only=True)
class Language(CatalogLanguage):
    """A language in which a status page is shown."""

    day_format: str
    day_and_year_format: str
    month_format: str
    """How a month is written with its year."""
    units: Mapping[str, str]
    """How days, hours, minutes and seconds are written, by d, h, min and s."""
    quantity_format: str = "{number} {unit}"
    quantity_separator: str = " "
    """What stands between the two units of a duration."""
    list_separator: str = ", "
    decimal_mark: str = "."
    percent_format: str = "{number}%"
    keeps_case: bool = False
    """True if a noun begins with a capital within a sentence."""

    def inline(self, english: str) -> str:
        """Return a label in this language as it is written within a sentence."""
        text = self.text(english)
        return text if self.keeps_case else text.lower()

    def labeled(self, label: str, value: str) -> str:
        """Return a value after its label, with the colon of this language."""
        return self.text("{label}: {value}", label=label, value=value)

    def listed(self, texts: Iterable[str]) -> str:
        """Return texts one after the other, as this language separates them."""
        return self.list_separator.join(texts)

    def percent(self, english: str) -> str:
        """Return a share such as 99.95% as this language writes it."""
        number = english.removesuffix("%").replace(".", self.decimal_mark)
        return self.percent_format.format(number=number)

    def day(self, at: datetime, tz: str, *, with_year: bool = True) -> str:
        """Return the day of an instant in `tz`."""
        local = at.astimezone(ZoneInfo(tz))
        pattern = self.day_and_year_format if with_year else self.day_format
        return pattern.format(day=self.day_number(local), month=self.months[local.month - 1], year=local.year)

    def month(self, year: int, month: int) -> str:
        """Return a month with its year."""
        return self.month_format.format(month=self.months[month - 1], year=year)

    def clock(self, at: datetime, tz: str, now: datetime) -> str:
        """Return an instant with its zone, and its day unless it is today; the text is cached, so nothing relative."""
        local, today = at.astimezone(ZoneInfo(tz)), now.astimezone(ZoneInfo(tz))
        day = "" if local.date() == today.date() else f"{self.day(at, tz, with_year=False)} "
        return f"{day}{local:%H:%M %Z}"

    def interval(self, start: datetime, end: datetime, tz: str) -> str:
        """Return an interval with its days and zone, such as 29 Nov 02:00–04:00 CET.

        If the clocks change in between, both times have their zone.
        """
        first, last = (at.astimezone(ZoneInfo(tz)) for at in (start, end))
        day = self.day(start, tz, with_year=False)
        end_day = "" if first.date() == last.date() else f"{self.day(end, tz, with_year=False)} "
        if first.utcoffset() != last.utcoffset():
            return f"{day} {first:%H:%M %Z} – {end_day}{last:%H:%M %Z}"
        separator = f" – {end_day}" if end_day else "–"
        return f"{day} {first:%H:%M}{separator}{last:%H:%M %Z}"

    def duration(self, length: timedelta) -> str:
        """Return a duration in its two largest units."""
        seconds = max(0, int(length.total_seconds()))
        parts = {
            "d": seconds // 86400,
            "h": seconds // 3600 % 24,
            "min": seconds // 60 % 60,
            "s": seconds % 60,
        }
        shown = [(unit, number) for unit, number in parts.items() if number]
        if not shown:
            return self._quantity("s", 0)
        largest = list(parts).index(shown[0][0])
        # hours and minutes beside days and hours; seconds only alone
        near = [
            (u, n) for u, n in shown if list(parts).index(u) <= largest + 1 and (u != "s" or largest == 3)
        ]
        return self.quantity_separator.join(self._quantity(unit, number) for unit, number in near)

    def _quantity(self, unit: str, number: int) -> str:
        return self.quantity_format.format(number=number, unit=self.units[unit])


ENGLISH = Language(
    code=DEFAULT,
    name="English",
    day_format="{day} {month}",
    day_and_year_format="{day} {month} {year}",
    month_format="{month} {year}",
    units={unit: unit for unit in ("d", "h", "min", "s")},
)


def preferred(accepted: str) -> Language:
    """Return the first language of an Accept-Language header that there is, else English."""
    codes = (part.partition(";")[0].strip().lower().partition("-")[0] for part in accepted.split(","))
    return next((languages()[code] for code in codes if code in languages()), ENGLISH)


@cache
def languages() -> dict[str, Language]:
    """Return all languages by code: English, then those with a catalog by their own name."""
    return language_catalogs.load("firebell.status_pages.public", ENGLISH)


def language_names() -> dict[str, str]:
    """Return the name of each language in itself, by code."""
    return {code: language.name for code, language in languages().items()}
