"""Parses the query parameters that list filters share: words, days and choices (pure)."""

from datetime import date
from typing import TypeVar

from firebell.kit import search_terms
from firebell.kit.clock import YEARS
from firebell.kit.errors import Invalid

T = TypeVar("T", bound=str)
QUERY_LIMIT = 200
"""Maximum length of a search in characters."""
_WORDS_LIMIT = 10


def shown(text: str) -> str:
    """Return the beginning of user input in quotes, short enough for an error message."""
    return repr(text.encode("utf-8", "replace").decode()[:40])


def storable(text: str) -> bool:
    """Return True if the database can hold the text: no NUL character, no unpaired surrogate."""
    return not any(c == "\x00" or "\ud800" <= c <= "\udfff" for c in text)


def search_words(text: str) -> tuple[str, ...]:
    """Return the words to search titles for, without accents; none for blank text.

    Raise `Invalid` for text that no title can contain, or that has no word.
    """
    if len(text) > QUERY_LIMIT:
        raise Invalid("The search is too long.", fields={"q": f"Enter at most {QUERY_LIMIT} characters."})
    if not storable(text):
        raise Invalid("The search contains an invalid character.", fields={"q": "Remove the NUL character."})
    if len(set(text.split())) > _WORDS_LIMIT:
        raise Invalid("The search has too many words.", fields={"q": f"Enter at most {_WORDS_LIMIT} words."})
    words = search_terms.parse(text).words
    if text.strip() and not words:
        raise Invalid("The search has no word.", fields={"q": "Enter a letter or a digit."})
    return words


def to_day(text: str, field: str) -> date:
    """Parse a date such as 2026-11-24; raise `Invalid` naming the field."""
    try:
        parsed = date.fromisoformat(text)
        if parsed.year not in YEARS or len(text) != len("2026-11-24"):
            raise ValueError
    except ValueError:
        raise Invalid(
            f"{shown(text)} is not a date.", fields={field: "Enter a date such as 2026-11-24."}
        ) from None
    return parsed


def to_one_of(text: str, field: str, allowed: tuple[T, ...]) -> T:
    """Return the one of `allowed` that `text` is; raise `Invalid` naming the field."""
    for value in allowed:
        if value == text:
            return value
    raise Invalid(f"{shown(text)} is not a value of {field}.", fields={field: f"Use {', '.join(allowed)}."})
