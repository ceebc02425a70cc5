"""Why an alert paged someone, or no one: each stage with its result and reason, from what is stored (pure)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from firebell.alerts.model import Alert, Group
from firebell.alerts.routing_model import Hold, HoldKind
from firebell.kit.durations import exact
from firebell.kit.text import times
from firebell.routing.model import (
    Explanation,
    ExplanationMute,
    ExplanationStage,
    StageEntry,
    StageName,
    StageResult,
)


@dataclass(frozen=True, slots=True)
class ExplanationFacts:
    """What is stored about an alert and its outcome.

    `received_at` is when its first message arrived, None once that is deleted. `rule` is the number and name of the
    rule that decided. `has_rules` is True if there were rules when the alert began.
    """

    alert: Alert
    service: str
    service_slug: str
    integration: str
    source: str
    received_at: datetime | None
    earlier_alert_id: int | None
    rule: tuple[int, str] | None
    has_rules: bool
    mute: ExplanationMute | None
    hold: Hold | None
    group: Group | None
    page: str | None
    page_state: str
    log: Sequence[StageEntry]

    @property
    def is_firing(self) -> bool:
        """Return True while the alert fires."""
        return self.alert.status == "firing"


def explain(facts: ExplanationFacts) -> Explanation:
    """Return every stage in order; those after the one that keeps the alert from paging were not reached."""
    has_paged = facts.page is not None
    stages: list[ExplanationStage] = []
    for stage in (
        _received(facts),
        _deduplicated(facts),
        _routed(facts),
        _muted(facts),
        _flapping(facts),
        _grouped(facts),
        _held(facts),
        _paged(facts),
    ):
        is_decided = any(s.result in (StageResult.WAITING, StageResult.STOPPED) for s in stages)
        stages.append(
            ExplanationStage(stage.name, StageResult.NOT_REACHED, _not_reached(facts, stage))
            if is_decided
            else stage
        )
    return Explanation(facts.alert.id, has_paged, tuple(stages), _next(facts))


def _not_reached(facts: ExplanationFacts, stage: ExplanationStage) -> str:
    return (
        f"Not reached. It would page for {facts.service}."
        if stage.name is StageName.PAGED
        else "Not reached."
    )


def _received(facts: ExplanationFacts) -> ExplanationStage:
    source = f", read as {facts.source}" if facts.source else ""
    text = f"From the integration {facts.integration}{source}."
    return ExplanationStage(
        StageName.RECEIVED, StageResult.PASSED, text, facts.received_at or facts.alert.starts_at
    )


def _deduplicated(facts: ExplanationFacts) -> ExplanationStage:
    events = "1 event" if facts.alert.count == 1 else f"{facts.alert.count} events"
    text = f"A new alert: no alert with its key was firing. {events} so far."
    link = f"Alert {facts.earlier_alert_id}" if facts.earlier_alert_id else ""
    href = f"/alerts/{facts.earlier_alert_id}" if facts.earlier_alert_id else ""
    if facts.group is None:
        text = "Its resolution arrived before it fired, so there was nothing to page for."
        return ExplanationStage(StageName.DEDUPLICATED, StageResult.STOPPED, text, link=link, href=href)
    if link:
        text += " An earlier alert with the key had ended."
    return ExplanationStage(StageName.DEDUPLICATED, StageResult.PASSED, text, link=link, href=href)


def _routed(facts: ExplanationFacts) -> ExplanationStage:
    alert = facts.alert
    if facts.rule is None:
        reason = "No rule matched" if facts.has_rules else "There were no routing rules"
        text = f"{reason}, so it belongs to {facts.service}, the service of its integration."
        return ExplanationStage(StageName.ROUTED, StageResult.PASSED, text)
    number, name = facts.rule
    link, href = "See the rules at that time", f"/routing/versions/{alert.routing_version_id}"
    text = f"Rule {number}, {name}, matched. It belongs to {facts.service}."
    if alert.is_fallback:
        text = (
            f"Rule {number}, {name}, matched, but the service that it names doesn’t exist or was deleted. The"
            f" fallback rule sent it to {facts.service}, the service of its integration."
        )
    return ExplanationStage(StageName.ROUTED, StageResult.PASSED, text, link=link, href=href)


def _muted(facts: ExplanationFacts) -> ExplanationStage:
    mute = facts.mute
    if mute is None:
        return ExplanationStage(StageName.MUTED, StageResult.PASSED, "Nothing muted it.")
    if not mute.is_muted:
        text = f"{mute.name} muted it for a while, then released it."
        return ExplanationStage(StageName.MUTED, StageResult.PASSED, text, link=mute.name, href=mute.path)
    if facts.is_firing:
        text = f"{mute.name} mutes it."
        return ExplanationStage(
            StageName.MUTED, StageResult.WAITING, text, None, mute.ends_at, mute.name, mute.path
        )
    text = f"{mute.name} muted it, and it was resolved before that ended."
    return ExplanationStage(StageName.MUTED, StageResult.STOPPED, text, link=mute.name, href=mute.path)


def _flapping(facts: ExplanationFacts) -> ExplanationStage:
    flap = facts.alert.flap
    if flap is None:
        return ExplanationStage(StageName.FLAPPING, StageResult.PASSED, "It isn’t flapping.")
    if flap.since is None:
        text = "It recently changed between firing and resolved, but not often enough to flap."
        return ExplanationStage(StageName.FLAPPING, StageResult.PASSED, text)
    since = f" It has changed {times(flap.count)} since." if flap.count else ""
    reported = "Its source last resolved it" if flap.is_resolved else "It fires now"
    text = (
        f"It changed {flap.limit} times within an hour, so it flaps.{since} {reported}. It keeps one page until it is "
        "calm, and its page resolves then if the alert no longer fires."
    )
    return ExplanationStage(StageName.FLAPPING, StageResult.PASSED, text, flap.since)


def _held(facts: ExplanationFacts) -> ExplanationStage:
    hold = facts.hold
    if hold is None:
        return ExplanationStage(StageName.HELD, StageResult.PASSED, "No rule holds it.")
    span = exact(hold.window_s)
    if hold.kind is HoldKind.NEVER:
        text = "Its rule pages no one; the alert stays visible."
    elif hold.kind is HoldKind.UNKNOWN:
        text = "A later version of Firebell held it for a reason that this one does not know, so it pages."
    elif hold.kind is HoldKind.WAIT:
        text = f"Its rule pages only what still fires after {span}."
    else:
        text = f"Its rule pages after {hold.needed} firing events within {span}; {len(hold.events)} so far."
    if hold.ended_at is not None or facts.page is not None:
        return ExplanationStage(
            StageName.HELD, StageResult.PASSED, f"{text} The hold has since ended.", hold.ended_at
        )
    if hold.kind is HoldKind.NEVER or not facts.is_firing:
        ending = "" if hold.kind is HoldKind.NEVER else " It was resolved before that."
        return ExplanationStage(StageName.HELD, StageResult.STOPPED, text + ending)
    return ExplanationStage(StageName.HELD, StageResult.WAITING, text, until=hold.until)


def _grouped(facts: ExplanationFacts) -> ExplanationStage:
    group = facts.group
    if group is None:
        return ExplanationStage(StageName.GROUPED, StageResult.NOT_REACHED, "Not reached.")
    text = f"In a group of {group.alerts} alerts, {group.firing} of them firing."
    if group.alerts == 1:
        text = "It’s the only alert in its group."
    if group.key is None:
        text = f"In a storm: its service opened too many groups, so one page holds {group.alerts} alerts."
    return ExplanationStage(StageName.GROUPED, StageResult.PASSED, text, group.opened_at)


def _paged(facts: ExplanationFacts) -> ExplanationStage:
    if facts.page is None:
        return ExplanationStage(StageName.PAGED, StageResult.STOPPED, "Its group has no page.")
    return ExplanationStage(
        StageName.PAGED,
        StageResult.PASSED,
        f"Opened {facts.page} for {facts.service}.",
        facts.log[0].at if facts.log else None,
        link=facts.page,
        href=f"/pages/{facts.page}",
        entries=tuple(facts.log),
    )


def _next(facts: ExplanationFacts) -> str:
    if not facts.is_firing:
        return ""
    flap = facts.alert.flap
    if facts.page is not None and flap is not None and flap.is_resolved and facts.page_state != "resolved":
        return f"{facts.page} resolves if the alert stays resolved until it is calm."
    if facts.page is not None:
        return {
            "acked": f"{facts.page} is acknowledged.",
            "resolved": f"{facts.page} is resolved; the next event of the alert pages again.",
            "merged": f"{facts.page} was merged into another page.",
        }.get(facts.page_state, f"{facts.page} escalates until someone acknowledges it.")
    if facts.mute is not None and facts.mute.is_muted:
        return "If it still fires when the mute ends, it pages then."
    if facts.hold is None or not facts.hold.is_open:
        return ""
    return {
        HoldKind.NEVER: "No one will be paged. If someone should know, page them yourself.",
        HoldKind.WAIT: "If it still fires at the end of the wait, it pages then.",
        HoldKind.UNKNOWN: "It pages within seconds.",
        HoldKind.THRESHOLD: "It pages as soon as enough firing events arrive within the window.",
    }[facts.hold.kind]
