"""Alerts that change between firing and resolved again and again ([spec 3.3](docs/spec/3-alerts.md), pure).

An alert begins to flap at the nth change within an hour. From then on it keeps its page, whatever its source reports,
until it is calm: at most a third as many changes within an hour, for half an hour.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

WINDOW = timedelta(minutes=60)
"""The time within which changes are counted."""
CALM = timedelta(minutes=30)
"""How long there must be few changes until an alert no longer flaps."""
DEFAULT_CHANGES = 6
"""The changes within `WINDOW` at which an alert begins to flap, unless its integration sets another number."""
NEVER = 0
"""The number of an integration whose alerts never flap."""
MIN_CHANGES, MAX_CHANGES = 3, 20


class Flap(msgspec.Struct, frozen=True, omit_defaults=True):
    """The changes of an alert between firing and resolved; `changes` are the last ones, oldest first.

    `since` is when it began to flap, None if it does not; then `limit` is the number of changes at which it began, and
    `count` the number of changes since. `resolved_at` is when its source last resolved it, None while it fires, and
    `ended_by` who did.
    """

    changes: tuple[datetime, ...] = ()
    limit: int = NEVER
    since: datetime | None = None
    count: int = 0
    resolved_at: datetime | None = None
    ended_by: str = "source"

    @property
    def is_on(self) -> bool:
        """Return True while the alert flaps."""
        return self.since is not None

    @property
    def is_resolved(self) -> bool:
        """Return True while the alert flaps and its source last resolved it."""
        return self.resolved_at is not None

    @property
    def ends_at(self) -> datetime:
        """Return when it has been calm for long enough, if it does not change until then; it must flap."""
        newest = self.changes[::-1]
        few = self.limit // 3
        calm_since = newest[few] + WINDOW
        for later, earlier in zip(newest, newest[few + 1 :], strict=False):
            # there were few changes before the last one too
            if later < calm_since:
                break
            calm_since = earlier + WINDOW
        return calm_since + CALM

    def changed(self, now: datetime) -> "Flap":
        """Return it after one more change while it flaps."""
        changes = (*_until(self.changes, now), now)[-self.limit :]
        return msgspec.structs.replace(self, changes=changes, count=self.count + 1)

    def resolved(self, at: datetime, ended_by: str, now: datetime) -> "Flap":
        """Return it after its source resolved the alert at `at`; the same if it is resolved already."""
        if self.is_resolved:
            return self
        return self.changed(now).with_resolution(at, ended_by)

    def with_resolution(self, at: datetime, ended_by: str) -> "Flap":
        """Return it with what its source reported last: that the alert is resolved."""
        return msgspec.structs.replace(self, resolved_at=at, ended_by=ended_by)

    def fired(self, now: datetime) -> "Flap":
        """Return it after its source fired the alert again; the same if it fires already."""
        return msgspec.structs.replace(self.changed(now), resolved_at=None) if self.is_resolved else self

    def is_quiet(self, now: datetime) -> bool:
        """Return True if its last change was `CALM` ago or more."""
        return now - self.changes[-1] >= CALM

    def begun(self, limit: int, now: datetime) -> "Flap | None":
        """Return it as it begins to flap now, None if there were too few changes."""
        counted = self.changes[-limit:]
        if limit == NEVER or len(counted) < limit or now - counted[0] >= WINDOW:
            return None
        return Flap(counted, limit, since=now)

    def ended(self) -> "Flap":
        """Return it as it no longer flaps."""
        return Flap(self.changes)


def after(flap: Flap | None, known: Sequence[datetime], now: datetime) -> Flap | None:
    """Return the recent changes of an alert that does not flap and changes now, None if there were none before.

    `known` are changes of it that are not in `flap` because it had none.
    """
    before = _until(flap.changes if flap is not None else known, now)
    recent = tuple(at for at in before if now - at < WINDOW)
    return Flap((*recent, now)[-MAX_CHANGES:]) if recent else None


def _until(changes: Sequence[datetime], now: datetime) -> tuple[datetime, ...]:
    """Return changes with none after now: a clock that was ahead must not keep an alert flapping."""
    return tuple(min(at, now) for at in changes)
