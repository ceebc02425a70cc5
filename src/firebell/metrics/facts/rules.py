"""The facts of incidents and pages as a function of what was recorded about them (pure; spec 11.11)."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from firebell.incidents.model import Incident, IncidentRole, Phase, TimelineEntry
from firebell.incidents.severity import FACTS, Severity
from firebell.kit.intervals import Interval, minus, union
from firebell.kit.localtime import to_local
from firebell.metrics.model import RULE_MAX_CHARS, Exclusion, IncidentFact, PageFact, Vote
from firebell.oncall.rota.fairness import night_of

NOISE_WITHIN = timedelta(seconds=300)
"""A page that ended by itself within this time, and that no one did anything about, is noise."""
PRESENCE_AFTER_ENTRY = timedelta(minutes=5)
HUMAN_LOG_KINDS = frozenset({"note", "snoozed", "escalated"})
"""What people do about a page, besides acknowledging and resolving it."""
ACKNOWLEDGED_LOG_KINDS = frozenset({"acked", "joined"})
EXHAUSTED_LOG_KIND, LEVEL_LOG_KIND, RESOLVED_LOG_KIND = "exhausted", "level", "resolved"


@dataclass(frozen=True, slots=True)
class RoleHeld:
    """A role that a person held."""

    role: IncidentRole
    person_id: int
    from_at: datetime
    until_at: datetime | None


@dataclass(frozen=True, slots=True)
class IncidentSource:
    """What was recorded about an incident, its timeline in order."""

    incident: Incident
    timeline: Sequence[TimelineEntry]
    roles: Sequence[RoleHeld]
    factors: Sequence[str]
    postmortem_published_at: datetime | None
    customers: int | None = None
    is_postmortem_withdrawn: bool = False


@dataclass(frozen=True, slots=True)
class PageLogRow:
    """An entry of a page's log; `level` only of entries about a level."""

    at: datetime
    kind: str
    actor_id: int | None
    level: int | None


@dataclass(frozen=True, slots=True)
class Call:
    """A message about an urgent page that reached a person, in whose time zone it was."""

    person_id: int
    tz: str
    at: datetime


@dataclass(frozen=True, slots=True)
class PageSource:
    """What was recorded about a page; `severities` and `drills` are of its incidents that everyone may read."""

    id: int
    team_id: int | None
    service_id: int | None
    rule: str
    urgency: str
    severity: int | None
    triggered_at: datetime
    resolved_at: datetime | None
    log: Sequence[PageLogRow]
    calls: Sequence[Call]
    votes: Sequence[bool]
    severities: Sequence[int]
    drills: Sequence[bool]


_EXCLUDED_PHASES = {Phase.DISMISSED: Exclusion.DISMISSED, Phase.MERGED: Exclusion.MERGED}


_CLOSED = (Phase.CLOSED, Phase.REVIEWED)
_RESOLVED = (Phase.RESOLVED, Phase.MONITORING, *_CLOSED)
_ENDED = frozenset(_EXCLUDED_PHASES.values())


def incident_fact(source: IncidentSource) -> IncidentFact:
    """Return the fact of an incident that was declared."""
    one = source.incident
    excluded = Exclusion.DRILL if one.drill else _EXCLUDED_PHASES.get(one.phase)
    commanders = [held.from_at for held in source.roles if held.role is IncidentRole.COMMANDER]
    engaged_at = min(commanders, default=None)
    presence = presence_minutes(source)
    due, on_time = update_adherence(one, source.timeline)
    return IncidentFact(
        id=one.id,
        type=one.type,
        severity_first=_first_severity(one, source.timeline),
        severity_max=one.max_severity,
        impact_start=one.impact_start,
        detected_at=one.detected_at,
        declared_at=one.declared_at,
        engaged_at=engaged_at,
        impact_end=one.impact_end,
        resolved_at=one.resolved_at,
        closed_at=one.closed_at or (_last_entry_at(source) if excluded in _ENDED else None),
        excluded=excluded,
        detect_s=_seconds(one.impact_start, one.detected_at),
        # a commander may have taken over before the declaration was written down
        engage_s=None if engaged_at is None else max(0, _seconds(one.declared_at, engaged_at) or 0),
        mitigate_s=_seconds(one.detected_at, one.impact_end),
        resolve_s=_seconds(one.detected_at, one.resolved_at),
        reopens=one.reopen_count,
        people=len(presence),
        person_minutes=sum(presence.values()),
        factors=tuple(sorted(set(source.factors))),
        updates_due=due,
        updates_on_time=on_time,
        postmortem_required=_requires_postmortem(source),
        postmortem_published_at=source.postmortem_published_at,
        customers=source.customers,
    )


def _requires_postmortem(source: IncidentSource) -> bool:
    """Return True if a post-mortem counts as published in time or late; one withdrawn unpublished is neither."""
    one = source.incident
    is_dropped = source.is_postmortem_withdrawn and source.postmortem_published_at is None
    return FACTS[Severity(one.max_severity)].postmortem and not one.drill and not is_dropped


def _last_entry_at(source: IncidentSource) -> datetime:
    return max((entry.effective_at for entry in source.timeline), default=source.incident.declared_at)


def _seconds(start: datetime | None, end: datetime | None) -> int | None:
    return None if start is None or end is None else int((end - start).total_seconds())


def _first_severity(incident: Incident, timeline: Sequence[TimelineEntry]) -> int:
    declared = next((e for e in timeline if e.kind == "declared"), None)
    severity = declared.data.get("severity") if declared else None
    if isinstance(severity, int):
        return severity
    changes = [e for e in timeline if e.kind == "severity" and "from" in e.data]
    first = min(changes, key=lambda e: (e.effective_at, e.id), default=None)
    before = first.data["from"] if first else incident.severity
    return before if isinstance(before, int) else incident.max_severity


def presence_minutes(source: IncidentSource) -> dict[int, int]:
    """Return the minutes for which each person was present: held a role, or wrote entries; until it was closed.

    An incident that is not closed counts up to its last entry. The time between a closure and a reopening does not
    count.
    """
    end = source.incident.closed_at or _last_entry_at(source)
    spans: dict[int, list[Interval]] = {}
    for held in source.roles:
        spans.setdefault(held.person_id, []).append(Interval(held.from_at, min(held.until_at or end, end)))
    written: dict[int, list[datetime]] = {}
    for entry in source.timeline:
        if entry.actor_id is not None:
            written.setdefault(entry.actor_id, []).append(entry.effective_at)
    for person_id, times in written.items():
        if person_id not in spans:
            last = min(max(times) + PRESENCE_AFTER_ENTRY, end)
            spans[person_id] = [Interval(min(times), last)]
    return {
        person_id: minutes
        for person_id, intervals in spans.items()
        if (minutes := _minutes(minus(union(intervals), _spans(source.timeline, _CLOSED, end))))
    }


def _spans(timeline: Sequence[TimelineEntry], phases: Sequence[Phase], until: datetime) -> list[Interval]:
    """Return when an incident was in one of these phases, until an instant."""
    spans: list[Interval] = []
    since: datetime | None = None
    for entry in sorted(timeline, key=lambda e: (e.effective_at, e.id)):
        if entry.kind != "phase" or "to" not in entry.data:
            continue
        is_inside = entry.data["to"] in phases
        if is_inside and since is None:
            since = entry.effective_at
        elif not is_inside and since is not None:
            spans.append(Interval(since, entry.effective_at))
            since = None
    if since is not None and since < until:
        spans.append(Interval(since, until))
    return spans


def _minutes(intervals: Iterable[Interval]) -> int:
    return int(sum((end - start for start, end in union(intervals)), timedelta()).total_seconds()) // 60


def update_adherence(incident: Incident, timeline: Sequence[TimelineEntry]) -> tuple[int, int]:
    """Return how many updates were due, and how many of them were posted in time.

    An update is due one interval of the severity after the declaration, after each update, and after a reopening, until
    the incident is resolved or the last update is written. An update that is not posted counts once.
    """
    end = incident.resolved_at or max((e.effective_at for e in timeline), default=incident.declared_at)
    posted = sorted(e.effective_at for e in timeline if e.kind == "update")
    # of changes at the same time, the last written counts
    changes = [
        (e.effective_at, e.data["to"])
        for e in sorted(timeline, key=lambda e: (e.effective_at, e.id))
        if e.kind == "severity" and isinstance(e.data.get("to"), int)
    ]
    first = _first_severity(incident, timeline)

    def interval(at: datetime) -> timedelta | None:
        severity = next((to for when, to in reversed(changes) if when <= at), first)
        every = FACTS[Severity(severity)].update_every
        return timedelta(minutes=every) if every else None

    resolved = _spans(timeline, _RESOLVED, end)
    since, due, on_time = incident.declared_at, 0, 0
    for at in [*posted, None]:
        due_at = _update_due(since, at, resolved, interval)
        if due_at is not None and due_at < end:
            due += 1
            on_time += at is not None and at <= due_at
        if at is not None:
            since = max(since, at)
    return due, on_time


def _update_due(
    since: datetime,
    posted_at: datetime | None,
    resolved: Sequence[Interval],
    interval: Callable[[datetime], timedelta | None],
) -> datetime | None:
    """Return when the update after `since` was due, None if it was posted at `posted_at` before one could be.

    Nothing is due while the incident is resolved, and a reopening begins again.
    """
    for span in resolved:
        if since >= span.end:
            continue
        every = interval(since)
        if every is not None and since + every < span.start:
            return since + every
        if posted_at is not None and posted_at < span.end:
            return None
        since = span.end
    every = interval(since)
    return None if every is None else since + every


def page_fact(source: PageSource) -> PageFact:
    """Return the fact of a page."""
    acked = min(
        (
            row.at
            for row in source.log
            if row.kind in ACKNOWLEDGED_LOG_KINDS
            and row.actor_id is not None
            and row.at >= source.triggered_at
        ),
        default=None,
    )
    until = acked or source.resolved_at
    # of levels at the same time, the highest was reached, whatever their order
    levels = [
        (row.at, row.level)
        for row in source.log
        if row.kind == LEVEL_LOG_KIND and row.level is not None and (acked is None or row.at <= acked)
    ]
    exhausted = any(
        row.kind == EXHAUSTED_LOG_KIND and (acked is None or row.at <= acked) for row in source.log
    )
    vote = majority(source.votes)
    nights = [(call, night) for call in source.calls if (night := night_of(call.at, call.tz)) is not None]
    first = min(source.calls, key=lambda call: (call.at, call.person_id), default=None)
    local = to_local(source.triggered_at, first.tz if first else "UTC")
    # SEV0 is the lowest number
    severities = [*source.severities, *([] if source.severity is None else [source.severity])]
    return PageFact(
        id=source.id,
        team_id=source.team_id,
        service_id=source.service_id,
        rule=source.rule[:RULE_MAX_CHARS],
        urgency=source.urgency,
        severity=min(severities, default=None),
        triggered_at=source.triggered_at,
        ack_s=_seconds(source.triggered_at, acked),
        censored_s=_seconds(source.triggered_at, until) if acked is None else None,
        level=max(levels)[1] if levels else 0,
        is_exhausted=exhausted,
        is_noise=is_noise(source, vote),
        vote=vote,
        hour=local.weekday() * 24 + local.hour,
        night=min((night for _, night in nights), default=None),
        woken=tuple(sorted({call.person_id for call, _ in nights})),
        excluded=Exclusion.DRILL if source.drills and all(source.drills) else None,
    )


def majority(votes: Sequence[bool]) -> Vote | None:
    """Return what most people said about a page, actionable if as many said the one as the other."""
    if not votes:
        return None
    return Vote.ACTIONABLE if 2 * sum(votes) >= len(votes) else Vote.NOT_ACTIONABLE


def is_noise(source: PageSource, vote: Vote | None) -> bool:
    """Return True if a page asked for nothing: people say so, or it ended by itself at once and no one did anything."""
    if vote is not None:
        return vote is Vote.NOT_ACTIONABLE
    if source.severities or source.resolved_at is None:
        return False
    acted = any(
        row.actor_id is not None and row.kind in (*HUMAN_LOG_KINDS, RESOLVED_LOG_KIND) for row in source.log
    )
    return not acted and source.resolved_at - source.triggered_at <= NOISE_WITHIN
