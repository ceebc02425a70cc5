"""Lengths of time as people write them, such as `90 s`, `5 min`, `1h30m` or `1 d` (pure)."""

import re
from datetime import timedelta

from firebell.kit.errors import Invalid

_UNITS = {"s": 1, "sec": 1, "m": 60, "min": 60, "h": 3600, "d": 86400, "w": 604800}
# one part for each unit; more could exceed what a timedelta holds
_WHOLE = re.compile(r"(?:\s*\d{1,7}\s*(?:min|sec|[smhdw])){1,5}\s*", re.IGNORECASE | re.ASCII)
_PART = re.compile(r"(\d{1,7})\s*(min|sec|[smhdw])", re.IGNORECASE | re.ASCII)


def parse(text: str, field: str) -> timedelta:
    """Return the duration; raise `Invalid` at `field` if the text is not one."""
    if not _WHOLE.fullmatch(text):
        raise Invalid(
            f"{field.replace('_', ' ').capitalize()} is not a length of time.",
            fields={field: "Enter a length such as 90 s, 5 min, 1 h or 1 d."},
        )
    return timedelta(
        seconds=sum(int(number) * _UNITS[unit.casefold()] for number, unit in _PART.findall(text))
    )


def written(length: timedelta | None) -> str:
    """Return the length as text that parses back to it, such as `1 h 30 min`; an empty text for None."""
    if length is None:
        return ""
    rest, parts = int(length.total_seconds()), []
    for unit in ("d", "h", "min", "s"):
        number, rest = divmod(rest, _UNITS[unit])
        if number:
            parts.append(f"{number} {unit}")
    return " ".join(parts) or "0 s"
