"""The replay of a detector over past counts, and what would have come of it (pure; spec 11.12)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from firebell.anomalies.bins import BinSize, CountSeries, bin_of, start_of
from firebell.anomalies.detection import Change, JudgedBin, RunningAnomaly, judge, step
from firebell.anomalies.model import Anomaly, AnomalyTotals, History, Outcome, ReplayedAnomaly
from firebell.kit.intervals import union

REPLAYED_DAYS = 30
DATA_MIN = timedelta(days=14)
"""Without counts of two weeks, a back-test says nothing and cannot be accepted."""
_MOMENT = timedelta(seconds=1)
NEAR = timedelta(hours=1)
"""An incident belongs to an anomaly if it was detected from this long before it until this long after it."""


@dataclass(frozen=True, slots=True)
class ReplayedSize:
    """The replay of one size of bins: each bin from `first` on, None if it could not be judged."""

    size: BinSize
    first: int
    bins: Sequence[JudgedBin | None]
    anomalies: Sequence[ReplayedAnomaly]

    @property
    def unjudged(self) -> int:
        """The number of bins without a verdict: maintenance, missing data, or too little left to compare with."""
        return sum(one is None for one in self.bins)

    @property
    def learning(self) -> int:
        """The number of bins that were judged by the fixed limit of the first weeks."""
        return sum(one is not None and one.is_learning for one in self.bins)


@dataclass(frozen=True, slots=True)
class Backtest:
    """What a detector would have done in `[start, end)`; `begins_at` is when the counts begin."""

    start: datetime
    end: datetime
    begins_at: datetime
    tz: str
    sizes: Mapping[BinSize, ReplayedSize]
    totals: AnomalyTotals

    @property
    def anomalies(self) -> list[ReplayedAnomaly]:
        """The anomalies of all sizes, newest first."""
        each = [one for replayed in self.sizes.values() for one in replayed.anomalies]
        return sorted(each, key=lambda one: (one.anomaly.fired_at, one.anomaly.bin_size), reverse=True)

    @property
    def can_be_accepted(self) -> bool:
        """True if the counts of at least two weeks were replayed."""
        return self.end - self.begins_at >= DATA_MIN


def describe(size: BinSize, running: RunningAnomaly, cleared_at: datetime | None) -> Anomaly:
    """Return an anomaly with instants instead of numbers of bins."""
    peak, known = running.peak, running.peak.usual
    return Anomaly(
        bin_size=size,
        began_at=start_of(running.first, size),
        fired_at=start_of(running.fired + 1, size),
        cleared_at=cleared_at,
        peak_at=start_of(peak.number, size),
        count=peak.count,
        median=known.median if known else None,
        usual_low=known.low if known else None,
        usual_high=known.high if known else None,
        score=round(known.score(peak.count), 1) if known else None,
    )


def outcome(anomaly: Anomaly, history: History, end: datetime) -> Outcome:
    """Return what came with an anomaly; one that runs is over at `end`."""
    over = anomaly.cleared_at or end
    leads = tuple(
        (one.id, (one.detected_at - anomaly.fired_at) // timedelta(minutes=1))
        for one in history.incidents
        if anomaly.began_at - NEAR <= one.detected_at <= over + NEAR
    )
    return Outcome(leads, sum(anomaly.began_at <= at <= over for at in history.acted_pages))


def totals(
    anomalies: Iterable[ReplayedAnomaly], history: History, start: datetime, end: datetime
) -> AnomalyTotals:
    """Return the totals of the anomalies in `[start, end)`; those that overlap share a page.

    A page of an anomaly that still runs is not called false yet.
    """
    each = sorted(anomalies, key=lambda one: one.anomaly.fired_at)
    # one that fires at `end` is a page too
    spans = union(
        (one.anomaly.fired_at, max(one.anomaly.cleared_at or end, one.anomaly.fired_at + _MOMENT))
        for one in each
    )
    real = [one.anomaly.fired_at for one in each if not one.is_false]
    leads: dict[int, int] = {}
    for one in each:
        for incident, minutes in one.outcome.leads:
            leads[incident] = max(minutes, leads.get(incident, minutes))
    before = [minutes for minutes in leads.values() if minutes > 0]
    return AnomalyTotals(
        days=(end - start) // timedelta(days=1),
        anomalies=len(each),
        pages=len(spans),
        false_pages=sum(not any(low <= at <= high for at in real) for low, high in spans),
        incidents=sum(start <= one.detected_at < end for one in history.incidents),
        led=len(before),
        lead_minutes_median=round(median(before)) if before else None,
    )


def _replayed(counts: CountSeries, history: History, start: datetime, end: datetime, tz: str) -> ReplayedSize:
    first, last = bin_of(start, counts.size), bin_of(end, counts.size)
    bins = [judge(counts, number, tz) for number in range(first, last)]
    anomalies = [
        ReplayedAnomaly(anomaly, outcome(anomaly, history, end)) for anomaly in _anomalies(counts.size, bins)
    ]
    return ReplayedSize(counts.size, first, bins, anomalies)


def _anomalies(size: BinSize, bins: Sequence[JudgedBin | None]) -> Iterator[Anomaly]:
    running, before = None, None
    for judged in bins:
        running, change = step(running, judged, before)
        if running is not None and change is Change.CLEARED and judged is not None:
            yield describe(size, running, start_of(judged.number + 1, size))
            running = None
        before = judged
    if running is not None:
        yield describe(size, running, None)


def replay(
    series: Sequence[CountSeries], history: History, begins_at: datetime, end: datetime, tz: str
) -> Backtest:
    """Replay the last 30 days before `end`, or as many as have counts, in each size of bins."""
    start = max(end - timedelta(days=REPLAYED_DAYS), min(begins_at, end))
    sizes = {counts.size: _replayed(counts, history, start, end, tz) for counts in series}
    every = [one for replayed in sizes.values() for one in replayed.anomalies]
    return Backtest(start, end, begins_at, tz, sizes, totals(every, history, start, end))
