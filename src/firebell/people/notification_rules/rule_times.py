"""When notification rules notify someone, counted from the entry of a level (spec 2.4; pure)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from firebell.channels.registry import independent_ways
from firebell.people.model import ContactMethod, NotificationRule


def usable(rules: Sequence[NotificationRule], paged: Sequence[ContactMethod]) -> Sequence[NotificationRule]:
    """Return the rules whose contact method is `paged`; if none is, every one of them without a delay."""
    ids = {method.id for method in paged}
    return [rule for rule in rules if rule.method.id in ids] or [
        NotificationRule(0, method) for method in paged
    ]


def delays(rules: Sequence[NotificationRule]) -> list[timedelta]:
    """Return after how long each rule notifies; the earliest does so at once, whatever its delay."""
    first = min((rule.delay_s for rule in rules), default=0)
    return [timedelta(seconds=rule.delay_s - first) for rule in rules]


EXAMPLE_START = timedelta(hours=2)
"""The time of day of the page in an example: 02:00, when it matters most."""


@dataclass(frozen=True, slots=True)
class ExampleMessage:
    """A message of a page at 02:00: its time of day, and the channel and name of the contact method."""

    time: str
    kind: str
    method: str


def example(rules: Sequence[NotificationRule]) -> list[ExampleMessage]:
    """Return the messages of an unanswered page at 02:00, in the order in which they are sent."""
    timed = sorted(zip(delays(rules), rules, strict=True), key=lambda pair: pair[0])
    return [
        ExampleMessage(
            _clock(EXAMPLE_START + delay), rule.method.kind, rule.method.label or rule.method.shown_address
        )
        for delay, rule in timed
    ]


def _clock(since_midnight: timedelta) -> str:
    minutes = int(since_midnight.total_seconds()) // 60
    return f"{minutes // 60 % 24:02}:{minutes % 60:02}"


def has_two_ways(rules: Iterable[NotificationRule]) -> bool:
    """Return True if the rules use two kinds of contact methods that show what arrives, so that one can fail."""
    return independent_ways(rule.method.kind for rule in rules) > 1
