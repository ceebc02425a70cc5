"""When a rule publishes the first update on a status page, warns of it, or leaves it to people (pure; spec 7.3)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from firebell.comms.first_update.model import FirstUpdateRule
from firebell.incidents.model import ACTIVE, Phase
from firebell.kit.truncation import cut

MIN_MINUTES = 4
MAX_MINUTES = 240
DRAFT_GRACE = timedelta(minutes=5)
"""How long the rule waits after a person saved a draft."""
RECALL_MINUTES = 5
"""How long people can recall what the rule published: longer than their own posts, because no one was there."""
COMPONENTS_SLOT = "{{components}}"
MAX_NAMED_COMPONENTS = 20
"""How many components a text names; an ellipsis stands for the others."""
HEADLINE_MAX_BYTES = 255
DEFAULT_SEVERITIES = frozenset({0})
DEFAULT_MINUTES = 10
DEFAULT_HEADLINE = f"Problems with {COMPONENTS_SLOT}"
DEFAULT_BODY = (
    f"We are sorry: there is a problem with {COMPONENTS_SLOT}."
    " We are investigating it and will post what we learn here."
)


class FirstUpdateStep(StrEnum):
    """What a rule does now."""

    NOTHING = "nothing"
    WAIT = "wait"
    WARN = "warn"
    REMIND_APPROVERS = "remind_approvers"
    PUBLISH = "publish"


@dataclass(frozen=True, slots=True)
class FirstUpdateFacts:
    """What decides whether a rule publishes about an incident on one status page.

    `severity_since` is when the incident got one of the severities of the rule, None if it has none of them.
    """

    phase: Phase
    severity_since: datetime | None
    has_components: bool = True
    """True if the page shows components of the incident's services."""
    is_private: bool = False
    is_drill: bool = False
    is_backfilled: bool = False
    is_published: bool = False
    """True if the page shows the incident, or the rule tried to publish it."""
    is_claimed: bool = False
    needs_approval: bool = False
    draft_saved_at: datetime | None = None
    warned_at: datetime | None = None
    reminded_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class FirstUpdateDecision:
    """What a rule does now; `due_at` is when the update is published, or its approvers are reminded.

    `next_at` is when to decide again, None if nothing changes until the incident does.
    """

    step: FirstUpdateStep
    due_at: datetime | None = None
    next_at: datetime | None = None


_NOTHING = FirstUpdateDecision(FirstUpdateStep.NOTHING)


def decide(rule: FirstUpdateRule, facts: FirstUpdateFacts, now: datetime) -> FirstUpdateDecision:
    """Decide what a rule does about an incident now.

    People are warned at half the time, and have the other half even if the warning is late. A draft that was saved
    within `DRAFT_GRACE` puts the update off. If someone must approve it, no one is warned, and the approvers are
    reminded instead.
    """
    if rule.enabled_at is None or facts.severity_since is None or not _is_eligible(facts):
        return _NOTHING
    since = max(facts.severity_since, rule.enabled_at)
    time = timedelta(minutes=rule.minutes)
    due_at, warn_at = since + time, since + time / 2
    if facts.draft_saved_at is not None:
        due_at = max(due_at, facts.draft_saved_at + DRAFT_GRACE)
    if facts.needs_approval:
        if facts.reminded_at is not None and facts.reminded_at >= since:
            return _NOTHING
        return _at(due_at, FirstUpdateStep.REMIND_APPROVERS, now)
    if facts.warned_at is None or facts.warned_at < since:
        if now < warn_at:
            return FirstUpdateDecision(FirstUpdateStep.WAIT, due_at, warn_at)
        due_at = max(due_at, now + time / 2)
        return FirstUpdateDecision(FirstUpdateStep.WARN, due_at, due_at)
    return _at(max(due_at, facts.warned_at + time / 2), FirstUpdateStep.PUBLISH, now)


def _at(due_at: datetime, step: FirstUpdateStep, now: datetime) -> FirstUpdateDecision:
    if now < due_at:
        return FirstUpdateDecision(FirstUpdateStep.WAIT, due_at, due_at)
    return FirstUpdateDecision(step, due_at)


def _is_eligible(facts: FirstUpdateFacts) -> bool:
    is_internal = facts.is_private or facts.is_drill or facts.is_backfilled
    is_in_hand = facts.is_published or facts.is_claimed
    return facts.phase in ACTIVE and facts.has_components and not is_internal and not is_in_hand


def severity_since(
    severities: frozenset[int],
    severity: int,
    declared_at: datetime,
    changes: Sequence[tuple[datetime, int, int]],
) -> datetime | None:
    """Return since when an incident has had one of these severities without a break, None if it has none now.

    `changes` are the instants at which the severity changed, with that before and after, in order.
    """
    declared_as = changes[0][1] if changes else severity
    since = declared_at if declared_as in severities else None
    for at, _, after in changes:
        if after not in severities:
            since = None
        elif since is None:
            since = at
    return since


def filled(text: str, component_names: Sequence[str]) -> str:
    """Return a text with the names of the components."""
    named = ", ".join(component_names[:MAX_NAMED_COMPONENTS])
    more = ", …" if len(component_names) > MAX_NAMED_COMPONENTS else ""
    return text.replace(COMPONENTS_SLOT, f"{named}{more}")


def filled_headline(text: str, component_names: Sequence[str]) -> str:
    """Return a headline with the names of the components, cut to what a status page accepts."""
    return cut(filled(text, component_names), HEADLINE_MAX_BYTES)
