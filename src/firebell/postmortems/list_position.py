"""Positions in the list of post-mortems: unpublished ones first, each part by due time, the latest first (pure)."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from firebell.postmortems.model import ListedPostmortem

_PATTERN = re.compile(r"(open|published):([0-9]{1,17}):([1-9][0-9]{0,17})")
_EPOCH = datetime.fromtimestamp(0, UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class PostmortemPosition:
    """A position in the list: after the post-mortem with this id and due time, as it was when it was listed."""

    published: bool
    due_at: datetime
    id: int

    def __str__(self) -> str:
        part = "published" if self.published else "open"
        return f"{part}:{(self.due_at - _EPOCH) // _MICROSECOND}:{self.id}"


def position(postmortem: ListedPostmortem) -> PostmortemPosition:
    """Return the position after a listed post-mortem."""
    return PostmortemPosition(postmortem.state == "published", postmortem.due_at, postmortem.id)


def parse(cursor: str) -> PostmortemPosition | None:
    """Return the position of a cursor, None if it is malformed."""
    match = _PATTERN.fullmatch(cursor)
    if match is None:
        return None
    return PostmortemPosition(match[1] == "published", _EPOCH + int(match[2]) * _MICROSECOND, int(match[3]))
