"""The conditions for closing an incident, each with its evidence and how to get it (spec 4.2); pure.

Slices above add conditions of their own with `Slice.closing_conditions`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from firebell.incidents.model import Baseline, CustomerReport, Incident, IncidentRole, Phase, Transition
from firebell.kit.durations import duration
from firebell.kit.findings import Finding, FindingLevel
from firebell.kit.text import plural

SKIPPED_TEXTS = {
    "status": "a status page did not say that it was resolved",
    "fields": "a required field was blank",
    "tasks": "a required task was open",
    "firing": "a linked alert was firing",
    "pages": "a linked page was open",
    "stable": "it was stable for less than 30 minutes",
    "baseline": "no one had confirmed the baseline",
    "reports": "a customer report was open",
}
STABILITY_PERIOD = timedelta(minutes=30)
"""How long an incident stays in monitoring before it can be closed."""


class ConditionState(StrEnum):
    """Whether a condition is met, and if not, what it waits for."""

    MET = "met"
    NEEDS_PERSON = "needs_person"
    WAITING = "waiting"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class ClosingCondition:
    """A condition for closing: `evidence` says why it is met or not, `remedy` how to meet it.

    `href` leads to the remedy, `form` names the form of the closing page that is the remedy.
    """

    code: str
    title: str
    state: ConditionState
    evidence: str
    remedy: str = ""
    href: str = ""
    form: str = ""
    met_at: datetime | None = None
    """When a condition that waits for time is met."""
    elapsed_percent: int = 0

    @property
    def is_met(self) -> bool:
        """True if the condition does not keep the incident open."""
        return self.state is ConditionState.MET

    @property
    def sentence(self) -> str:
        """What is missing, for the refusal of a change of phase."""
        if self.state is ConditionState.WAITING:
            return self.remedy
        return f"{self.title}. {self.remedy}" if self.remedy else f"{self.title}. {self.evidence}"


@dataclass(frozen=True, slots=True)
class LinkedAlert:
    """An alert of a linked page: since when it fires, or when it ended and who ended it."""

    title: str
    page: str
    starts_at: datetime
    ends_at: datetime | None
    ended_by: str | None

    @property
    def is_firing(self) -> bool:
        """True if it has not ended."""
        return self.ends_at is None


@dataclass(frozen=True, slots=True)
class ClosingFacts:
    """What the conditions need besides the incident; `open_pages` are references."""

    alerts: Sequence[LinkedAlert] = ()
    open_pages: Sequence[str] = ()
    baseline: Baseline | None = None
    reports: Sequence[CustomerReport] = field(default_factory=tuple)


def conditions(incident: Incident, facts: ClosingFacts, now: datetime) -> list[ClosingCondition]:
    """Return the conditions of the incident itself, in a fixed order; slices above add theirs."""
    return [
        _firing(facts),
        _pages(facts),
        _stable(incident, now),
        _baseline(incident, facts),
        _reports(incident, facts),
    ]


def by_urgency(listed: Sequence[ClosingCondition]) -> list[ClosingCondition]:
    """Return the conditions that are not met: open work, then what needs a person, then what waits for time."""
    order = [ConditionState.OPEN, ConditionState.NEEDS_PERSON, ConditionState.WAITING]
    return sorted((c for c in listed if not c.is_met), key=lambda condition: order.index(condition.state))


def closable_at(listed: Sequence[ClosingCondition], now: datetime) -> datetime | None:
    """Return when time alone has met every condition, None if a person must act first."""
    missing = [condition for condition in listed if not condition.is_met]
    if any(condition.met_at is None for condition in missing):
        return None
    return max((c.met_at for c in missing if c.met_at), default=now)


def override_refusal(
    incident: Incident, commander_id: int | None, actor_id: int | None, name: str
) -> str | None:
    """Return why this person may not close without the conditions, None if they may.

    The commander may; without one, anyone who responds to a SEV2 or SEV3, which needs none.
    """
    if commander_id is not None:
        return None if commander_id == actor_id else f"Only the commander can skip this. Ask {name}."
    if incident.severity <= 1:
        return f"Only the commander can skip this. Take command of {incident.ref} first."
    return None


def early_close_findings(incident: Incident, transitions: Sequence[Transition]) -> list[Finding]:
    """Return I-EARLYCLOSE for each condition that the last closing skipped (spec 4.4)."""
    closings = [t for t in transitions if t.after is Phase.CLOSED and t.before is Phase.MONITORING]
    is_closed = incident.phase in (Phase.CLOSED, Phase.REVIEWED)
    if not closings or not is_closed:
        return []
    level = FindingLevel.ERROR if incident.max_severity <= 1 else FindingLevel.WARNING
    return [
        Finding(
            f"I-EARLYCLOSE:{code}",
            "I-EARLYCLOSE",
            level,
            f"Closed before a condition was met: {SKIPPED_TEXTS.get(code, code)}",
            subject=incident.ref,
            advice=f"{closings[-1].actor} wrote: {closings[-1].reason}",
        )
        for code in closings[-1].skipped
    ]


def open_tasks(incident: Incident, tasks: Sequence[str]) -> ClosingCondition:
    """Return the condition that no required task is open; `tasks` are the titles of those that are."""
    if not tasks:
        return _met("tasks", "No required task is open", "")
    listed = "; ".join(tasks[:5]) + (f" and {len(tasks) - 5} more" if len(tasks) > 5 else "")
    return ClosingCondition(
        "tasks",
        "A required task is open" if len(tasks) == 1 else f"{len(tasks)} required tasks are open",
        ConditionState.OPEN,
        f"{listed}.",
        "Finish each task, or move it to the follow-ups.",
        href=f"/incidents/{incident.ref}#tasks",
    )


def published(page: str, href: str, *, is_resolved: bool, stage: str) -> ClosingCondition:
    """Return the condition that a status page tells of the end; `stage` is the one that it shows."""
    if is_resolved:
        return _met("status", f"Resolved on {page}", "")
    return ClosingCondition(
        "status",
        f"Not resolved on {page}",
        ConditionState.NEEDS_PERSON,
        f"Customers still read that it is {stage}.",
        "Publish the stage resolved.",
        href=href,
    )


def commander_of(holders: Sequence[tuple[IncidentRole, int]]) -> int | None:
    """Return the id of the commander, or None."""
    return next((person for role, person in holders if role is IncidentRole.COMMANDER), None)


def _firing(facts: ClosingFacts) -> ClosingCondition:
    firing = [alert for alert in facts.alerts if alert.is_firing]
    if not firing:
        ended = plural(len(facts.alerts), "linked alert")
        return _met("firing", "No linked alert is firing", f"{ended}, all resolved." if facts.alerts else "")
    first = min(firing, key=lambda alert: alert.starts_at)
    more = f" and {len(firing) - 1} more" if len(firing) > 1 else ""
    title = (
        "A linked alert is still firing" if len(firing) == 1 else f"{len(firing)} linked alerts are firing"
    )
    return ClosingCondition(
        "firing",
        title,
        ConditionState.OPEN,
        f"{first.title}{more}, of {first.page}.",
        f"Resolve the cause, or resolve {first.page}.",
        href=f"/pages/{first.page}",
    )


def _pages(facts: ClosingFacts) -> ClosingCondition:
    if not facts.open_pages:
        return _met("pages", "No linked page is open", "")
    listed = ", ".join(facts.open_pages[:5]) + (" and more" if len(facts.open_pages) > 5 else "")
    count = len(facts.open_pages)
    return ClosingCondition(
        "pages",
        "A linked page is open" if count == 1 else f"{count} linked pages are open",
        ConditionState.OPEN,
        "",
        f"Resolve {listed}.",
        href=f"/pages/{facts.open_pages[0]}",
    )


def _stable(incident: Incident, now: datetime) -> ClosingCondition:
    since = incident.stable_since
    if since is not None and now - since >= STABILITY_PERIOD:
        return _met("stable", "Stable for 30 minutes", f"Stable for {duration(now - since)}.")
    if since is None:
        remedy = "Record what ended the impact, then move to monitoring."
        text = "The impact has not ended."
        return ClosingCondition("stable", "Stable for 30 minutes", ConditionState.NEEDS_PERSON, text, remedy)
    left = since + STABILITY_PERIOD - now
    minutes = max(1, int((left + timedelta(seconds=59)).total_seconds()) // 60)
    return ClosingCondition(
        "stable",
        "Stable for 30 minutes",
        ConditionState.WAITING,
        "A new alert starts it again.",
        f"It can be closed after 30 minutes of stability ({minutes} min left).",
        met_at=since + STABILITY_PERIOD,
        elapsed_percent=max(0, 100 - round(100 * left / STABILITY_PERIOD)),
    )


def _baseline(incident: Incident, facts: ClosingFacts) -> ClosingCondition:
    signed, since = facts.baseline, incident.stable_since
    if signed and since and signed.signed_at >= since:
        note = f": {signed.note.rstrip('.')}" if signed.note else ""
        return _met("baseline", "Metrics are at baseline", f"Confirmed by {signed.actor}{note}.")
    if facts.alerts and all(a.ends_at is not None and a.ended_by == "source" for a in facts.alerts):
        count = plural(len(facts.alerts), "linked alert")
        return _met("baseline", "Metrics are at baseline", f"Measured: the source resolved {count}.")
    return ClosingCondition(
        "baseline",
        "The baseline isn’t confirmed",
        ConditionState.NEEDS_PERSON,
        "No source has measured it."
        if not facts.alerts
        else "Not every linked alert was resolved by its source.",
        "Someone who can see the graphs confirms that they are back to normal.",
        form="baseline",
    )


def _reports(incident: Incident, facts: ClosingFacts) -> ClosingCondition:
    since = incident.stable_since
    unanswered = [
        r for r in facts.reports if r.answered_at is None and since is not None and r.reported_at > since
    ]
    if unanswered:
        count = len(unanswered)
        return ClosingCondition(
            "reports",
            "A customer report is open" if count == 1 else f"{count} customer reports are open",
            ConditionState.OPEN,
            f"{unanswered[0].text[:200]}",
            "Answer the customer and mark the report answered, or start investigating again.",
            form="reports",
        )
    total = plural(len(facts.reports), "report")
    text = f"{total}, none open since the impact ended." if facts.reports else ""
    return _met("reports", "No open customer reports", text)


def _met(code: str, title: str, evidence: str) -> ClosingCondition:
    return ClosingCondition(code, title, ConditionState.MET, evidence)
