"""The learning loop of an incident: its post-mortem, action items and repeats, and what these cost (pure)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from firebell.action_items.model import ActionItem, ItemState, PreventionAnswer, Question
from firebell.kit.text import plural

QUIET_FOR = timedelta(days=180)
"""An incident that has not come back for this long after its last action item is closed for good."""
PUBLISHED_WITHIN = timedelta(hours=48)


class Station(StrEnum):
    """The stations of the loop, in order."""

    INCIDENT = "incident"
    POSTMORTEM = "postmortem"
    ACTIONS = "actions"
    PREVENTED = "prevented"
    CLOSED = "closed"


STATION_NAMES = {
    Station.INCIDENT: "Incident",
    Station.POSTMORTEM: "Post-mortem",
    Station.ACTIONS: "Actions",
    Station.PREVENTED: "Prevented?",
    Station.CLOSED: "Closed",
}


@dataclass(frozen=True, slots=True)
class LoopIncident:
    """An incident of the loop, with what metrics know about it."""

    id: int
    title: str
    severity: int
    declared_at: datetime
    closed_at: datetime | None
    impact_s: int | None
    resolve_s: int | None
    people: int
    person_minutes: int

    @property
    def ref(self) -> str:
        """The reference, such as INC-7."""
        return f"INC-{self.id}"


@dataclass(frozen=True, slots=True)
class LoopDocument:
    """The post-mortem, with the labels of its roots; not required ones may be missing for good."""

    is_required: bool
    published_at: datetime | None = None
    roots: tuple[str, ...] = ()
    exists: bool = False


@dataclass(frozen=True, slots=True)
class Repeat:
    """A later incident of the same factor on the same service, with its own action items and what people answered."""

    incident: LoopIncident
    items: Sequence[ActionItem] = ()
    questions: Sequence[Question] = ()


@dataclass(frozen=True, slots=True)
class Loop:
    """One incident, and what followed from it."""

    incident: LoopIncident
    document: LoopDocument
    items: Sequence[ActionItem]
    repeats: Sequence[Repeat]
    now: datetime

    def count(self, state: ItemState) -> int:
        """Return how many of its own items are in a state."""
        return sum(item.state is state for item in self.items)

    @property
    def unfinished(self) -> int:
        """How many of its own items are open or in progress."""
        return sum(item.is_unfinished for item in self.items)

    @property
    def quiet_since(self) -> datetime:
        """When the last of its items was finished, or it was closed: from then on it should not come back."""
        finished = [item.done_at for item in self.items if item.done_at is not None]
        return max([self.incident.closed_at or self.incident.declared_at, *finished])

    @property
    def quiet_days(self) -> int:
        """For how many days it has not come back."""
        last = max((r.incident.declared_at for r in self.repeats), default=self.quiet_since)
        return max(0, (self.now - max(last, self.quiet_since)).days)

    @property
    def published_after(self) -> timedelta | None:
        """How long after the closure the post-mortem was published."""
        if self.document.published_at is None or self.incident.closed_at is None:
            return None
        return max(timedelta(0), self.document.published_at - self.incident.closed_at)

    @property
    def station(self) -> Station:
        """Where the loop stands."""
        if self.incident.closed_at is None:
            return Station.INCIDENT
        if self.document.is_required and self.document.published_at is None:
            return Station.POSTMORTEM
        if self.unfinished or not (self.items or self.repeats):
            return Station.ACTIONS
        later_open = any(item.is_unfinished for repeat in self.repeats for item in repeat.items)
        is_quiet = self.quiet_days >= QUIET_FOR.days
        return Station.CLOSED if is_quiet and not later_open else Station.PREVENTED

    @property
    def is_answered(self) -> bool:
        """True if someone answered whether an item would have prevented a repeat."""
        return any(question.answer for repeat in self.repeats for question in repeat.questions)

    @property
    def avoidable_s(self) -> int | None:
        """The impact of the repeats that an item would have prevented, as people answered; None if no one said so."""
        impacts = [
            repeat.incident.impact_s or 0
            for repeat in self.repeats
            if any(question.answer is PreventionAnswer.PREVENTED for question in repeat.questions)
        ]
        return sum(impacts) if impacts else None


def title(loop: Loop) -> str:
    """Return the outcome in a sentence."""
    dropped, left = loop.count(ItemState.DROPPED), loop.unfinished
    if loop.repeats:
        if dropped:
            return f"{_number(dropped, 'dropped')}, and the incident came back"
        if left:
            return f"{_number(left, 'open')}, and the incident came back"
        done = [item.done_at for item in loop.items if item.done_at is not None]
        if done and max(done) > max(repeat.incident.declared_at for repeat in loop.repeats):
            return "The incident came back before every action was done"
        return "The incident came back" + (", although every action was done" if done else "")
    if loop.incident.closed_at is None:
        return "The incident is still open"
    if loop.document.is_required and loop.document.published_at is None:
        return "The post-mortem is not published yet"
    if not loop.items:
        return "No action came out of it"
    if left:
        return f"{left} of {plural(len(loop.items), 'action')} {'is' if left == 1 else 'are'} open"
    return f"It has not come back in {plural(loop.quiet_days, 'day')}"


def _number(n: int, state: str) -> str:
    verb = "was" if state == "dropped" else "is"
    if n == 1:
        return f"One action {verb} {state}"
    return f"{n} actions {'were' if state == 'dropped' else 'are'} {state}"


def lede(loop: Loop) -> str:
    """Return how long the loop has run, with how many actions and repeats."""
    days = (loop.now - loop.incident.declared_at).days
    parts = [plural(days, "day"), plural(len(loop.items), "action"), plural(len(loop.repeats), "repeat")]
    return f"{loop.incident.ref}, from its declaration to today: {', '.join(parts)}."
