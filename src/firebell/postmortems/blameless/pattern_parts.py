"""Word lists and alternatives of patterns, as the rules of the blameless lint write them (pure)."""

import re


def words(listed: str) -> frozenset[str]:
    """Return the words of a text, which are separated by white space."""
    return frozenset(listed.split())


def any_of(*alternatives: str) -> re.Pattern[str]:
    """Return the pattern of any of the alternatives, whatever the capitals."""
    return re.compile("|".join(alternatives), re.IGNORECASE)


def one_of(listed: str) -> str:
    """Return the alternatives of a text, which are separated by white space, as a group; + stands for spaces."""
    return f"(?:{'|'.join(word.replace('+', ' +') for word in listed.split())})"
