"""Explanations of alerts, tests of routing rules, and previews of changes."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class StageName(StrEnum):
    """What happens to an alert, in order."""

    RECEIVED = "received"
    DEDUPLICATED = "deduplicated"
    ROUTED = "routed"
    MUTED = "muted"
    FLAPPING = "flapping"
    GROUPED = "grouped"
    HELD = "held"
    PAGED = "paged"


class StageResult(StrEnum):
    """How a stage ended."""

    PASSED = "passed"
    WAITING = "waiting"
    """It keeps the alert from paging for now."""
    STOPPED = "stopped"
    """Because of it, the alert pages no one."""
    NOT_REACHED = "not_reached"


@dataclass(frozen=True, slots=True)
class ExplanationMute:
    """What muted an alert; `is_muted` is False once it was released."""

    name: str
    path: str
    ends_at: datetime
    is_muted: bool


@dataclass(frozen=True, slots=True)
class StageEntry:
    """One thing that a page did, such as a level that it entered or a message that was sent."""

    at: datetime
    text: str


@dataclass(frozen=True, slots=True)
class ExplanationStage:
    """What one stage decided and why; `href` is the page that explains more, labeled `link`.

    `until` is when it releases the alert, if it still fires.
    """

    name: StageName
    result: StageResult
    text: str
    at: datetime | None = None
    until: datetime | None = None
    link: str = ""
    href: str = ""
    entries: tuple[StageEntry, ...] = ()

    @property
    def around_link(self) -> tuple[str, str]:
        """The text before and after the link; a link that the text does not have follows it."""
        if not self.link or self.link not in self.text:
            return f"{self.text} ", ""
        before, _, after = self.text.partition(self.link)
        return before, after


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why an alert paged someone, or no one; `next` is what happens if no one acts, empty if nothing does."""

    alert_id: int
    has_paged: bool
    stages: tuple[ExplanationStage, ...]
    next: str

    @property
    def title(self) -> str:
        """The question that it answers."""
        return "Why someone was paged" if self.has_paged else "Why no one was paged"

    @property
    def decisive(self) -> ExplanationStage | None:
        """The stage that keeps the alert from paging, None if it paged."""
        return next((s for s in self.stages if s.result in (StageResult.WAITING, StageResult.STOPPED)), None)


@dataclass(frozen=True, slots=True)
class RuleVerdict:
    """Whether a rule matches some labels; `reason` names the matcher that does not, and what the label is."""

    number: int
    rule_id: int
    name: str
    matches: bool
    reason: str


@dataclass(frozen=True, slots=True)
class RoutingTest:
    """What the rules decide about some labels: up to the rule that matches, None if none does.

    `people` are those who would get a page first now; empty if it pages no one.
    """

    verdicts: tuple[RuleVerdict, ...]
    rule: RuleVerdict | None
    is_fallback: bool
    service: str
    service_slug: str
    urgency: str
    hold: str
    people: tuple[str, ...]


class EffectKind(StrEnum):
    """How a change of rules would have changed what happened to an alert."""

    HIDDEN = "hidden"
    """It would have paged no one."""
    SHOWN = "shown"
    """It would have paged, and did not before."""
    LATER = "later"
    MOVED = "moved"
    """It would have belonged to another service."""
    URGENCY = "urgency"

    @property
    def text(self) -> str:
        """What would have happened to the alert."""
        return {
            EffectKind.HIDDEN: "would have paged no one",
            EffectKind.SHOWN: "would have paged, and did not before",
            EffectKind.LATER: "would have paged later",
            EffectKind.MOVED: "would have gone to another service",
            EffectKind.URGENCY: "would have had another urgency",
        }[self]


@dataclass(frozen=True, slots=True)
class RoutingEffect:
    """One alert that a change of rules would have treated differently; `incidents` are those that resulted from it."""

    alert_id: int
    title: str
    starts_at: datetime
    kind: EffectKind
    service_before: int
    service_after: int
    delay_s: int
    resolved_after_s: int | None
    incidents: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RoutingPreview:
    """What a change of rules would have changed in the past, by replaying the alerts since `since`.

    `alerts` and `events` were replayed; `is_cut` means that there were more. `incidents` are those of alerts that
    would have paged later, elsewhere or no one.
    """

    since: datetime
    alerts: int
    events: int
    is_cut: bool
    pages_before: int
    pages_after: int
    counts: dict[EffectKind, int]
    incidents: tuple[str, ...]
    examples: tuple[RoutingEffect, ...]
    service_ids: tuple[int, ...] = ()
    """The services whose alerts would have been treated differently."""

    @property
    def affected(self) -> int:
        """The number of alerts that would have been treated differently."""
        return sum(self.counts.values())
