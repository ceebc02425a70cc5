"""How long runs take (pure)."""

from collections.abc import Sequence
from datetime import datetime
from statistics import median

from firebell.runbooks.runs.model import RunbookRun

COMPARED_RUNS = 50
"""Number of earlier runs whose median is the usual duration."""


def seconds_between(start: datetime, end: datetime) -> int:
    """Return whole seconds, 0 if the clock of the terminal was ahead."""
    return max(0, int((end - start).total_seconds()))


def duration_of(run: RunbookRun) -> int | None:
    """Return how many seconds a run took, None while it is open."""
    return seconds_between(run.started_at, run.ended_at) if run.ended_at else None


def usual(durations: Sequence[int]) -> int | None:
    """Return the median duration in seconds, None without any."""
    return int(median(durations)) if durations else None
