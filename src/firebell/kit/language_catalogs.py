"""Languages with catalogs of strings, which are TOML files in the package of those who use them.

An English string is the key of its translations. A catalog is complete, or its language is not offered.
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from importlib import resources
from typing import TypeVar

DEFAULT = "en"
_FOLDER = "catalogs"


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogLanguage:
    """A language with its strings; the fields are those of its catalog."""

    code: str
    name: str
    """Its name in itself."""
    direction: str = "ltr"
    months: Sequence[str] = (
        "Jan",
        "Feb",
        "Mar",
        "Apr",
        "May",
        "Jun",
        "Jul",
        "Aug",
        "Sep",
        "Oct",
        "Nov",
        "Dec",
    )
    first_day: str = "1"
    """How the first day of a month is written."""
    texts: Mapping[str, str] = field(default_factory=dict)
    """The translations by English string; empty for English."""

    def text(self, english: str, /, **values: object) -> str:
        """Return a string in this language, with its placeholders filled in."""
        text = self.texts.get(english, english)
        return text.format(**values) if values else text

    def day_number(self, day: date) -> str:
        """Return the number of a day in its month."""
        return self.first_day if day.day == 1 else str(day.day)


L = TypeVar("L", bound=CatalogLanguage)


def load(package: str, english: L) -> dict[str, L]:
    """Return languages by code: English, then those with a catalog in the package, by their own name."""
    folder = resources.files(package).joinpath(_FOLDER)
    read = [
        type(english)(code=file.name.removesuffix(".toml"), **tomllib.loads(file.read_text(encoding="utf-8")))
        for file in folder.iterdir()
        if file.name.endswith(".toml")
    ]
    return {english.code: english, **{each.code: each for each in sorted(read, key=lambda each: each.name)}}
