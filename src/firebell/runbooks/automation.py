"""How much of a runbook a machine can run, and when it was last exercised (pure, spec 11.2)."""

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum

from firebell.runbooks.model import SHELLS, Fence, Runbook, RunSummary

EXERCISED_WITHIN = timedelta(days=180)
"""How long a run counts: for R-UNTESTED and for automation levels 3 and 4."""
FIGURES_WINDOW = timedelta(days=90)
"""The window of the figures about runs."""
DONE_SHARE = 0.8
"""The share of its steps that a run must have done to exercise the runbook."""
_USED = re.compile(r"\$\{?([A-Z][A-Z0-9_]*)")
_SET = re.compile(
    r"(?:^|[;&|({\s])(?:export\s+|local\s+|readonly\s+)?([A-Z][A-Z0-9_]*)="
    r"|\b(?:for|read(?:\s+-\w+)*)\s+([A-Z][A-Z0-9_]*)"
)
_INHERITED = "HOME PATH PWD USER SHELL HOSTNAME TMPDIR LANG TZ EDITOR RANDOM SECONDS UID"
_ENVIRONMENT = frozenset(_INHERITED.split())
"""Variables that every terminal has."""


class AutomationLevel(IntEnum):
    """How much of a runbook a machine can do."""

    NO_COMMANDS = 0
    SOME_COMMANDS = 1
    ALL_COMMANDS = 2
    PROVEN = 3
    UNATTENDED = 4


def exercises(run: RunSummary) -> bool:
    """Return True if a run exercises its runbook: a real one that ended well and did most of its steps."""
    return (
        run.ended_at is not None
        and (run.has_succeeded or run.is_rolled_back)
        and not run.is_dry
        and run.steps > 0
        and run.steps_done >= DONE_SHARE * run.steps
    )


def automation_level(runbook: Runbook, runs: Sequence[RunSummary], now: datetime) -> AutomationLevel:
    """Return the automation level of a runbook, whose runs count for 180 days."""
    shell = [fence for fence in runbook.fences if fence.language in SHELLS]
    steps = [fence for fence in shell if fence.part == "Steps"]
    if not steps:
        return AutomationLevel.NO_COMMANDS
    if not _is_complete(runbook, shell, steps):
        return AutomationLevel.SOME_COMMANDS
    recent = [
        run
        for run in runs
        if run.has_succeeded
        and not run.is_dry
        and run.is_cli
        and run.ended_at
        and now - run.ended_at <= EXERCISED_WITHIN
    ]
    if not recent:
        return AutomationLevel.ALL_COMMANDS
    is_unattended = any(run.is_unattended for run in recent)
    if not is_unattended or any(attributes(f).get("run") == "manual" for f in steps) or not _can_undo(shell):
        return AutomationLevel.PROVEN
    return AutomationLevel.UNATTENDED


def attributes(fence: Fence) -> Mapping[str, str]:
    """Return the attributes of an info string by name, such as `{"run": "manual"}`; a flag has an empty value."""
    try:
        words = shlex.split(fence.info)
    except ValueError:
        words = fence.info.split()
    return {name: value for name, _, value in (word.partition("=") for word in words)}


def _is_complete(runbook: Runbook, shell: Sequence[Fence], steps: Sequence[Fence]) -> bool:
    """Return True if each step has a command, each variable is declared, and the verification checks its output."""
    numbered = [h.title for h in runbook.step_headings]
    with_commands = {fence.step for fence in steps}
    if numbered and not all(title in with_commands for title in numbered):
        return False
    if not numbered and len(steps) < len(runbook.steps):
        return False
    text = "\n".join(fence.text for fence in shell)
    assigned = {name for groups in _SET.findall(text) for name in groups if name}
    used = set(_USED.findall(text)) - assigned - _ENVIRONMENT
    checks = any(f.part == "Verification" and attributes(f).get("expect") for f in shell)
    return checks and used <= set(runbook.front.variables)


def _can_undo(shell: Sequence[Fence]) -> bool:
    """Return True if there are rollback commands and each is named by an `undo`."""
    undone = {id_ for fence in shell for id_ in attributes(fence).get("undo", "").split(",") if id_}
    rollback = [attributes(fence).get("id", "") for fence in shell if fence.part == "Rollback"]
    return bool(rollback) and all(id_ in undone for id_ in rollback)


@dataclass(frozen=True, slots=True)
class RunFigures:
    """The runs of the library in a window: how they ended, and how many steps a machine did."""

    ended: int = 0
    succeeded: int = 0
    rolled_back: int = 0
    steps: int = 0
    by_machine: int = 0

    @property
    def machine_percent(self) -> int | None:
        """The share of done steps that a machine did, None without any."""
        return round(100 * self.by_machine / self.steps) if self.steps else None


def run_figures(runs: Sequence[RunSummary], since: datetime, until: datetime) -> RunFigures:
    """Return the figures of the real runs that ended from `since` until before `until`."""
    ended = [r for r in runs if not r.is_dry and r.ended_at and since <= r.ended_at < until]
    return RunFigures(
        ended=len(ended),
        succeeded=sum(r.has_succeeded for r in ended),
        rolled_back=sum(r.is_rolled_back for r in ended),
        steps=sum(r.steps_done for r in ended),
        by_machine=sum(r.steps_by_machine for r in ended),
    )
