"""What the database says about the work that all processes share."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

ACKNOWLEDGE_BOUNDS_S = (30, 60, 120, 300, 600, 900, 1800, 3600)
DURATION_BOUNDS_S = (300, 900, 1800, 3600, 7200, 14400, 28800, 86400)
"""The bounds of the buckets of histograms, inclusive."""
LABELED_MAX = 20
"""Number of chats and of trackers with series of their own, so that all series stay below their limit."""


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


@dataclass(frozen=True, slots=True)
class BucketCounts:
    """How many values fell into each bucket, the last of which has no bound, and their sum."""

    counts: Sequence[int]
    total: int


@dataclass(frozen=True, slots=True)
class FactReadings:
    """What metrics know, by team, severity and the like; without private incidents, drills and what was none.

    Teams are labels: a slug, `other` or `none`. Severities are SEV0 to SEV3 or `none`.
    """

    teams: Sequence[str]
    """Every label of a team."""
    pages: Mapping[tuple[str, str, str], int]
    """All pages by team, urgency and severity."""
    night_pages: Mapping[str, int]
    acknowledged: Mapping[str, BucketCounts]
    """Seconds until urgent pages were acknowledged, by severity."""
    unacknowledged: Mapping[str, int]
    exhausted: Mapping[str, int]
    declared: Mapping[tuple[str, str], int]
    """Incidents by severity and team; an incident of several teams counts for that of its first service."""
    reopened: Mapping[tuple[str, str], int]
    durations: Mapping[tuple[str, str], BucketCounts]
    """Seconds of closed incidents by `detect`, `mitigate` or `resolve`, and severity."""
    overdue_postmortems: Mapping[str, int]
    items: Mapping[tuple[str, str, str], int]
    """Unfinished action items by team, state and priority."""
    overdue_items: Mapping[str, int]
    completion: Mapping[str, float]
    """The share of action items of the last 90 days that were done in time; teams without any are missing."""
    readiness: float | None
    runbook_runs: Mapping[str, int]
    """Runs that ended, without dry ones, by how they ended."""
    findings: Mapping[tuple[str, str], int]
    """Findings about contact methods and channels, by rule and level."""
    integrations: "IntegrationReadings"


@dataclass(frozen=True, slots=True)
class IntegrationReadings:
    """How well chats, trackers and runbooks follow; chats and trackers by id, the oldest first."""

    tracker_lag_s: Mapping[str, float]
    """Time since each enabled tracker was last synced."""
    chat_lag_s: Mapping[str, float]
    """How long the oldest change has waited for each chat that is not paused, 0 if none waits."""
    chat_dead: Mapping[str, int]
    """Messages that each chat refused for good."""
    runbooks: Mapping[str, int]
    """Runbooks in the library's table that are `broken`, else `untested` for 180 days, else `ok`."""
    webhooks: Mapping[str, int]
    """Webhooks that are `active`, `failing`, `paused` or `disabled`."""
    webhook_lag_s: float
    """How long the oldest change or event has waited for an active endpoint, 0 if none waits."""
    webhook_dead_changes: int
    """Changes whose events could not be composed, so that no endpoint gets them."""
    failing_sources: int
