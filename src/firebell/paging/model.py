"""Policies and pages (spec 2.1 and 2.2), and the events of the slice."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any, NamedTuple

from firebell.kit.db.events import Actor
from firebell.kit.errors import Conflict
from firebell.paging.level_conditions import ALWAYS, Conditions, PageKind, are_met, moments

TIMER = "paging.page"
"""The one timer of a page; the state of the page says what it means."""
REST_TIMER = "paging.rest"
"""The timer of a night in which someone had too many pages; it runs at the end of that night."""
MANUAL_KIND = "manual"
"""The kind of subject of a page that a person started by hand."""
SUBJECT_KIND = "page"
"""The kind of subject of a delivery about a page."""
COPY_KIND = "page_copy"
"""The kind of subject of a shadow's copy, which counts neither as reaching someone nor as a call."""

NIGHT_LIMIT_PAGES = 3
"""A night with this many pages has reached the limit, unless its team chose another one."""
ACK_WARNING_TIMER = "paging.ack_warning"
"""The timer of the warning before an acknowledgment runs out."""
ACK_ENDING_KIND = "page_ack_ending"
"""The kind of subject of that warning."""


class NotChanged(Conflict):
    """What was asked does not apply to the page; `reason` says why, without the page."""

    def __init__(self, ref: str, reason: str) -> None:
        super().__init__(f"{ref} was not changed: {reason}.")
        self.reason = reason


class PageState(StrEnum):
    """The state of a page (spec 2.1)."""

    TRIGGERED = "triggered"
    ACKED = "acked"
    SNOOZED = "snoozed"
    EXHAUSTED = "exhausted"
    RESOLVED = "resolved"


UNANSWERED = (PageState.TRIGGERED, PageState.EXHAUSTED)
OPEN = (PageState.TRIGGERED, PageState.EXHAUSTED, PageState.ACKED, PageState.SNOOZED)


@dataclass(frozen=True, slots=True)
class OpenPages:
    """The open pages of a service in one state: how many, and the oldest."""

    service_id: int
    state: PageState
    count: int
    oldest_id: int


class TargetKind(StrEnum):
    """The kinds of targets of a level."""

    PERSON = "person"
    SCHEDULE = "schedule"
    TEAM = "team"


@dataclass(frozen=True, slots=True)
class Target:
    """Who to notify: a person, the people on call for a schedule, or a whole team."""

    kind: TargetKind
    id: int


MAX_MIN_ACKS = 10


class Strategy(StrEnum):
    """Which of its people a level notifies."""

    ALL = "all"
    ROUND_ROBIN = "round_robin"
    """One person, or as many as have to acknowledge, each in their turn."""


@dataclass(frozen=True, slots=True)
class Level:
    """Notify the people behind `targets`; escalate if too few acknowledge within `ack_within_s` seconds."""

    targets: tuple[Target, ...]
    ack_within_s: int = 300
    strategy: Strategy = Strategy.ALL
    min_acks: int = 1
    """How many people have to acknowledge a page that is at this level."""
    conditions: Conditions = ALWAYS

    @property
    def details(self) -> tuple[str, ...]:
        """What distinguishes it from a level that pages everyone about every page, in words."""
        details = []
        if self.strategy is Strategy.ROUND_ROBIN:
            number = "" if self.min_acks == 1 else f", {self.min_acks} people"
            details.append(f"round robin{number}")
        if self.min_acks > 1:
            details.append(f"{self.min_acks} acknowledgments needed")
        if self.conditions != ALWAYS:
            details.append(f"only {self.conditions}")
        return tuple(details)

    def to_json(self) -> dict[str, Any]:
        """Return the level as it is stored, without what is as by default."""
        stored: dict[str, Any] = {
            "targets": [{"kind": t.kind, "id": t.id} for t in self.targets],
            "ack_within_s": self.ack_within_s,
        }
        if self.strategy is not Strategy.ALL:
            stored["strategy"] = self.strategy
        if self.min_acks != 1:
            stored["min_acks"] = self.min_acks
        if self.conditions != ALWAYS:
            stored["conditions"] = self.conditions.to_json()
        return stored


@dataclass(frozen=True, slots=True)
class Plan:
    """A policy as it was when a page began (spec 2.3).

    The plan of a drill names only people who take part in it, and has no final alarm.
    """

    name: str
    levels: tuple[Level, ...]
    repeat: int
    ack_timeout_s: int | None
    is_drill: bool = False
    tz: str = "UTC"
    """The time zone of the hours of its levels."""

    def levels_for(self, kind: PageKind, at: datetime) -> list[int]:
        """Return the indexes of the levels whose conditions a page meets at an instant, or of all if it meets none."""
        indexes = range(len(self.levels))
        met = [i for i in indexes if are_met(self.levels[i].conditions, self.tz, kind, at)]
        return met or [*indexes]

    def paths(self, kind: PageKind) -> set[tuple[Level, ...]]:
        """Return the levels that a page can enter, for each part of the week in which they differ."""
        times = moments(level.conditions for level in self.levels)
        return {
            tuple(level for level in self.levels if level.conditions.met_by(kind, *moment)) or self.levels
            for moment in times
        }

    def to_json(self) -> dict[str, Any]:
        """Return the plan as it is stored."""
        return {
            "name": self.name,
            "levels": [level.to_json() for level in self.levels],
            "repeat": self.repeat,
            "ack_timeout_s": self.ack_timeout_s,
            **({"is_drill": True} if self.is_drill else {}),
            **({"tz": self.tz} if self.tz != "UTC" else {}),
        }

    @staticmethod
    def from_json(data: dict[str, Any]) -> "Plan":
        """Return the plan that `to_json` returned."""
        return Plan(
            data["name"],
            levels_from_json(data["levels"]),
            data["repeat"],
            data["ack_timeout_s"],
            data.get("is_drill", False),
            data.get("tz", "UTC"),
        )


def levels_from_json(data: list[dict[str, Any]]) -> tuple[Level, ...]:
    """Return levels from their stored form."""
    return tuple(
        Level(
            tuple(Target(TargetKind(t["kind"]), t["id"]) for t in level["targets"]),
            level["ack_within_s"],
            Strategy(level.get("strategy", Strategy.ALL)),
            level.get("min_acks", 1),
            Conditions.from_json(level.get("conditions", {})),
        )
        for level in data
    )


@dataclass(frozen=True, slots=True)
class Policy:
    """Who is notified in which order, and how often the levels repeat."""

    id: int
    name: str
    slug: str
    team_id: int
    version: int
    levels: tuple[Level, ...]
    repeat: int
    ack_timeout_s: int | None
    tz: str = "UTC"

    @property
    def plan(self) -> Plan:
        """The plan of a page that begins now."""
        return Plan(self.name, self.levels, self.repeat, self.ack_timeout_s, tz=self.tz)


@dataclass(frozen=True, slots=True)
class PolicyVersion:
    """A policy as someone saved it."""

    version: int
    plan: Plan
    saved_by: str
    saved_at: datetime


class Turn(NamedTuple):
    """Whose turn it was when a page entered a level with round robin."""

    level: int
    round: int
    person_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """A page. `level` is the level entered last, -1 before the first; `due_at` is its one timer."""

    id: int
    subject_kind: str
    subject_id: int
    service_id: int | None
    team_id: int | None
    policy_id: int | None
    plan: Plan
    title: str
    urgency: str
    severity: int | None
    state: PageState
    level: int
    round: int
    epoch: int
    version: int
    due_at: datetime | None
    triggered_at: datetime
    first_ack_at: datetime | None = None
    acked_at: datetime | None = None
    resolved_at: datetime | None = None
    snoozed_until: datetime | None = None
    exhausted_reason: str | None = None
    acks: tuple[int, ...] = ()
    """Who has acknowledged since it was last triggered; 0 stands for API keys and sources together.

    Empty for a page that was acknowledged before acknowledgments were counted.
    """
    acks_needed: int = 1
    """The largest number of acknowledgments that a level of its plan needed when the page entered it."""
    turns: tuple[Turn, ...] = ()
    """The last turn at each of its levels with round robin."""

    @property
    def acks_required(self) -> int:
        """How many acknowledgments stop its escalation.

        Before its first level, as many as any level needs that may be it: one before the first without conditions.
        """
        needed = self.acks_needed
        for level in self.plan.levels if self.level < 0 else ():
            needed = max(needed, level.min_acks)
            if level.conditions == ALWAYS:
                break
        return needed

    @property
    def acks_missing(self) -> int:
        """How many more people have to acknowledge; at least one for a page that no one owns."""
        return max(1, self.acks_required - len(self.acks))

    @property
    def kind(self) -> PageKind:
        """What the conditions of levels ask of it."""
        return PageKind(self.urgency, self.severity)

    @property
    def rank(self) -> int:
        """The sending order of its messages: 0 for SEV0, SEV1 and manual pages, 1 for other urgent pages, else 2."""
        if self.severity in (0, 1) or self.subject_kind == MANUAL_KIND:
            return 0
        return 1 if self.urgency == "high" else 2

    @property
    def ref(self) -> str:
        """The reference that people use, such as PG-7."""
        return f"PG-{self.id}"


class NewPage(NamedTuple):
    """A page to insert; `plan` is in its stored form, `actor` and `text` are of its first log entry."""

    subject_kind: str
    subject_id: int
    service_id: int | None
    team_id: int | None
    policy_id: int | None
    plan: dict[str, Any]
    title: str
    urgency: str
    severity: int | None
    actor: str
    text: str
    actor_id: int | None = None


@dataclass(frozen=True, slots=True)
class PageFilter:
    """Restricts a list of pages; empty fields restrict nothing.

    Each of `words` must begin a word of the title. `person_id` selects the pages that this person acknowledged
    and the open ones that notified them. Pages began at `since` or later, and before `until`.
    """

    words: tuple[str, ...] = ()
    service_id: int | None = None
    team_ids: tuple[int, ...] | None = None
    person_id: int | None = None
    urgency: str = ""
    since: datetime | None = None
    until: datetime | None = None


class NewLogEntry(NamedTuple):
    """A log entry to append to a page."""

    page_id: int
    kind: str
    actor: str
    actor_id: int | None
    text: str
    data: dict[str, Any]

    @classmethod
    def by(cls, actor: Actor, page_id: int, kind: str, text: str, **data: Any) -> "NewLogEntry":
        """Return an entry about what an actor did."""
        return cls(page_id, kind, actor.label, actor.person_id, text, data)


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One entry of a page's log."""

    at: datetime
    kind: str
    actor: str
    text: str
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class TiredNight:
    """A night in which someone had more pages than the limit; `page_id` is the first beyond it."""

    id: int
    person_id: int
    person: str
    night: date
    ends_at: datetime
    page_id: int
    pages: int


def escalates_until(missing: int) -> str:
    """Return what stops an escalation, such as `Escalation continues until 1 more person acknowledges.`"""
    people = "1 more person acknowledges" if missing == 1 else f"{missing} more people acknowledge"
    return f"Escalation continues until {people}."


@dataclass(frozen=True, slots=True)
class AckResult:
    """The result of an acknowledgment; `already` says why it changed nothing but, if `renewed`, its timeout.

    `missing` is how many more people have to acknowledge before escalation stops.
    """

    page: Page
    already: str | None
    renewed: bool = False
    missing: int = 0

    @property
    def waits_for(self) -> str:
        """What stops the escalation, in a sentence; empty if it has stopped."""
        return escalates_until(self.missing) if self.missing else ""


class Arrival(NamedTuple):
    """A message of an urgent page that reached a person."""

    person_id: int
    page_id: int
    severity: int | None
    at: datetime


class ManualTargetKind(StrEnum):
    """The recipient of a manual page."""

    PERSON = "person"
    TEAM = "team"
    SCHEDULE = "schedule"
    POLICY = "policy"


@dataclass(frozen=True, slots=True)
class ManualTarget:
    """A person, everyone in a team, the people on call for a schedule, or the levels of a policy."""

    kind: ManualTargetKind
    id: int


@dataclass(frozen=True, slots=True)
class ManualPage:
    """Who started a manual page, its target, and why; `target_name` is the name at that time."""

    id: int
    page_id: int
    actor: str
    actor_id: int | None
    target_kind: ManualTargetKind
    target_id: int
    target_name: str
    text: str
    is_private: bool
    """Whether it is about a private incident: then only the people paged and its readers see why."""

    @property
    def public_text(self) -> str:
        """Why, as everyone may read it; empty if it is private."""
        return "" if self.is_private else self.text


@dataclass(frozen=True, slots=True)
class ManualPageStarted:
    """A person paged someone about an incident."""

    page_id: int
    incident_id: int
    actor: str
    actor_id: int | None
    target_name: str
    text: str


@dataclass(frozen=True, slots=True)
class PageAcknowledged:
    """A page was acknowledged; `person_id` is None for an API key."""

    page_id: int
    person_id: int | None


@dataclass(frozen=True, slots=True)
class PageResolved:
    """A page was resolved."""

    page_id: int


@dataclass(frozen=True, slots=True)
class PagesChanged:
    """Pages began or changed: (page id, kind, actor and data) of each new entry of their logs."""

    changes: tuple[tuple[int, str, str, dict[str, Any]], ...]
