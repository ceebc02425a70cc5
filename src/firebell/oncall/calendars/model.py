"""Calendar feeds and imported calendars."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from urllib.parse import urlsplit

FEED_LOOKBACK, CALENDAR_LOOKAHEAD = timedelta(days=30), timedelta(days=180)
"""How far back and ahead a feed reaches; imports are expanded as far ahead."""
MAX_CALENDAR_BYTES = 5 * 1024 * 1024
"""The largest calendar that is read, in bytes."""
MAX_UPLOAD_BYTES = 3 * 1024 * 1024
"""The largest uploaded calendar, in bytes: it must fit into the body of a form."""
STALE_AFTER = timedelta(hours=6)
"""After failing for this long, a calendar is reported."""


class FeedKind(StrEnum):
    """Whose shifts a feed shows."""

    SCHEDULE = "schedule"
    PERSON = "person"
    TEAM = "team"


@dataclass(frozen=True, slots=True)
class Feed:
    """A feed without its token, which is shown once; `name` is the name of its subject."""

    id: int
    kind: FeedKind
    subject_id: int
    name: str
    created_by: int
    created_at: datetime
    last_used_at: datetime | None


class LayerPlace(StrEnum):
    """The place of an imported layer; of two in the same place, the newer one is above."""

    ABOVE = "above"
    """Above the schedule's own rotations, which apply where it has no one on call."""
    BELOW = "below"
    """Below the schedule's own rotations: it applies where they have no one on call."""


class Use(StrEnum):
    """What an import is used for."""

    LAYER = "layer"
    """Its shifts are above or below the schedule's own rotations, by its place."""
    OVERRIDE = "override"
    """Its shifts are above every layer, and below overrides created in Firebell."""
    BUSY = "busy"
    """It holds the times when one person is busy, and puts no one on call."""
    NAMES = "names"
    """It names days, such as public holidays, and puts no one on call."""


class ImportSource(StrEnum):
    """The source of an import."""

    URL = "url"
    TEXT = "text"
    HOLIDAYS = "holidays"


@dataclass(frozen=True, slots=True)
class UnmatchedShift:
    """A shift of a calendar that matches no one here (S-ICAL-USER)."""

    start: datetime
    end: datetime
    title: str


@dataclass(frozen=True, slots=True)
class Import:
    """An imported calendar and its state."""

    id: int
    name: str
    use: Use
    place: LayerPlace
    source: ImportSource
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
    unmatched: tuple[UnmatchedShift, ...]

    @property
    def host(self) -> str:
        """The host of its address; the rest of the address may be secret."""
        return urlsplit(self.url).hostname or ""

    def stale(self, now: datetime) -> bool:
        """Return True if it has failed for so long that it is reported (S-ICAL-STALE)."""
        return self.failing_since is not None and now - self.failing_since >= STALE_AFTER


@dataclass(frozen=True, slots=True)
class CalendarEvent:
    """One occurrence in a calendar; `free` if its person is not busy, `declined` are the emails of who declined."""

    start: datetime
    end: datetime
    title: str
    emails: tuple[str, ...] = ()
    free: bool = False
    declined: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ImportedShift:
    """A shift of an import; the shifts of one import do not overlap."""

    start: datetime
    end: datetime
    users: tuple[int, ...]
    title: str
    place: LayerPlace = LayerPlace.ABOVE


@dataclass(frozen=True, slots=True)
class ReadResult:
    """What was read in a calendar; `events` is the number of its events."""

    shifts: tuple[ImportedShift, ...]
    unmatched: tuple[UnmatchedShift, ...]
    notes: tuple[str, ...]
    events: int


@dataclass(frozen=True, slots=True)
class KnownPerson:
    """A person whom a calendar can name."""

    id: int
    name: str
    email: str


@dataclass(frozen=True, slots=True)
class DueImport:
    """An import that is due, with its last good copy, and a hash of what that was read with; `tz` is its owner's."""

    of: Import
    body: bytes | None
    etag: str
    modified: str
    made_for: str
    tz: str


@dataclass(frozen=True, slots=True)
class BusyConflict:
    """A person is on call while their own calendar says that they are busy (S-BUSY)."""

    person_id: int
    schedule: str
    start: datetime
    end: datetime
    title: str
