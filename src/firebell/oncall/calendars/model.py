"""Feeds that go out, and calendars that come in."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from urllib.parse import urlsplit

BACK, AHEAD = timedelta(days=30), timedelta(days=180)
"""How far a feed reaches, and how far ahead an import is expanded."""
LARGEST = 5 * 1024 * 1024
"""How many bytes of a calendar are read."""
LARGEST_FILE = 3 * 1024 * 1024
"""How many bytes of a calendar are taken from a file: the body of the form has to hold them."""
STALE = timedelta(hours=6)
"""After how long without a good copy somebody is told."""


class FeedKind(StrEnum):
    """Whose shifts a feed shows."""

    SCHEDULE = "schedule"
    PERSON = "person"
    TEAM = "team"


@dataclass(frozen=True, slots=True)
class Feed:
    """A feed without its token, which is shown once; `name` is that of its subject."""

    id: int
    kind: FeedKind
    subject_id: int
    name: str
    created_by: int
    created_at: datetime
    last_used_at: datetime | None


class Place(StrEnum):
    """Where an imported layer lies; of two in the same place the one that was added later lies above."""

    ABOVE = "above"
    """Above the schedule's own rotations, which answer where it has nobody."""
    BELOW = "below"
    """Below the schedule's own rotations: it answers where they have nobody."""


class Use(StrEnum):
    """What an import does."""

    LAYER = "layer"
    """Its shifts lie above or below the schedule's own rotations, by its place."""
    OVERRIDE = "override"
    """Its shifts lie above every layer, and below overrides that were made here."""
    BUSY = "busy"
    """It says when one person is busy, and decides nothing."""
    NAMES = "names"
    """It names days, such as public holidays, and decides nothing."""


class Source(StrEnum):
    """Where an import comes from."""

    URL = "url"
    TEXT = "text"
    HOLIDAYS = "holidays"


@dataclass(frozen=True, slots=True)
class Stray:
    """A shift of a calendar that names nobody here (S-ICAL-USER)."""

    start: datetime
    end: datetime
    title: str


@dataclass(frozen=True, slots=True)
class Import:
    """A calendar that comes in, and how it fares."""

    id: int
    name: str
    use: Use
    place: Place
    source: Source
    schedule_id: int | None
    person_id: int | None
    url: str
    country: str
    subdivision: str
    users: tuple[int, ...]
    next_at: datetime
    good_at: datetime | None
    failing_since: datetime | None
    error: str
    notes: tuple[str, ...]
    unmatched: tuple[Stray, ...]

    @property
    def host(self) -> str:
        """Where it comes from; the rest of the address may be a secret."""
        return urlsplit(self.url).hostname or ""

    def stale(self, now: datetime) -> bool:
        """Say whether it has failed for so long that somebody must look (S-ICAL-STALE)."""
        return self.failing_since is not None and now - self.failing_since >= STALE


@dataclass(frozen=True, slots=True)
class Event:
    """One occurrence in a calendar; `free` does not make its person busy, `declined` are who said no."""

    start: datetime
    end: datetime
    title: str
    emails: tuple[str, ...] = ()
    free: bool = False
    declined: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ImportedShift:
    """A stretch that an import gives to people; those of one import do not overlap."""

    start: datetime
    end: datetime
    users: tuple[int, ...]
    title: str
    place: Place = Place.ABOVE


@dataclass(frozen=True, slots=True)
class Made:
    """What was read in a calendar of so many events."""

    shifts: tuple[ImportedShift, ...]
    unmatched: tuple[Stray, ...]
    notes: tuple[str, ...]
    events: int


@dataclass(frozen=True, slots=True)
class Known:
    """Somebody whom a calendar may mean."""

    id: int
    name: str
    email: str


@dataclass(frozen=True, slots=True)
class Due:
    """An import that is due, with its last good copy and what that was made for; `tz` is its owner's."""

    of: Import
    body: bytes | None
    etag: str
    modified: str
    made_for: str
    tz: str


@dataclass(frozen=True, slots=True)
class Conflict:
    """Somebody is on duty while a calendar of theirs says that they are busy (S-BUSY)."""

    person_id: int
    schedule: str
    start: datetime
    end: datetime
    title: str
