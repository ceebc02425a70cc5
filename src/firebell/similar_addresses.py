"""Finds addresses and references similar to one that does not exist (pure)."""

from collections.abc import Iterable
from difflib import get_close_matches

SECTIONS = {
    "alerts": "/alerts",
    "escalation": "/escalation",
    "handbook": "/handbook",
    "handoffs": "/handoffs",
    "incidents": "/incidents",
    "load": "/load",
    "oncall": "/oncall",
    "pages": "/pages",
    "post-mortems": "/post-mortems",
    "runbooks": "/runbooks",
    "services": "/services",
    "settings": "/settings",
}
"""The section of each first path segment."""
_SYNONYMS = {
    "account": "/settings",
    "calendar": "/oncall",
    "contact": "/settings/contact",
    "docs": "/handbook",
    "help": "/handbook",
    "keys": "/settings/keys",
    "policies": "/escalation",
    "postmortems": "/post-mortems",
    "profile": "/settings",
    "schedules": "/oncall",
}
_MAX_MATCHES = 3


def sections(path: str) -> list[str]:
    """Return the addresses of sections whose name is close to the first part of a path, closest first."""
    known = {**SECTIONS, **_SYNONYMS}
    first = path.strip("/").partition("/")[0].lower()
    return list(dict.fromkeys(known[name] for name in get_close_matches(first, known, _MAX_MATCHES, 0.7)))


def slugs(wanted: str, known: Iterable[str]) -> list[str]:
    """Return the slugs that resemble or contain the wanted one, closest first."""
    known, wanted = list(known), wanted.lower()
    close = get_close_matches(wanted, known, _MAX_MATCHES, 0.6)
    return list(dict.fromkeys([*close, *(s for s in known if wanted and wanted in s)]))[:_MAX_MATCHES]


def numbers(wanted: int) -> list[int]:
    """Return the numbers that are one typo away: a digit too many, or two digits swapped."""
    text = str(wanted)
    shorter = [text[:i] + text[i + 1 :] for i in reversed(range(len(text)))]
    swapped = [text[:i] + text[i + 1] + text[i] + text[i + 2 :] for i in range(len(text) - 1)]
    numbers = [int(t) for t in (*shorter, *swapped) if t and not t.startswith("0")]
    return [n for n in dict.fromkeys(numbers) if n != wanted]
