"""The languages of messages and calls: the words around what people and sources write (pure; spec 10.4)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from firebell.kit import language_catalogs
from firebell.kit.language_catalogs import DEFAULT, CatalogLanguage
from firebell.kit.localtime import to_local


@dataclass(frozen=True, slots=True, kw_only=True)
class Language(CatalogLanguage):
    """A language of messages, and how the providers of calls name it."""

    twilio_language: str = "en-US"
    twilio_voice: str = ""
    """The voice that a language needs because the usual one does not speak it; empty for the usual one."""
    vonage_language: str = "en-US"
    weekdays: Sequence[str] = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
    moment_format: str = "{weekday} {day} {month} {time}"

    def moment(self, at: datetime, tz: str) -> str:
        """Return an instant as local time in `tz`, such as Mon 1 Dec 09:00."""
        local = to_local(at, tz)
        return self.moment_format.format(
            weekday=self.weekdays[local.weekday()],
            day=self.day_number(local),
            month=self.months[local.month - 1],
            time=f"{local:%H:%M}",
        )


ENGLISH = Language(code=DEFAULT, name="English")


@cache
def languages() -> Mapping[str, Language]:
    """Return all languages by code: English, then those with a catalog by their own name."""
    return language_catalogs.load("firebell.channels", ENGLISH)


def language(code: str) -> Language:
    """Return a language; English for one that there is no longer, so that its messages are sent all the same."""
    return languages().get(code, ENGLISH)


def text(code: str, english: str, /, **values: object) -> str:
    """Return a string in a language, with its placeholders filled in."""
    return language(code).text(english, **values)
