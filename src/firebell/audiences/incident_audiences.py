"""The audiences of one incident with their clocks, and what was sent to them (pure)."""

from dataclasses import dataclass
from datetime import datetime

from firebell.audiences.clocks import AudienceFacts, Due
from firebell.audiences.model import AudienceDefinition, AudiencePost, EntryFact
from firebell.incidents.model import Incident


@dataclass(frozen=True, slots=True)
class AudienceClock:
    """One audience of an incident: when it got posts, and which is due next.

    `is_empty` is True for an audience without members, which has no clock.
    """

    audience: AudienceDefinition
    sent: tuple[datetime, ...]
    due: Due | None
    is_empty: bool

    @property
    def last(self) -> datetime | None:
        """When it got the last post."""
        return self.sent[-1] if self.sent else None

    def is_overdue(self, now: datetime) -> bool:
        """Return True if its post should have been sent."""
        return self.due is not None and self.due.at <= now


@dataclass(frozen=True, slots=True)
class IncidentAudiences:
    """The audiences of one incident, and what was sent to them.

    `mails` are the emails to customers, also those that someone recorded by hand. `entries` are what the clocks
    follow from.
    """

    incident: Incident
    facts: AudienceFacts
    clocks: tuple[AudienceClock, ...]
    posts: tuple[AudiencePost, ...]
    mails: tuple[datetime, ...]
    entries: tuple[EntryFact, ...]

    @property
    def next(self) -> AudienceClock | None:
        """The audience whose post is due first."""
        waiting = [(clock.due.at, number, clock) for number, clock in enumerate(self.clocks) if clock.due]
        return min(waiting)[2] if waiting else None

    def overdue(self, now: datetime) -> list[AudienceClock]:
        """Return the audiences whose post is overdue."""
        return [clock for clock in self.clocks if clock.is_overdue(now)]

    def clock(self, slug: str) -> AudienceClock | None:
        """Return the clock of an audience, None if there is none."""
        return next((each for each in self.clocks if each.audience.slug == slug), None)
