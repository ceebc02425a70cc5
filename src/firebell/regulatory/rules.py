"""From facts and regimes to clocks with their states and due times (spec 4.3); pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from firebell.kit.localtime import to_local
from firebell.regulatory.due_times import end_of
from firebell.regulatory.model import (
    ACTIVE,
    STOPPED,
    SUBMITTED,
    Answer,
    AppliedRegime,
    Clock,
    FactDefinition,
    FactRecord,
    FactType,
    IncidentFacts,
    Limit,
    Obligation,
    Start,
    State,
)

DUE_SOON_SHARE = 0.25
"""A clock is due soon when at most this share of its time is left."""
REMINDER_SHARES = (0.5, 0.75, 0.9)
"""The shares of the time after which reminders are sent; one more an hour before the end, and one at the end."""
LAST_REMINDER = timedelta(hours=1)
DUE_MARK = "due"
"""The reminder at the end of the time."""
EARLIEST_FACT = "aware"
"""The fact from which undecided clocks run."""

Definitions = Mapping[str, FactDefinition]


@dataclass(frozen=True, slots=True)
class _Due:
    at: datetime
    start: Start


def latest(records: Iterable[FactRecord]) -> dict[str, FactRecord]:
    """Return the record that counts of each fact: the latest."""
    return {record.fact: record for record in sorted(records, key=lambda record: record.id)}


class _Known:
    """What is known of an incident: the record that counts of each fact, and when the fact was.

    All clocks of an incident share it, because the same few facts start most of them.
    """

    def __init__(
        self, facts: IncidentFacts, counting: Iterable[FactRecord], definitions: Definitions
    ) -> None:
        self.facts = facts
        self.records = latest(counting)
        self._definitions = definitions
        self._starts: dict[str, Start | None] = {}

    def start(self, fact: str) -> Start | None:
        """Return when a fact was, None if it has not happened or is not known."""
        if fact not in self._starts:
            self._starts[fact] = self._start(fact)
        return self._starts[fact]

    def _start(self, fact: str) -> Start | None:
        facts, record = self.facts, self.records.get(fact)
        if record and record.answer is Answer.YES and record.effective_at:
            return Start(fact, record.effective_at, is_default=False, actor=record.actor)
        definition = self._definitions.get(fact)
        if definition is None:
            return None
        if definition.type is FactType.INCIDENT:
            at = facts.declared_at if fact == "declared" else facts.detected_at
            return Start(fact, at, is_default=True)
        if definition.has_default and not (record and record.answer is Answer.NO):
            return Start(fact, facts.detected_at, is_default=True)
        return None


def _due(
    obligation: Obligation,
    applied: AppliedRegime,
    starts: Mapping[str, Start | None],
) -> _Due | None:
    """Return the earliest end of the limits whose facts are known."""
    ends = []
    for limit in obligation.limits:
        if start := starts.get(limit.after):
            at = end_of(limit, start.at, applied.tz, applied.regime.holidays)
            if not _is_void(limit, at, starts):
                ends.append(_Due(at, start))
    return min(ends, key=lambda due: due.at, default=None)


def _is_void(limit: Limit, end: datetime, starts: Mapping[str, Start | None]) -> bool:
    later = starts.get(limit.void_if_later) if limit.void_if_later else None
    return later is not None and later.at > end


def _yes(fact: str, records: Mapping[str, FactRecord]) -> bool | None:
    record = records.get(fact)
    if record is None or record.answer is Answer.UNKNOWN:
        return None
    return record.answer is Answer.YES


def _excluded_by(obligation: Obligation, records: Mapping[str, FactRecord]) -> str:
    """Return the decision because of which the obligation does not apply, empty if there is none."""
    no = [fact for fact in obligation.applies_if if _yes(fact, records) is False]
    yes = [fact for fact in obligation.unless if _yes(fact, records)]
    return next(iter(no + yes), "")


def is_late(at: datetime, due_at: datetime) -> bool:
    """Return True if `at` is after the due time, which is inclusive to the second."""
    return at.replace(microsecond=0) > due_at


def _undecided(
    obligation: Obligation,
    applied: AppliedRegime,
    starts: Mapping[str, Start | None],
    earliest: Start | None,
) -> _Due | None:
    """Return when an undecided clock would be due that nothing known has started: as if the earliest fact had."""
    assumed = {limit.after: earliest for limit in obligation.limits if limit.after in obligation.applies_if}
    return _due(obligation, applied, {**starts, **assumed})


def _clock(obligation: Obligation, applied: AppliedRegime, known: _Known, now: datetime) -> Clock:
    records = known.records
    missing = tuple(fact for fact in obligation.applies_if if _yes(fact, records) is None)
    submitted = _recorded(f"{SUBMITTED}{obligation.id}", records)
    stopped = _recorded(f"{STOPPED}{obligation.id}", records)
    if not (submitted or stopped):
        excluded_by = _excluded_by(obligation, records)
        if excluded_by or (missing and known.facts.is_dismissed):
            return Clock(obligation, applied, State.NOT_APPLICABLE, excluded_by=excluded_by)
        if len(missing) > 1:
            return Clock(obligation, applied, State.WAITING, missing=missing)
    names = {name for limit in obligation.limits for name in (limit.after, limit.void_if_later) if name}
    starts = {name: known.start(name) for name in names}
    due = _due(obligation, applied, starts)
    if missing and not due:
        due = _undecided(obligation, applied, starts, known.start(EARLIEST_FACT))
    if due and _is_before_force(applied, due.start.at):
        return Clock(obligation, applied, State.NOT_APPLICABLE)
    due_at, start = (due.at, due.start) if due else (None, None)
    if submitted and submitted.effective_at:
        late = due_at is not None and not missing and is_late(submitted.effective_at, due_at)
        state, record = (State.LATE if late else State.MET), submitted
    elif stopped:
        state, record = State.STOPPED, stopped
    elif due is None:
        waits_for = missing or tuple(limit.after for limit in obligation.limits)
        return Clock(obligation, applied, State.WAITING, missing=waits_for)
    else:
        state, record = (State.UNDECIDED if missing else _running(due, now)), None
    return Clock(obligation, applied, state, due_at, start, missing=missing, record=record)


def _recorded(fact: str, records: Mapping[str, FactRecord]) -> FactRecord | None:
    record = records.get(fact)
    return record if record and record.answer is Answer.YES else None


def _is_before_force(applied: AppliedRegime, at: datetime) -> bool:
    in_force = applied.regime.in_force
    return in_force is not None and to_local(at, applied.tz).date() < in_force


def _running(due: _Due, now: datetime) -> State:
    if is_late(now, due.at):
        return State.OVERDUE
    left, total = due.at - now, due.at - due.start.at
    return State.DUE_SOON if left <= total * DUE_SOON_SHARE else State.RUNNING


def _earlier_due(clock: Clock, earlier: Iterable[_Known], now: datetime) -> datetime | None:
    """Return the earliest due time before the current one that followed from what was known earlier."""
    dues = []
    for known in earlier:
        was = _clock(clock.obligation, clock.applied, known, now)
        if was.due_at and not was.missing and was.state is not State.NOT_APPLICABLE:
            dues.append(was.due_at)
    earliest = min(dues, default=None)
    return earliest if earliest and clock.due_at and earliest < clock.due_at else None


def clocks(
    facts: IncidentFacts, regimes: Sequence[AppliedRegime], definitions: Definitions, now: datetime
) -> list[Clock]:
    """Return the clock of each obligation in the order of the regimes; a drill has none."""
    if facts.is_drill:
        return []
    results, known = [], _Known(facts, facts.records, definitions)
    earlier = [_Known(facts, facts.records[:count], definitions) for count in range(1, len(facts.records))]
    for applied in regimes:
        for obligation in applied.regime.obligations:
            clock = _clock(obligation, applied, known, now)
            if earlier and clock.due_at and not clock.missing:
                clock = replace(clock, earlier_due_at=_earlier_due(clock, earlier, now))
            results.append(clock)
    return results


_RANKS = {
    State.OVERDUE: 0,
    State.DUE_SOON: 0,
    State.RUNNING: 0,
    State.UNDECIDED: 1,
    State.WAITING: 2,
    State.LATE: 3,
    State.MET: 3,
    State.STOPPED: 4,
    State.NOT_APPLICABLE: 5,
}


def by_urgency(unordered: Iterable[Clock]) -> list[Clock]:
    """Return clocks with what is owed first, by due time; undecided ones stand after running ones."""

    def key(clock: Clock) -> tuple[int, bool, float, str]:
        return (
            _RANKS[clock.state],
            clock.due_at is None,
            clock.due_at.timestamp() if clock.due_at else 0,
            clock.id,
        )

    return sorted(unordered, key=key)


def owed(all_clocks: Iterable[Clock]) -> list[Clock]:
    """Return the clocks whose notification is owed, by due time."""
    return [clock for clock in by_urgency(all_clocks) if clock.state in ACTIVE]


def covers(clock: Clock, due_at: datetime) -> bool:
    """Return True if the notification of a clock was submitted, or is owed and due at this instant or earlier."""
    if clock.state in (State.MET, State.LATE):
        return True
    return clock.state in ACTIVE and clock.due_at is not None and clock.due_at <= due_at


def reminders(clock: Clock) -> list[tuple[str, datetime]]:
    """Return (name, time) of each reminder of a clock, earliest first.

    A running clock is announced when it starts, and reminds at 50%, 75% and 90% of its time, an hour before its
    end and at its end. An undecided one asks for a decision at 50%.
    """
    if clock.start is None or clock.due_at is None:
        return []
    total = clock.due_at - clock.start.at
    if clock.state is State.UNDECIDED:
        return [("undecided", clock.start.at + total * REMINDER_SHARES[0])]
    if clock.state not in ACTIVE:
        return []
    marks = [("start", clock.start.at)]
    marks += [(f"{share:.0%}", clock.start.at + total * share) for share in REMINDER_SHARES]
    if total > LAST_REMINDER:
        marks.append(("hour", clock.due_at - LAST_REMINDER))
    marks.append((DUE_MARK, clock.due_at))
    return sorted(marks, key=lambda mark: mark[1])
