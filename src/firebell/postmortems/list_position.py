"""Positions in the lists of post-mortems: an instant, and the id that decides between equal ones (pure)."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

_PATTERN = re.compile(r"([0-9]{1,17}):([1-9][0-9]{0,17})")
_EPOCH = datetime.fromtimestamp(0, UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class PostmortemPosition:
    """A position in a list: after the document with this id and instant, as it was when it was listed."""

    at: datetime
    id: int

    def __str__(self) -> str:
        return f"{(self.at - _EPOCH) // _MICROSECOND}:{self.id}"


def parse(cursor: str) -> PostmortemPosition | None:
    """Return the position of a cursor, None if it is malformed."""
    match = _PATTERN.fullmatch(cursor)
    if match is None:
        return None
    return PostmortemPosition(_EPOCH + int(match[1]) * _MICROSECOND, int(match[2]))
