"""Silences, and what one would silence (pure)."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from firebell.alerts.model import Alert
from firebell.kit import matchers
from firebell.kit.matchers import Matcher


class SilenceState(StrEnum):
    """Whether a silence runs, as Alertmanager calls it but for `upcoming`, which is its `pending`."""

    ACTIVE = "active"
    UPCOMING = "upcoming"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class NewSilence:
    """A silence as someone entered it; without services it is for all, without a start it starts now."""

    matchers: str
    comment: str
    ends_at: datetime
    starts_at: datetime | None = None
    service_ids: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Silence:
    """A stored silence: `ended_at` is when it ended, at its end or before it, `public_id` its UUID for amtool."""

    id: int
    public_id: str
    author: str
    comment: str
    matchers: str
    service_ids: tuple[int, ...]
    starts_at: datetime
    ends_at: datetime
    ended_at: datetime | None
    created_at: datetime

    @property
    def conditions(self) -> tuple[Matcher, ...]:
        """The matchers, which an alert meets all to be silenced."""
        return matchers.parse(self.matchers)

    @property
    def path(self) -> str:
        """The address of its screen."""
        return f"/silences/{self.id}"

    def state(self, now: datetime) -> SilenceState:
        """Return whether it runs now."""
        if self.ended_at is not None or self.ends_at <= now:
            return SilenceState.EXPIRED
        return SilenceState.UPCOMING if now < self.starts_at else SilenceState.ACTIVE


@dataclass(frozen=True, slots=True)
class SilencePreview:
    """What a silence matches now, and what it would have silenced in the last 30 days.

    `firing` counts those that match now, of which `firing_alerts` are the newest; `matching` counts the alerts of the
    30 days, of `compared`; `pages` and `incidents` resulted from those. If `is_partial`, older alerts of these days
    were not compared.
    """

    firing: int
    firing_alerts: tuple[Alert, ...]
    matching: int
    compared: int
    pages: int
    incidents: int
    is_partial: bool

    @property
    def is_wide(self) -> bool:
        """True if it would silence more than 20% of the alerts of its services."""
        return self.matching * 5 > self.compared and self.matching >= WIDE_FROM


WIDE_FROM = 10
"""Alerts that a silence must match before it counts as wide."""
