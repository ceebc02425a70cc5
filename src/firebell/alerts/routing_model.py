"""Where a routing rule sends an alert, and why a group waits ([spec 3.6](docs/spec/3-alerts.md)) (pure)."""

from datetime import datetime, timedelta
from enum import StrEnum

import msgspec


class HoldKind(StrEnum):
    """Why a group does not page at once."""

    NEVER = "never"
    """It pages no one and stays visible."""
    WAIT = "wait"
    """It pages if an alert of it still fires after a while."""
    THRESHOLD = "threshold"
    """It pages once enough firing events arrived within a window."""
    UNKNOWN = "unknown"
    """A later release stored a kind that this one does not know; it ends at once, and the group pages."""

    @classmethod
    def _missing_(cls, value: object) -> "HoldKind":
        """Read every other kind as `UNKNOWN`, so that a downgrade breaks no ingest and loses no page."""
        return cls.UNKNOWN


class Hold(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why a group does not page yet. `rule_id` and `version_id` name the rule that holds it.

    `window_s` is how long a group waits, or the window in which `needed` firing events must arrive. `events` are the
    last of these; `until` is when it stops waiting; `ended_at` is when it began to page.
    """

    kind: HoldKind
    rule_id: int
    version_id: int
    needed: int = 1
    window_s: int = 0
    until: datetime | None = None
    events: tuple[datetime, ...] = ()
    ended_at: datetime | None = None

    @property
    def window(self) -> timedelta:
        """How long the group waits, or the window in which its events must arrive."""
        return timedelta(seconds=self.window_s)

    @property
    def is_open(self) -> bool:
        """Return True until the group pages."""
        return self.ended_at is None

    @property
    def is_delay(self) -> bool:
        """Return True while the group may still page later; one that never pages is complete as it is."""
        return self.is_open and self.kind is not HoldKind.NEVER

    @property
    def terms(self) -> tuple[int, HoldKind, int, int]:
        """What the rule asks for; a rule that asks for something else holds other groups."""
        return self.rule_id, self.kind, self.needed, self.window_s

    def opened(self, now: datetime, earlier: "Hold | None" = None) -> "Hold":
        """Return the hold of a group that opens now; it continues counting where that of an `earlier` group ended."""
        counted = earlier.events if earlier is not None and earlier.terms == self.terms else ()
        until = now + self.window if self.kind is HoldKind.WAIT else None
        return msgspec.structs.replace(self, until=until, events=counted)

    def counted(self, now: datetime) -> "Hold":
        """Return the hold after one more firing event; it has ended if that was the last one that it needs."""
        if self.kind is not HoldKind.THRESHOLD or not self.is_open:
            return self
        recent = (*(at for at in self.events if now - at <= self.window), now)[-self.needed :]
        return msgspec.structs.replace(
            self, events=recent, ended_at=now if len(recent) >= self.needed else None
        )

    def after(self, wanted: "Hold | None", now: datetime, *, is_counted: bool) -> "Hold":
        """Return the hold after an event that a rule wants to hold so; it has ended unless the terms are the same."""
        if wanted is None or wanted.terms != self.terms:
            return self.ended(now)
        return self.counted(now) if is_counted else self

    def ended(self, now: datetime) -> "Hold":
        """Return the hold of a group that pages from now on."""
        return msgspec.structs.replace(self, ended_at=now) if self.is_open else self


class Route(msgspec.Struct, frozen=True):
    """What a rule decided about an event.

    `service_id` is None if the rule keeps the service of the integration. `is_fallback` means that the rule names a
    service that does not exist, so that the alert is handled as if no rule matched.
    """

    rule_id: int
    version_id: int
    key: str
    service_id: int | None = None
    urgency: str | None = None
    hold: Hold | None = None
    is_fallback: bool = False
