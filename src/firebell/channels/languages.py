"""The languages of messages and calls: the words that Firebell adds to what people and sources write (pure; spec 10.4).

An English string is the key of its translations. A catalog is complete, or its language is not offered.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources

DEFAULT = "en"
_CATALOGS = "catalogs"


@dataclass(frozen=True, slots=True)
class Language:
    """A language of messages, and how the providers of calls name it."""

    code: str
    name: str
    """Its name in itself."""
    direction: str = "ltr"
    twilio_language: str = "en-US"
    twilio_voice: str = ""
    """The voice that a language needs because the usual one does not speak it; empty for the usual one."""
    vonage_language: str = "en-US"
    texts: Mapping[str, str] = field(default_factory=dict)
    """The translations by English string; empty for English."""

    def text(self, english: str, /, **values: object) -> str:
        """Return a string in this language, with its placeholders filled in."""
        text = self.texts.get(english, english)
        return text.format(**values) if values else text


ENGLISH = Language(DEFAULT, "English")


@cache
def languages() -> Mapping[str, Language]:
    """Return all languages by code: English, then those with a catalog by their own name."""
    folder = resources.files("firebell.channels").joinpath(_CATALOGS)
    read = [
        Language(file.name.removesuffix(".toml"), **tomllib.loads(file.read_text(encoding="utf-8")))
        for file in folder.iterdir()
        if file.name.endswith(".toml")
    ]
    return {DEFAULT: ENGLISH, **{each.code: each for each in sorted(read, key=lambda each: each.name)}}


def language(code: str) -> Language:
    """Return a language; English for one that there is no longer, so that its messages are sent all the same."""
    return languages().get(code, ENGLISH)


def text(code: str, english: str, /, **values: object) -> str:
    """Return a string in a language, with its placeholders filled in."""
    return language(code).text(english, **values)
