"""Which overdue items might have prevented or shortened an incident (pure; spec 11.13).

A candidate is a question; no text claims prevention before a person answers.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from math import log, sqrt
from typing import Literal

from firebell.action_items.model import ActionItem, ItemState
from firebell.kit.search_terms import words

TEXT_WEIGHT = 0.60
SERVICE_WEIGHT = 0.15
ASKED_FROM = 0.35
"""The score from which two incidents of one service are alike enough to ask."""
ASKED_MAX = 5
"""Number of questions about one incident at most: those about the items that are overdue the longest."""
_TERM_MIN_CHARS = 3


@dataclass(frozen=True, slots=True)
class IncidentFacts:
    """What two incidents are compared by: their text, services and the alert rules that fired."""

    text: str
    service_ids: frozenset[int]
    rules: frozenset[str]


@dataclass(frozen=True, slots=True)
class Candidate:
    """An item that was overdue when an incident was declared, and why it is asked about."""

    item: ActionItem
    reason: Literal["rule", "similar"]
    days_overdue: int


def _weights(text: str) -> dict[str, float]:
    counts = Counter(word for word in words(text) if len(word) >= _TERM_MIN_CHARS)
    return {term: 1 + log(count) for term, count in counts.items()}


def cosine(one: dict[str, float], other: dict[str, float]) -> float:
    """Return the cosine of two texts by the weights of their terms, 0 if one has none."""
    product = sum(weight * other.get(term, 0.0) for term, weight in one.items())
    lengths = sqrt(sum(w * w for w in one.values())) * sqrt(sum(w * w for w in other.values()))
    return product / lengths if lengths else 0.0


def score(one: IncidentFacts, other: IncidentFacts) -> float:
    """Return how alike two incidents are, from 0 to 0.75."""
    same_service = bool(one.service_ids & other.service_ids)
    return TEXT_WEIGHT * cosine(_weights(one.text), _weights(other.text)) + SERVICE_WEIGHT * same_service


def was_overdue(item: ActionItem, declared_at: datetime) -> bool:
    """Return True if an item was due before an incident was declared, and not done then.

    A dropped item counts unless its risk was accepted; a duplicate does not count, because its original does.
    """
    if item.due >= declared_at.date() or item.created_at >= declared_at:
        return False
    match item.state:
        case ItemState.DONE:
            return item.done_at is not None and item.done_at > declared_at
        case ItemState.DROPPED:
            return not item.risk_accepted_by
        case ItemState.DUPLICATE:
            return False
        case _:
            return True


def candidates(
    incident: IncidentFacts, declared_at: datetime, items: Iterable[tuple[ActionItem, IncidentFacts]]
) -> list[Candidate]:
    """Return the items to ask about, those that are overdue the longest first.

    An item's own incident shares a service, and the alert rule or enough of its text.
    """
    asked: list[Candidate] = []
    for item, facts in items:
        if not was_overdue(item, declared_at) or not incident.service_ids & facts.service_ids:
            continue
        days = (declared_at.date() - item.due).days
        if incident.rules & facts.rules:
            asked.append(Candidate(item, "rule", days))
        elif score(incident, facts) >= ASKED_FROM:
            asked.append(Candidate(item, "similar", days))
    return sorted(asked, key=lambda one: (-one.days_overdue, one.item.id))[:ASKED_MAX]
