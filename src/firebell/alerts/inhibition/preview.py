"""What an inhibition rule would have inhibited in the past (pure, spec 3.3)."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from firebell.alerts import mutes
from firebell.alerts.inhibition.model import CompiledInhibitionRule
from firebell.alerts.past_alert_columns import AlertHistory
from firebell.kit.matchers import matches_all

SECOND = 1_000_000
"""Microseconds."""


@dataclass(frozen=True, slots=True)
class InhibitedTarget:
    """A target and the interval in which its sources fired; positions and instants are those of the history."""

    position: int
    source: int
    """The position of the source that began the interval."""
    until: int
    is_released: bool
    """True if the target still fired at the end, so that it would have paged then."""


@dataclass(frozen=True, slots=True)
class InhibitionOutcome:
    """What a rule does to a history: its sources and targets are counted.

    `waited` targets would have paged after the wait, because no source fired by then.
    """

    sources: int
    targets: int
    waited: int
    inhibited: tuple[InhibitedTarget, ...]


@dataclass(slots=True)
class _Interval:
    start: int
    end: int
    source: int


def replay(rule: CompiledInhibitionRule, history: AlertHistory) -> InhibitionOutcome:
    """Return what a rule would have inhibited; only this rule and what fired are compared, not other mutes."""
    labels = [kind.matched for kind in history.kinds]
    equal = [tuple(each.get(name, "") for name in rule.equal) for each in labels]
    can_be = [not mutes.always_pages(kind.dedup_key, kind.labels) for kind in history.kinds]
    is_source = [ok and matches_all(rule.source, each) for ok, each in zip(can_be, labels, strict=True)]
    is_target = [ok and matches_all(rule.target, each) for ok, each in zip(can_be, labels, strict=True)]
    order = sorted(
        (position for position, kind in enumerate(history.kind_of) if is_source[kind] or is_target[kind]),
        key=history.starts.__getitem__,
    )
    of_all = _firing_intervals(history, [p for p in order if is_source[history.kind_of[p]]], equal)
    # an alert that matches both sides is inhibited only by sources that do not
    one_sided = [p for p in order if is_source[history.kind_of[p]] and not is_target[history.kind_of[p]]]
    of_one_sided = _firing_intervals(history, one_sided, equal)
    inhibited, targets, waited = [], 0, 0
    for position in order:
        kind = history.kind_of[position]
        if not is_target[kind]:
            continue
        targets += 1
        intervals = (of_one_sided if is_source[kind] else of_all).get(equal[kind], ())
        start, end = history.starts[position], history.ends[position]
        latest = min(start + rule.wait_s * SECOND, end - 1)
        # the first interval that did not end before the target began
        at = bisect_right(intervals, start, key=lambda interval: interval.end)
        if at < len(intervals) and intervals[at].start <= latest:
            interval = intervals[at]
            inhibited.append(InhibitedTarget(position, interval.source, interval.end, end > interval.end))
        else:
            waited += bool(rule.wait_s)
    return InhibitionOutcome(
        sum(is_source[kind] for kind in history.kind_of), targets, waited, tuple(inhibited)
    )


def _firing_intervals(
    history: AlertHistory, sources: Sequence[int], equal: Sequence[tuple[str, ...]]
) -> Mapping[tuple[str, ...], Sequence[_Interval]]:
    """Return the intervals in which sources fired, by the values of the equal labels, in order and apart."""
    intervals: dict[tuple[str, ...], list[_Interval]] = {}
    for position in sources:
        start, end = history.starts[position], history.ends[position]
        of_values = intervals.setdefault(equal[history.kind_of[position]], [])
        if of_values and start <= of_values[-1].end:
            of_values[-1].end = max(of_values[-1].end, end)
        else:
            of_values.append(_Interval(start, end, position))
    return intervals
