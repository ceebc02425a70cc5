"""Findings of process checks, in one shape for schedules, incidents, runbooks and later checks (pure)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import TypeVar


class FindingLevel(StrEnum):
    """Severity of a finding, most severe first: an error can lose a page or miss a deadline."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Evidence:
    """Something stored that a finding rests on: its id, such as `e-17` for a timeline entry, and its text."""

    id: str
    text: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One problem: `id` stays the same while the problem exists, `code` names the rule and never changes its meaning.

    Slices add where it is: a line, an interval, a role.
    """

    id: str
    code: str
    level: FindingLevel
    message: str
    subject: str = field(default="", kw_only=True)
    """The subject, as in the audit log: `schedule:3`, `INC-7`; empty if the caller knows."""
    advice: str = field(default="", kw_only=True)
    """The fix, as one sentence; empty if a button applies it."""


@dataclass(frozen=True, slots=True)
class FixButton:
    """The button that fixes a finding: a form that posts to `action`, a link, or an entry to write.

    `action` and `href` are addresses below that of the subject, `page` is the address of another page.
    """

    label: str
    action: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)
    href: str = ""
    compose: str = ""
    page: str = ""


@dataclass(frozen=True, slots=True)
class ProcessFinding(Finding):
    """A problem of the process of an incident, with what it rests on and the button that fixes it."""

    evidence: tuple[Evidence, ...] = field(default=(), kw_only=True)
    fix: FixButton | None = field(default=None, kw_only=True)
    part_of: str = field(default="", kw_only=True)
    """The code of a rule that is made of several checks, such as I-STATUS; empty for most."""


@dataclass(frozen=True, slots=True)
class Passed:
    """A check that applies and found no problem; `code` names the rule."""

    code: str
    message: str


F = TypeVar("F", bound=Finding)


def severest_first(findings: Iterable[F]) -> list[F]:
    """Return the findings sorted by level; the sort is stable."""
    return sorted(findings, key=lambda finding: list(FindingLevel).index(finding.level))


def length_text(length: timedelta) -> str:
    """Return a length in minutes, from two hours on in hours and minutes, from two days on in days and hours."""
    minutes = int(length.total_seconds() // 60)
    if minutes < 120:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if hours else f"{days} d"


def errors(findings: Iterable[Finding]) -> int:
    """Return the number of errors."""
    return sum(finding.level is FindingLevel.ERROR for finding in findings)


def warnings(findings: Iterable[Finding]) -> int:
    """Return the number of warnings."""
    return sum(finding.level is FindingLevel.WARNING for finding in findings)


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The result of one check of this process or of what it depends on; `level` is ok, warn or fail."""

    check: str
    level: str
    text: str
