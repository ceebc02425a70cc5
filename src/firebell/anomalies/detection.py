"""When an anomaly begins and ends: two unusual bins in a row or an extreme one, three calm bins (pure; spec 11.12)."""

from dataclasses import dataclass, replace
from enum import StrEnum

from firebell.anomalies.bins import CountSeries, comparable
from firebell.anomalies.scoring import CALM_BELOW, EXTREME_ABOVE, HISTORY_MIN, Usual, usual

LEARNING_COUNT = 10
"""The count that is unusual while there is too little history to compare with."""
CALM_BINS = 3
"""Number of calm bins in a row that end an anomaly."""


@dataclass(frozen=True, slots=True)
class JudgedBin:
    """The count of a bin and what is usual for it; without `usual`, Firebell is still learning."""

    number: int
    count: int
    usual: Usual | None

    @property
    def is_learning(self) -> bool:
        """True if there is too little history to compare with."""
        return self.usual is None

    @property
    def score(self) -> float | None:
        """By how many standard deviations the count is above the median."""
        return self.usual.score(self.count) if self.usual else None

    @property
    def is_unusual(self) -> bool:
        """True if two such bins in a row are an anomaly."""
        return self.usual.is_unusual(self.count) if self.usual else self.count >= LEARNING_COUNT

    @property
    def is_extreme(self) -> bool:
        """True if this bin alone is an anomaly."""
        return self.is_unusual and (self.usual is None or self.usual.score(self.count) > EXTREME_ABOVE)

    @property
    def is_calm(self) -> bool:
        """True if three such bins in a row end an anomaly."""
        if self.usual is None:
            return not self.is_unusual
        return self.usual.score(self.count) < CALM_BELOW


def judge(counts: CountSeries, number: int, tz: str) -> JudgedBin | None:
    """Return the judged bin; None if it has no count, or if what it would be compared with was removed."""
    count = counts.at(number)
    if count is None:
        return None
    earlier = [other for other in comparable(number, counts.size, tz) if other >= counts.first]
    if len(earlier) < HISTORY_MIN:
        return JudgedBin(number, count, None)
    history = [value for other in earlier if (value := counts.at(other)) is not None]
    known = usual(history)
    return None if known is None else JudgedBin(number, count, known)


@dataclass(frozen=True, slots=True)
class RunningAnomaly:
    """An anomaly that has not ended: its first unusual bin, the bin in which it fired, and its highest one."""

    first: int
    fired: int
    peak: JudgedBin
    calm_bins: int = 0


class Change(StrEnum):
    """What a bin changed."""

    FIRED = "fired"
    CLEARED = "cleared"


def step(
    running: RunningAnomaly | None, judged: JudgedBin | None, before: JudgedBin | None
) -> tuple[RunningAnomaly | None, Change | None]:
    """Return the anomaly after one more bin, and what changed; `before` is the bin just before it.

    A bin that cannot be judged changes nothing. An anomaly that clears is returned once more, with the change.
    """
    if judged is None:
        return running, None
    if running is None:
        follows = before is not None and before.number == judged.number - 1 and before.is_unusual
        if judged.is_extreme or (judged.is_unusual and follows):
            first = before.number if before is not None and follows else judged.number
            peak = before if before is not None and follows and before.count > judged.count else judged
            return RunningAnomaly(first, judged.number, peak), Change.FIRED
        return None, None
    peak = judged if judged.count > running.peak.count else running.peak
    calm_bins = running.calm_bins + 1 if judged.is_calm else 0
    changed = replace(running, peak=peak, calm_bins=calm_bins)
    return changed, Change.CLEARED if calm_bins >= CALM_BINS else None
