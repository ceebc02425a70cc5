"""Findings about time zone data that moves turns (pure)."""

from collections.abc import Mapping
from datetime import datetime

from firebell.kit.findings import FindingLevel
from firebell.oncall.checks.rules import Fix, ScheduleFinding
from firebell.oncall.model import Schedule
from firebell.oncall.rota.tzdata_changes import MovedEdge, ZoneOffsets, moved_edges


def changed(
    schedule: Schedule, known: Mapping[str, ZoneOffsets], now: datetime
) -> dict[str, ScheduleFinding]:
    """Return S-TZCHANGE by time zone, for each whose clock changed and moves a turn within a year."""
    return {tz: _finding(tz, moved) for tz, moved in moved_edges(schedule, known, now).items()}


def _finding(tz: str, moved: MovedEdge) -> ScheduleFinding:
    return ScheduleFinding(
        id=f"S-TZCHANGE:{tz}:{moved.at:%Y%m%dT%H%MZ}",
        code="S-TZCHANGE",
        level=FindingLevel.WARNING,
        message=f"New time zone data: from {moved.at:%Y-%m-%d %H:%M} UTC, clocks in {tz} read {moved.local:%H:%M}"
        f" instead of {moved.former_local:%H:%M}. The handoff or active hours at {moved.edge:%Y-%m-%d %H:%M}"
        f" local time move from {moved.former_instant:%H:%M} to {moved.instant:%H:%M} UTC.",
        start=min(moved.former_instant, moved.instant),
        fix=Fix("seen", "Mark as seen", {}),
    )
