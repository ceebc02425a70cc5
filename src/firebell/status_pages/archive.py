"""What a status page published before the days that its snapshot has, by month and by public id (pure)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from firebell.kit.localtime import to_instant, to_local
from firebell.status_pages.maintenance_windows.model import Maintenance
from firebell.status_pages.model import PublicIncident
from firebell.status_pages.snapshot import Snapshot

_MONTH = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])")
_PUBLIC_ID = re.compile(r"[a-z0-9]{12}")


@dataclass(frozen=True, slots=True, order=True)
class Month:
    """A calendar month in the zone of a page."""

    year: int
    month: int

    def __str__(self) -> str:
        return f"{self.year:04}-{self.month:02}"

    @property
    def previous(self) -> "Month":
        """The month before this one."""
        return Month(self.year - 1, 12) if self.month == 1 else Month(self.year, self.month - 1)

    @property
    def next(self) -> "Month":
        """The month after this one."""
        return Month(self.year + 1, 1) if self.month == 12 else Month(self.year, self.month + 1)

    def start(self, tz: str) -> datetime:
        """Return when the month begins in a zone."""
        return to_instant(datetime(self.year, self.month, 1), tz)  # noqa: DTZ001 - wall time of the zone


ArchiveKey = Month | str
"""What is looked up in an archive: a month, or the public id of an incident or of maintenance."""


@dataclass(frozen=True, slots=True)
class Archive:
    """Published incidents by when they were published, and maintenance that is over by its start, the latest first."""

    incidents: tuple[PublicIncident, ...] = ()
    maintenances: tuple[Maintenance, ...] = ()

    def get(self, key: ArchiveKey, tz: str) -> "Archive":
        """Return the part with a key."""
        if isinstance(key, Month):
            return Archive(
                tuple(each for each in self.incidents if month_of(each.published_at, tz) == key),
                tuple(each for each in self.maintenances if month_of(each.scheduled_for, tz) == key),
            )
        return Archive(
            tuple(each for each in self.incidents if each.public_id == key),
            tuple(each for each in self.maintenances if each.public_id == key),
        )


def month_of(at: datetime, tz: str) -> Month:
    """Return the month of an instant in a zone."""
    local = to_local(at, tz)
    return Month(local.year, local.month)


def parse_month(text: str) -> Month | None:
    """Return the month that a text such as 2026-11 names, None if it names none."""
    match = _MONTH.fullmatch(text)
    return Month(int(match[1]), int(match[2])) if match and match[1] != "0000" else None


def is_public_id(text: str) -> bool:
    """Return True if a text has the shape of a public id."""
    return _PUBLIC_ID.fullmatch(text) is not None


def months(snapshot: Snapshot, now: datetime) -> list[Month]:
    """Return the months of a page's history in order, from its first incident to the current one."""
    tz = snapshot.page.tz
    begun = min(snapshot.history_start or now, now)
    month, last = month_of(begun, tz), month_of(now, tz)
    listed = []
    while month <= last:
        listed.append(month)
        month = month.next
    return listed


def of_snapshot(snapshot: Snapshot, listed: Iterable[Maintenance]) -> Archive:
    """Return what a snapshot has, with this maintenance, in the order of an archive."""
    windows = sorted(listed, key=lambda each: (each.scheduled_for, each.id), reverse=True)
    return Archive(snapshot.incidents, tuple(windows))
