"""Updates that status pages owe their readers: the first one, and the one that was promised (pure; spec 7.3)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from firebell.status_pages.model import PublicIncident

FIRST_SHARES = (50, 80, 100)
"""The percentages of the time for the first update at which people are reminded of it."""
PROMISE_SHARES = (80, 100)
"""The same for an update that was promised."""


@dataclass(frozen=True, slots=True)
class DueUpdate:
    """An update that is due at an instant; its time counts from `since`."""

    at: datetime
    since: datetime
    is_first: bool

    def reminders(self) -> list[tuple[int, datetime]]:
        """Return the percentages of its time at which people are reminded, with their instants."""
        shares: Sequence[int] = FIRST_SHARES if self.is_first else PROMISE_SHARES
        return [(share, self.since + (self.at - self.since) * share / 100) for share in shares]


def due_update(
    published: PublicIncident | None, first_due_at: datetime | None, declared_at: datetime
) -> DueUpdate | None:
    """Return the update that a status page owes about an incident, None if it owes none."""
    if published is None:
        return None if first_due_at is None else DueUpdate(first_due_at, declared_at, is_first=True)
    if not published.is_open:
        return None
    latest = next(update for update in reversed(published.updates) if update.kind.is_progress)
    if latest.next_update_at is None:
        return None
    return DueUpdate(latest.next_update_at, latest.display_at, is_first=False)
