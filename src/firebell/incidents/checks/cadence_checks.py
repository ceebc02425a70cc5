"""The process checks of the rhythm of an incident: updates, progress and the timeline (spec 4.4); pure."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from firebell.incidents.checks.finding_builder import clock, finding, lowered
from firebell.incidents.checks.history import HistoryStep
from firebell.incidents.checks.model import CheckRecord, IncidentFinding
from firebell.incidents.model import ACTIVE, Phase, TimelineEntry
from firebell.incidents.update_deadlines.rules import update_interval
from firebell.kit.findings import FindingLevel, FixButton, Passed, length_text

UPDATE_TOLERANCE, UPDATE_MISSED = 1.25, 2.0
"""The share of the interval after which an update is late, and after which it is missed."""
PROGRESS_WITHIN = timedelta(minutes=30)
ENTRY_WITHIN = timedelta(minutes=15)
_PROGRESS = ("declared", "phase", "severity", "finding", "decision", "mitigation")
_ESCALATED = ("paged", "role", "handover", "escalated")
"""The kinds of entries that show that someone else was called; the time starts again from them."""
Results = Iterator[IncidentFinding | Passed]


def _interval(step: HistoryStep) -> timedelta | None:
    """Return how often an update was due during a step, None for never; the interval doubles in monitoring."""
    interval = update_interval(step.severity) if step.is_open else None
    return interval * 2 if interval and step.phase is Phase.MONITORING else interval


def updates(record: CheckRecord, history: Sequence[HistoryStep], now: datetime, tz: str) -> Results:
    """Yield I-UPDATE for each gap between two updates that was too long for the severity and phase."""
    if not any(_interval(step) for step in history):
        return
    posted = [e for e in record.timeline if e.kind == "update"]
    marks = [history[0].cause, *posted]
    problems = [
        problem
        for entry, end in zip(marks, [*(e.effective_at for e in posted), now], strict=True)
        if (problem := _late_update(record, history, entry, end, end == now, tz))
    ]
    yield from problems
    if not problems:
        yield Passed("I-UPDATE", "Updates are on time")


def _late_update(
    record: CheckRecord,
    history: Sequence[HistoryStep],
    entry: TimelineEntry,
    end: datetime,
    is_last: bool,
    tz: str,
) -> IncidentFinding | None:
    start, before = entry.effective_at, None
    worst, since, length, every, severity = 0.0, start, timedelta(), timedelta(), 1
    for step in history:
        if step.end <= entry.effective_at or step.start >= end:
            continue
        interval = _interval(step)
        if interval is None:  # closed: a later update starts again
            start, before = step.end, None
            continue
        if before is not None and interval < before:
            start = step.start  # a shorter interval counts from when it began
        promised = _promised(record, start) if is_last and step is history[-1] else None
        before, allowed = interval, max(interval, promised or interval)
        waited = min(step.end, end) - start
        if waited / allowed > worst:
            worst, since, length = waited / allowed, start, waited
            every, severity = allowed, step.severity
    if worst <= UPDATE_TOLERANCE:
        return None
    is_now = is_last and history[-1].is_open
    level = FindingLevel.ERROR if worst >= UPDATE_MISSED else FindingLevel.WARNING
    place = "" if is_now else f" from {clock(since, tz)}"
    return finding(
        record,
        "I-UPDATE",
        lowered(level, severity),
        f"No update for {length_text(length)}{place}",
        f"One is due every {length_text(every)}, even if nothing changed.",
        entry,
        fix=FixButton("Write update", compose="update") if is_now else None,
    )


def _promised(record: CheckRecord, since: datetime) -> timedelta | None:
    """Return the time after `since` until the next update that is promised now, None for none."""
    due_at = record.incident.update_due_at
    return due_at - since if due_at and due_at > since else None


def no_progress(record: CheckRecord, history: Sequence[HistoryStep], now: datetime, tz: str) -> Results:
    """Yield I-NOPROGRESS for each half hour of work without progress in which no one else was called."""
    problems = []
    active = [step for step in history if step.phase in ACTIVE]
    for step in active:
        inside = [
            e
            for e in record.timeline
            if e.kind in (*_PROGRESS, *_ESCALATED) and step.start <= e.effective_at < step.end
        ]
        marks = [step.cause, *(e for e in inside if e is not step.cause)]
        for entry, end in zip(marks, [*(e.effective_at for e in marks[1:]), step.end], strict=True):
            start = max(entry.effective_at, step.start)
            if end - start <= PROGRESS_WITHIN:
                continue
            is_now = end == now and history[-1] is step
            since = "" if is_now else f" from {clock(start, tz)}"
            problems.append(
                finding(
                    record,
                    "I-NOPROGRESS",
                    lowered(FindingLevel.WARNING, step.severity),
                    f"No progress for {length_text(end - start)}{since}",
                    "Escalate: call someone who knows more, or decide to try something else.",
                    entry,
                    fix=FixButton("Record finding", compose="finding") if is_now else None,
                )
            )
    yield from problems
    if active and not problems:
        yield Passed("I-NOPROGRESS", "Steady progress")


def no_timeline(record: CheckRecord, history: Sequence[HistoryStep], now: datetime, tz: str) -> Results:
    """Yield I-NOTIMELINE once if a quarter of an hour passed without an entry while a SEV0 or SEV1 was open."""
    spans = [step for step in history if step.is_open and step.severity <= 1]
    silences = []
    for step in spans:
        marks = [
            step.cause,
            *(e for e in record.timeline if step.start < e.effective_at < step.end and e is not step.cause),
        ]
        times = [max(step.start, e.effective_at) for e in marks] + [step.end]
        silences += [
            (end - start, start, entry)
            for entry, (start, end) in zip(marks, pairwise(times), strict=True)
            if end - start > ENTRY_WITHIN
        ]
    if silences:
        length, start, _ = max(silences, key=lambda silence: silence[:2])
        yield finding(
            record,
            "I-NOTIMELINE",
            FindingLevel.INFO,
            f"No entry for {length_text(length)} from {clock(start, tz)}",
            "Write down what you see and do, at least every 15 minutes: the review needs it.",
            *(entry for *_, entry in silences),
            fix=FixButton("Write note", compose="note") if spans[-1] is history[-1] else None,
        )
    elif spans:
        yield Passed("I-NOTIMELINE", "The timeline is kept")
