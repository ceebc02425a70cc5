"""What people see on every page while this installation is unhealthy: read from memory, never from the database."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from firebell.channels import registry
from firebell.kit import disk_space
from firebell.kit.context import Context
from firebell.kit.db.database_clock import DatabaseClock
from firebell.kit.process_health import HealthWarning, ProcessFinding
from firebell.self_watch import rules
from firebell.self_watch.model import ProblemKind, SelfAlarm

DELAYING_KINDS = frozenset({ProblemKind.TIMERS, ProblemKind.QUEUE})
"""The kinds of alarms because of which pages are late."""
PAGING_LANES = frozenset({"page_timers", "outbox", "send"})
"""The lanes of the worker without which no page reaches anyone."""
_LANE = "lane {}"
_INBOUND = "inbound"


def warnings(ctx: Context) -> list[HealthWarning]:
    """Return the warnings of the watcher’s last run and of this process, those that delay pages first."""
    findings = (*of_process(ctx), *ctx.health.elsewhere())
    active = [*ctx.health.noticed, *(finding.warning for finding in findings)]
    return sorted(dict.fromkeys(active), key=lambda each: not each.delays_pages)


def of_process(ctx: Context) -> list[ProcessFinding]:
    """Return what this process knows to be wrong with itself, one finding for each name."""
    refusal = ctx.health.refusal()
    clock_problem = ctx.clock.problem if isinstance(ctx.clock, DatabaseClock) else ""
    return [
        *of_lanes(ctx.health.lanes()),
        *of_refusal(refusal),
        *of_channels(ctx.health.unfetched()),
        *ctx.health.disk,
        *of_clock(clock_problem),
    ]


def checks_of(lanes: Iterable[str]) -> list[str]:
    """Return the names of the findings that fail the health of a process with these lanes (pure)."""
    return [*map(_LANE.format, lanes), _INBOUND]


def of_alarms(alarms: Sequence[SelfAlarm]) -> list[HealthWarning]:
    """Return a warning for each open alarm (pure)."""
    return [
        HealthWarning(f"{rules.title(alarm)}.", alarm.kind in DELAYING_KINDS)
        for alarm in alarms
        if alarm.cleared_at is None
    ]


def of_lanes(lanes: Mapping[str, str]) -> list[ProcessFinding]:
    """Return a finding for each lane of the worker with a problem; `lanes` has their problems, empty if none (pure)."""
    return [
        ProcessFinding(
            _LANE.format(name),
            problem,
            HealthWarning(f"The worker’s {name} lane is stalled.", name in PAGING_LANES),
        )
        for name, problem in lanes.items()
        if problem
    ]


def of_refusal(reason: str) -> list[ProcessFinding]:
    """Return a finding if senders are refused; `reason` is empty if not (pure)."""
    if not reason:
        return []
    warning = HealthWarning("Alerts can’t be stored.", delays_pages=True)
    return [ProcessFinding(_INBOUND, f"Senders are refused: {reason}", warning)]


def of_channels(problems: Mapping[str, str]) -> list[ProcessFinding]:
    """Return a finding for each channel whose answers to pages can’t be fetched; `problems` says why (pure)."""
    return [
        ProcessFinding(
            f"answers_{kind}",
            problem,
            HealthWarning(f"Answers in {registry.label(kind)} can’t be read. Acknowledge pages in Firebell."),
        )
        for kind, problem in problems.items()
    ]


def of_clock(problem: str) -> list[ProcessFinding]:
    """Return a finding if the clock of the machine is wrong; `problem` is empty if not (pure)."""
    if not problem:
        return []
    return [ProcessFinding("clock", problem, HealthWarning("The clock of a machine is wrong."))]


def of_disk(folder: Path | None) -> list[ProcessFinding]:
    """Return a finding if the disk of a folder is nearly full."""
    try:
        free = disk_space.free_bytes(folder) if folder else None
    except OSError:
        free = None
    if folder is None or free is None or free >= disk_space.MIN_FREE_BYTES:
        return []
    warning = HealthWarning("A disk is nearly full.", delays_pages=True)
    return [ProcessFinding("disk", disk_space.free_text(free, folder), warning)]
