"""What people see on every page while this installation is unhealthy: read from memory, never from the database."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from firebell.kit import disk_space
from firebell.kit.context import Context
from firebell.kit.db.database_clock import DatabaseClock
from firebell.kit.process_health import HealthWarning
from firebell.self_watch import rules
from firebell.self_watch.model import ProblemKind, SelfAlarm

DELAYING_KINDS = frozenset({ProblemKind.TIMERS, ProblemKind.QUEUE})
"""The kinds of alarms because of which pages are late."""
PAGING_LANES = frozenset({"page_timers", "outbox", "send"})
"""The lanes of the worker without which no page reaches anyone."""


def warnings(ctx: Context) -> list[HealthWarning]:
    """Return the warnings of the watcher’s last run and of this process, those that delay pages first."""
    clock = ctx.clock.problem if isinstance(ctx.clock, DatabaseClock) else ""
    active = [
        *ctx.health.noticed,
        *of_lanes(ctx.health.lanes()),
        *([HealthWarning("Alerts can’t be stored.", delays_pages=True)] if ctx.health.refusal() else []),
        *of_channels(ctx.health.unfetched()),
        *([HealthWarning(clock)] if clock else []),
    ]
    return sorted(dict.fromkeys(active), key=lambda each: not each.delays_pages)


def of_alarms(alarms: Sequence[SelfAlarm]) -> list[HealthWarning]:
    """Return a warning for each open alarm (pure)."""
    return [
        HealthWarning(f"{rules.title(alarm)}.", alarm.kind in DELAYING_KINDS)
        for alarm in alarms
        if alarm.cleared_at is None
    ]


def of_lanes(lanes: Mapping[str, str]) -> list[HealthWarning]:
    """Return a warning for each lane of the worker with a problem; `lanes` has their problems, empty if none (pure)."""
    return [
        HealthWarning(f"The worker’s {name} lane is stalled.", name in PAGING_LANES)
        for name, problem in lanes.items()
        if problem
    ]


def of_channels(kinds: Iterable[str]) -> list[HealthWarning]:
    """Return a warning for each channel in which people answer pages and nothing can be fetched (pure)."""
    return [
        HealthWarning(f"Answers in {rules.channel_label(kind)} can’t be read. Acknowledge pages in Firebell.")
        for kind in kinds
    ]


def of_disk(folder: Path | None) -> list[HealthWarning]:
    """Return a warning if the disk of a folder is nearly full."""
    try:
        free = disk_space.free_bytes(folder) if folder else None
    except OSError:
        free = None
    if folder is None or free is None or free >= disk_space.MIN_FREE_BYTES:
        return []
    return [
        HealthWarning(f"The disk is nearly full: {disk_space.free_text(free, folder)}", delays_pages=True)
    ]
