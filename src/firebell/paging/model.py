"""Policies, pages and deliveries (spec 2.1 and 2.2), and what the slice tells others."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any


class PageState(StrEnum):
    """Where a page stands (spec 2.1)."""

    TRIGGERED = "triggered"
    ACKED = "acked"
    SNOOZED = "snoozed"
    EXHAUSTED = "exhausted"
    RESOLVED = "resolved"


UNANSWERED = (PageState.TRIGGERED, PageState.EXHAUSTED)
OPEN = (PageState.TRIGGERED, PageState.EXHAUSTED, PageState.ACKED, PageState.SNOOZED)


class TargetKind(StrEnum):
    """What a level can point at."""

    PERSON = "person"
    SCHEDULE = "schedule"
    TEAM = "team"


@dataclass(frozen=True, slots=True)
class Target:
    """Somebody to notify: a person, whoever a schedule has on duty, or a whole team."""

    kind: TargetKind
    id: int


@dataclass(frozen=True, slots=True)
class Level:
    """Notify `targets` at once; without an ack within `ack_within_s` seconds the next level follows."""

    targets: tuple[Target, ...]
    ack_within_s: int = 300


@dataclass(frozen=True, slots=True)
class Plan:
    """What a page follows: a policy as it was when the page began (spec 2.3)."""

    name: str
    levels: tuple[Level, ...]
    repeat: int
    ack_timeout_s: int | None

    def to_json(self) -> dict[str, Any]:
        """Return the plan as the database keeps it."""
        return {
            "name": self.name,
            "levels": [
                {
                    "targets": [{"kind": t.kind, "id": t.id} for t in level.targets],
                    "ack_within_s": level.ack_within_s,
                }
                for level in self.levels
            ],
            "repeat": self.repeat,
            "ack_timeout_s": self.ack_timeout_s,
        }

    @staticmethod
    def from_json(data: dict[str, Any]) -> "Plan":
        """Return the plan that `to_json` described."""
        return Plan(data["name"], levels_from_json(data["levels"]), data["repeat"], data["ack_timeout_s"])


def levels_from_json(data: list[dict[str, Any]]) -> tuple[Level, ...]:
    """Return levels as the database keeps them."""
    return tuple(
        Level(
            tuple(Target(TargetKind(t["kind"]), t["id"]) for t in level["targets"]),
            level["ack_within_s"],
        )
        for level in data
    )


@dataclass(frozen=True, slots=True)
class Policy:
    """Who is notified in which order, and how often the whole is repeated."""

    id: int
    name: str
    slug: str
    team_id: int
    version: int
    levels: tuple[Level, ...]
    repeat: int
    ack_timeout_s: int | None

    @property
    def plan(self) -> Plan:
        """The policy as a page keeps it."""
        return Plan(self.name, self.levels, self.repeat, self.ack_timeout_s)


@dataclass(frozen=True, slots=True)
class Page:
    """One demand. `level` is the level entered last, -1 before the first; `due_at` its one timer."""

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
    first_ack_at: datetime | None
    acked_at: datetime | None
    resolved_at: datetime | None
    snoozed_until: datetime | None
    exhausted_reason: str | None

    @property
    def rank(self) -> int:
        """Which of its messages overtake: 0 for SEV0 and SEV1, 1 for other urgent pages, 2 for the rest."""
        return 0 if self.severity in (0, 1) else 1 if self.urgency == "high" else 2

    @property
    def ref(self) -> str:
        """How people name the page."""
        return f"PG-{self.id}"


@dataclass(frozen=True, slots=True)
class PageFilter:
    """Which pages a list shows, whatever their state; what is empty restricts nothing.

    `words` must all be part of the title. `person_id` keeps the pages that this person acknowledged, and the
    open ones that notified them. `since` is the first instant at which a page began, `until` the first after.
    """

    words: tuple[str, ...] = ()
    service_id: int | None = None
    team_ids: tuple[int, ...] | None = None
    person_id: int | None = None
    urgency: str = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """One attempt to reach one person through one method."""

    id: int
    page_id: int | None
    epoch: int
    level: int
    round: int
    person_id: int
    method_id: int
    rank: int
    reason: str
    channel: str
    address: str
    idempotency_key: str
    state: str
    send_at: datetime
    attempts: int
    error: str | None
    created_at: datetime
    sent_at: datetime | None
    held: bool = False
    """Whether quiet hours held it: `send_at` is when they end."""
    destination: str = ""
    """The host whose slots it needs, "" for a provider that many people share."""
    claims: int = 0
    """The number of its lease; only the holder of the latest may record an outcome."""
    lost_claims: int = 0
    """How many leases in a row ended without an outcome."""


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One line of a page's story."""

    at: datetime
    kind: str
    actor: str
    text: str
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Ack:
    """What became of an acknowledgement; `already` says why it changed nothing."""

    page: Page
    already: str | None


@dataclass(frozen=True, slots=True)
class Notice:
    """What a person is told that is about no page; of words with the same `key` one is told, ever.

    `kind` is one lower-case word that a webhook reads, `link` the path of a page of ours.
    """

    key: str
    person_id: int
    kind: str
    title: str
    note: str
    link: str = ""
    urgency: str = "low"


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message of an urgent page that reached somebody."""

    person_id: int
    page_id: int
    severity: int | None
    at: datetime


@dataclass(frozen=True, slots=True)
class PageAcknowledged:
    """A human took a page."""

    page_id: int
    person_id: int | None


@dataclass(frozen=True, slots=True)
class PageResolved:
    """A page needs nobody any more."""

    page_id: int
