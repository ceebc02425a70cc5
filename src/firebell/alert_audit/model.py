"""Alert audits: what is counted about a rule, its verdict, and the decision of its team."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

RULES_MAX = 200
"""Number of rules that an audit lists, those that cost the most."""


class AuditVerdict(StrEnum):
    """What the numbers of a rule suggest, most urgent first (spec 11.12)."""

    ASSIGN_OWNER = "assign_owner"
    DELETE = "delete"
    MERGE = "merge"
    DEMOTE = "demote"
    TUNE = "tune"
    ADD_RUNBOOK = "add_runbook"
    KEEP = "keep"


class RuleDecision(StrEnum):
    """What a team decided about a rule."""

    CHANGED = "changed"
    KEPT = "kept"
    DEFERRED = "deferred"


VERDICT_NAMES = {
    AuditVerdict.ASSIGN_OWNER: "Assign an owner",
    AuditVerdict.DELETE: "Delete",
    AuditVerdict.MERGE: "Merge",
    AuditVerdict.DEMOTE: "Demote to low urgency",
    AuditVerdict.TUNE: "Tune",
    AuditVerdict.ADD_RUNBOOK: "Add a runbook",
    AuditVerdict.KEEP: "Keep",
}
DECISION_NAMES = {
    RuleDecision.CHANGED: "Changed",
    RuleDecision.KEPT: "Kept",
    RuleDecision.DEFERRED: "Deferred",
}


@dataclass(frozen=True, slots=True)
class RuleNumbers:
    """What was counted about a rule in 90 days.

    `pages` are urgent pages, `nights` those that woke someone. `quick_ends` ended by their source within five minutes.
    `joined_acted_on` pages that began with another rule, and in which it fired too, were acted on.
    Of the last `recent` pages, `recent_ignored` were acknowledged or resolved without any entry. The change
    that the verdict proposes would silence `silenced` pages, `silenced_nights` of them at night, and hide `hidden`
    that led to an incident.
    """

    firings: int = 0
    pages: int = 0
    nights: int = 0
    woken: int = 0
    ack_median_s: int | None = None
    noise: int = 0
    acted_on: int = 0
    votes_yes: int = 0
    votes_no: int = 0
    incidents: int = 0
    entries: int = 0
    self_ended: int = 0
    quick_ends: int = 0
    ends_after_median_s: int | None = None
    flapping_hours: int = 0
    joined_acted_on: int = 0
    recent: int = 0
    recent_ignored: int = 0
    has_owner: bool = True
    has_runbook: bool = True
    has_graph: bool = True
    overlaps_with: str = ""
    overlap: float = 0.0
    silenced: int = 0
    silenced_nights: int = 0
    hidden: int = 0

    @property
    def cost(self) -> int:
        """The human cost: a page at night counts as three more."""
        return self.nights * 3 + self.pages

    @property
    def noise_share(self) -> float:
        """The share of pages that needed no action."""
        return self.noise / self.pages if self.pages else 0.0

    @property
    def acted_share(self) -> float | None:
        """The share of pages on which someone acted, None without pages."""
        return self.acted_on / self.pages if self.pages else None


@dataclass(frozen=True, slots=True)
class CountedRule:
    """A rule with its numbers, the labels of its last alert, and the service that it pages for."""

    rule: str
    numbers: RuleNumbers
    service_id: int | None = None
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class JudgedRule:
    """A rule with its verdict; `also` are the other verdicts that apply."""

    counted: CountedRule
    verdict: AuditVerdict
    merge_into: str = ""
    also: tuple[AuditVerdict, ...] = ()


@dataclass(frozen=True, slots=True)
class AuditRule:
    """A rule of an audit as it is stored, with the decision of the team."""

    id: int
    audit_id: int
    judged: JudgedRule
    decision: RuleDecision | None = None
    reason: str = ""
    decide_on: date | None = None
    decided_by: str | None = None
    decided_at: datetime | None = None

    @property
    def needs_decision(self) -> bool:
        """True if the team must decide before it signs."""
        return self.judged.verdict is not AuditVerdict.KEEP

    @property
    def is_open(self) -> bool:
        """True if a decision is missing."""
        return self.needs_decision and self.decision is None


@dataclass(frozen=True, slots=True)
class EarlierDecision:
    """What the team decided last about a rule in the audit of an earlier quarter, and how many pages it had then."""

    quarter: str
    decision: RuleDecision
    reason: str
    by: str
    at: datetime
    pages: int
    nights: int


@dataclass(frozen=True, slots=True)
class SilentRule:
    """A rule that has not fired for half a year."""

    rule: str
    last_paged: date


@dataclass(frozen=True, slots=True)
class Audit:
    """The audit of a team in a quarter; `pages` and `nights` are those of all its rules."""

    id: int
    team_id: int
    team: str
    team_slug: str
    quarter: str
    window_start: datetime
    built_at: datetime
    due_at: datetime
    pages: int
    nights: int
    rules_left_out: int
    silent_rules: Sequence[SilentRule]
    signed_by: str | None
    signed_at: datetime | None
    to_decide: int
    decided: int

    @property
    def subject(self) -> str:
        """The subject in the audit log."""
        return f"alert_audit:{self.quarter}/{self.team_slug}"

    @property
    def path(self) -> str:
        """The path of its screen."""
        return f"/metrics/audit/{self.quarter}/{self.team_slug}"
