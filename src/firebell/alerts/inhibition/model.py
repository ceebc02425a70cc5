"""Inhibition rules, and what their sources inhibit (pure)."""

from dataclasses import dataclass
from datetime import datetime

from firebell.alerts.mutes import Mute
from firebell.kit import matchers
from firebell.kit.matchers import Matcher

DEFAULT_WAIT_S = 15
"""Seconds that a target waits for its source, which may arrive after it."""


@dataclass(frozen=True, slots=True)
class NewInhibitionRule:
    """An inhibition rule as someone entered it."""

    name: str
    source_matchers: str
    target_matchers: str
    equal: tuple[str, ...] = ()
    wait_s: int = DEFAULT_WAIT_S


@dataclass(frozen=True, slots=True)
class InhibitionRule:
    """While a source fires, targets with the same values of the labels in `equal` page no one."""

    id: int
    name: str
    source_matchers: str
    target_matchers: str
    equal: tuple[str, ...]
    wait_s: int
    author: str
    created_at: datetime

    @property
    def source(self) -> tuple[Matcher, ...]:
        """The matchers of its sources."""
        return matchers.parse(self.source_matchers)

    @property
    def target(self) -> tuple[Matcher, ...]:
        """The matchers of its targets."""
        return matchers.parse(self.target_matchers)


@dataclass(frozen=True, slots=True)
class CompiledInhibitionRule:
    """An inhibition rule whose matchers are parsed."""

    id: int
    name: str
    source: tuple[Matcher, ...]
    target: tuple[Matcher, ...]
    equal: tuple[str, ...]
    wait_s: int
    version: str = ""
    """What tells the mutes of a rule from those that it had before a change."""


@dataclass(frozen=True, slots=True)
class InhibitionExample:
    """An alert that a rule would have inhibited, and its source; `released_at` is None if it did not page."""

    alert_id: int
    title: str
    starts_at: datetime
    source_id: int
    source_title: str
    released_at: datetime | None
    incidents: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class InhibitionPreview:
    """What a rule would have inhibited in the last 30 days, of `compared` alerts.

    Of the `inhibited` targets, `hidden` would have paged no one, the others once their sources ended; `waited` ones
    would have paged after the wait. `firing` of them fire now. `incidents` are those of inhibited alerts. If
    `is_partial`, older alerts of these days were not compared.
    """

    compared: int
    sources: int
    targets: int
    inhibited: int
    hidden: int
    waited: int
    firing: int
    incidents: tuple[str, ...]
    examples: tuple[InhibitionExample, ...]
    is_partial: bool

    @property
    def released(self) -> int:
        """Inhibited targets that would have paged once their sources ended."""
        return self.inhibited - self.hidden


@dataclass(frozen=True, slots=True)
class NewInhibitor:
    """The mute of the sources of a rule that have the same values of its `equal` labels.

    `key` tells such mutes apart. Alerts that meet `excluded` are not muted: a source that is a target too inhibits no
    other such alert (spec 3.3).
    """

    key: bytes
    rule_id: int
    version: str
    name: str
    matchers: str
    excluded: str


@dataclass(frozen=True, slots=True)
class Inhibitor:
    """A stored mute of firing sources, with its key."""

    key: bytes
    mute: Mute
