"""Personal rules (spec 2.4), pure: when and through what a person is reached after a level is entered."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from firebell.people.model import ContactMethod, Rule


@dataclass(frozen=True, slots=True)
class PlannedDelivery:
    """One message that will be sent unless the page is taken before."""

    person_id: int
    method: ContactMethod
    rule_index: int
    send_at: datetime
    reason: str


def usable(rules: Sequence[Rule], methods: Sequence[ContactMethod]) -> Sequence[Rule]:
    """Return the rules, or every contact method at once for a person who has none."""
    return rules or [Rule(0, method) for method in methods]


def plan(person_id: int, rules: Sequence[Rule], now: datetime, reason: str) -> list[PlannedDelivery]:
    """Return the messages of a level entry at `now`; the earliest goes at once whatever its delay says."""
    first = min((rule.delay_s for rule in rules), default=0)
    return [
        PlannedDelivery(person_id, rule.method, i, now + timedelta(seconds=rule.delay_s - first), reason)
        for i, rule in enumerate(rules)
    ]


def reminder(person_id: int, rules: Sequence[Rule], now: datetime) -> list[PlannedDelivery]:
    """Return the one message that somebody of an earlier level gets when a later one is entered."""
    return plan(person_id, rules[:1], now, "reminder")


def can_wait(rank: int, reason: str) -> bool:
    """Say whether quiet hours hold a message: none that is urgent, and no test that somebody waits for."""
    return rank == 2 and reason != "test"


def idempotency_key(page_id: int, epoch: int, level: int, turn: int, planned: PlannedDelivery) -> str:
    """Return what makes a message the same message when it is sent again (spec 2.6)."""
    parts = (page_id, epoch, level, turn, planned.person_id, planned.method.id, planned.rule_index)
    return hashlib.sha256("|".join(map(str, (*parts, planned.reason))).encode()).hexdigest()[:32]
