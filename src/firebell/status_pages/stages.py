"""Stages of public incidents: which one an incident suggests, and which may follow another (pure)."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from firebell.incidents.model import ACTIVE, Phase
from firebell.status_pages.model import STAGE_LABELS, ComponentStatus, PublicIncident, Stage

FIRST_POST_WITHIN = {0: timedelta(minutes=15), 1: timedelta(minutes=30)}
"""The time limit of the first public update, by severity (spec 7.3)."""
REOPENS_WITHIN = timedelta(hours=24)
"""How long a resolved public incident can go back to an earlier stage; later it is a new incident."""
UPDATE_INTERVAL = {
    0: timedelta(minutes=30),
    1: timedelta(minutes=30),
    2: timedelta(minutes=120),
    3: timedelta(minutes=120),
}
"""How soon the next update is promised, by severity."""
SUGGESTED_STATUS = {
    0: ComponentStatus.MAJOR_OUTAGE,
    1: ComponentStatus.PARTIAL_OUTAGE,
    2: ComponentStatus.DEGRADED_PERFORMANCE,
}
"""The status that a severity suggests for the components of the affected services (spec 7.4)."""
_OVER = (Phase.CLOSED, Phase.REVIEWED, Phase.MERGED, Phase.DISMISSED)
MONITORING_FACTOR = 2
"""How much longer the interval is while a fix is monitored."""


def suggested_stage(phase: Phase, *, cause_is_known: bool) -> Stage | None:
    """Return the stage that a phase suggests; None for what is not told at all (spec 7.3)."""
    if phase is Phase.DISMISSED:
        return None
    if phase in (Phase.CLOSED, Phase.REVIEWED, Phase.MERGED):
        return Stage.RESOLVED
    if phase in (Phase.RESOLVED, Phase.MONITORING):
        return Stage.MONITORING
    return Stage.IDENTIFIED if cause_is_known else Stage.INVESTIGATING


def behind(phase: Phase, published: PublicIncident) -> str:
    """Return a phrase if an incident has ended or began again while customers read otherwise, else an empty text."""
    if not published.is_open:
        is_again = phase in ACTIVE and published.continued_at is None
        return f"is {phase} again, but customers read {STAGE_LABELS[Stage.RESOLVED]}" if is_again else ""
    shown = f"customers still read {STAGE_LABELS[published.stage]}"
    if phase in _OVER:
        return f"is {phase}, but {shown}"
    if phase is Phase.MONITORING and published.stage.rank < Stage.MONITORING.rank:
        return f"is resolved, but {shown}"
    return ""


def refusal(incident: PublicIncident | None, stage: Stage) -> str:
    """Return why this stage may not be published next; an empty text if it may."""
    if incident is None or (incident.is_open and stage.rank >= incident.stage.rank):
        return ""
    if not incident.is_open:
        return "This incident is resolved. Mark a regression, or start a new one."
    return "To go back to an earlier stage, mark a regression."


def in_order(shown: Iterable[PublicIncident]) -> list[PublicIncident]:
    """Return what one page published about one incident in the order of its publication, the current one last.

    The current one is the one that is open, or else the latest.
    """
    return sorted(shown, key=lambda each: (each.is_open, each.published_at, each.id))


def can_publish_another(shown: PublicIncident, now: datetime) -> bool:
    """Return True if a page may publish another incident about the one that it shows as over (spec 7.3)."""
    if shown.resolved_at is None:
        return False
    return shown.continued_at is not None or now - shown.resolved_at > REOPENS_WITHIN


def regression_refusal(incident: PublicIncident, stage: Stage, now: datetime) -> str:
    """Return why the incident may not go back to this stage; an empty text if it may."""
    if incident.continued_at is not None:
        return f"It continues at “{incident.continued_at.name}”. Publish there."
    if stage.rank >= incident.stage.rank:
        return f"It is not past the stage {stage}. Publish an update instead."
    if incident.resolved_at is None:
        return ""
    if stage not in (Stage.INVESTIGATING, Stage.IDENTIFIED):
        return "A resolved incident goes back to investigating or identified."
    if now - incident.resolved_at > REOPENS_WITHIN:
        return "It was resolved more than 24 hours ago. Start a new incident."
    return ""


def first_post_due(
    declared_at: datetime,
    changes: list[tuple[datetime, int]],
    severity: int,
    *,
    customers_impacted: bool | None = None,
) -> datetime | None:
    """Return when the first public update is due; None if none is required.

    `changes` are the later severities with their instants, in order; `severity` is that of the declaration.
    A SEV1 requires none if no customers are impacted; not known counts as impacted.
    """
    due = _limit(declared_at, severity, customers_impacted)
    before = severity
    for at, after in changes:
        limit = _limit(declared_at, after, customers_impacted)
        if after < before and limit is not None:
            raised = max(limit, at + FIRST_POST_WITHIN[after] / 2)
            due = raised if due is None else min(due, raised)
        elif after > before and (due is None or due > at):
            due = limit
        before = after
    return due


def _limit(declared_at: datetime, severity: int, customers_impacted: bool | None) -> datetime | None:
    within = FIRST_POST_WITHIN.get(severity)
    if severity == 1 and customers_impacted is False:
        return None
    return None if within is None else declared_at + within


def next_update_interval(severity: int, stage: Stage) -> timedelta:
    """Return the interval within which the next update is promised by default."""
    interval = UPDATE_INTERVAL[severity]
    return interval * MONITORING_FACTOR if stage is Stage.MONITORING else interval
