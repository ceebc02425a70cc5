"""What the database says about the work that all processes share."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Readings:
    """Counts of everything that is open or waiting, read at one instant; private incidents and drills are left out."""

    read_at: datetime
    open_pages: Mapping[tuple[str, str], int]
    """Open pages by state and urgency."""
    oldest_unacknowledged_s: float
    """Age of the oldest page of high urgency that no one has acknowledged, 0 without one."""
    open_incidents: Mapping[int, int]
    """Open incidents by severity."""
    overdue_timers: Mapping[bool, int]
    """Timers that are due and have not run: those of pages (True), and all others."""
    oldest_timer_s: Mapping[bool, float]
    """How late the most overdue of them is, 0 without one."""
    queues: Mapping[str, int]
    """Jobs and messages that are waiting, by queue."""
    queued_notifications: Mapping[tuple[str, str], int]
    """Notifications that are due and not sent yet, by channel and urgency."""
    failed_jobs: int
    """Background jobs that failed for good."""
    gaps: Mapping[str, int]
    """Gaps in on-call schedules: those open `now`, and those `ahead` within 28 days."""
