"""Notification rules (spec 2.4): when and through what a person is notified after a level is entered (pure)."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from firebell.notify.model import REMINDER, REQUESTED
from firebell.people.model import ContactMethod, NotificationRule
from firebell.people.notification_rules.rule_times import delays


@dataclass(frozen=True, slots=True)
class PlannedDelivery:
    """A message that will be sent unless the page is acknowledged first."""

    person_id: int
    method: ContactMethod
    rule_index: int
    send_at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class NewDelivery:
    """A delivery to store, with its subject and its place in the plan of the subject; without a plan, epoch is 0.

    Rank 0 is sent before 1, and 1 before 2, regardless of age.
    """

    planned: PlannedDelivery
    rank: int
    subject_kind: str
    subject_id: int
    epoch: int = 0
    level: int = 0
    round: int = 0
    is_drill: bool = False
    """True if nothing is wrong: it waits for no page, and none for it."""


def plan(
    person_id: int, rules: Sequence[NotificationRule], now: datetime, reason: str
) -> list[PlannedDelivery]:
    """Return the messages of a level entered at `now`; the earliest has no delay, whatever its rule says."""
    return [
        PlannedDelivery(person_id, rule.method, i, now + delay, reason)
        for i, (rule, delay) in enumerate(zip(rules, delays(rules), strict=True))
    ]


def reminder(person_id: int, rules: Sequence[NotificationRule], now: datetime) -> list[PlannedDelivery]:
    """Return the one message for a person of an earlier level when a later level is entered."""
    return plan(person_id, rules[:1], now, REMINDER)


def can_wait(rank: int, reason: str) -> bool:
    """Return True if quiet hours hold a message: one that is neither urgent nor requested by its recipient."""
    return rank == 2 and reason not in REQUESTED


def idempotency_key(subject_id: int, epoch: int, level: int, round_: int, planned: PlannedDelivery) -> str:
    """Return the key that makes a repeated message the same message (spec 2.6)."""
    parts = (subject_id, epoch, level, round_, planned.person_id, planned.method.id, planned.rule_index)
    return hashlib.sha256("|".join(map(str, (*parts, planned.reason))).encode()).hexdigest()[:32]
