"""What the filters of every list share: words, days and choices as they stand in an address (pure)."""

from datetime import date

from firebell.kit.clock import YEARS
from firebell.kit.errors import Invalid

QUERY_LIMIT = 200
"""Characters of a search."""
_WORDS_LIMIT = 10


def shown(text: str) -> str:
    """Return the beginning of what someone typed, in quotes, as a message can repeat it."""
    return repr(text.encode("utf-8", "replace").decode()[:40])


def storable(text: str) -> bool:
    """Return True if the database can hold the text: no NUL character, no unpaired surrogate."""
    return not any(c == "\x00" or "\ud800" <= c <= "\udfff" for c in text)


def search_words(text: str) -> tuple[str, ...]:
    """Return the words to look for in titles; raise `Invalid` for text that no title can hold."""
    if len(text) > QUERY_LIMIT:
        raise Invalid("The search is too long.", fields={"q": f"Enter at most {QUERY_LIMIT} characters."})
    if not storable(text):
        raise Invalid("The search contains an invalid character.", fields={"q": "Remove the NUL character."})
    words = tuple(dict.fromkeys(text.split()))
    if len(words) > _WORDS_LIMIT:
        raise Invalid("The search has too many words.", fields={"q": f"Enter at most {_WORDS_LIMIT} words."})
    return words


def to_day(text: str, field: str) -> date:
    """Return the day that is written as 2026-11-24; raise `Invalid` naming the field."""
    try:
        parsed = date.fromisoformat(text)
        if parsed.year not in YEARS or len(text) != len("2026-11-24"):
            raise ValueError
    except ValueError:
        raise Invalid(
            f"{shown(text)} is not a date.", fields={field: "Enter a date such as 2026-11-24."}
        ) from None
    return parsed


def to_one_of(text: str, field: str, allowed: tuple[str, ...]) -> str:
    """Return `text` if it is one of `allowed`; raise `Invalid` naming the field."""
    if text not in allowed:
        raise Invalid(
            f"{shown(text)} is not a value of {field}.", fields={field: f"Use {', '.join(allowed)}."}
        )
    return text
