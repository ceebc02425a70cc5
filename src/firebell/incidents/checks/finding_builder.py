"""What the process checks of incidents share: how a finding is built, and how it says times (pure)."""

from datetime import datetime
from zoneinfo import ZoneInfo

from firebell.incidents.checks.history import evidence_text
from firebell.incidents.checks.model import CheckRecord, HeldRole, IncidentFinding
from firebell.incidents.model import IncidentRole, TimelineEntry
from firebell.kit.findings import Evidence, FindingLevel, FixButton

_LOWER = {
    FindingLevel.ERROR: FindingLevel.WARNING,
    FindingLevel.WARNING: FindingLevel.INFO,
    FindingLevel.INFO: FindingLevel.INFO,
}


def lowered(level: FindingLevel, severity: int) -> FindingLevel:
    """Return the level of a finding at a severity: one lower at SEV2 and SEV3."""
    return level if severity <= 1 else _LOWER[level]


def finding(
    record: CheckRecord,
    code: str,
    level: FindingLevel,
    message: str,
    advice: str,
    cause: TimelineEntry,
    *others: TimelineEntry,
    key: str = "",
    role: IncidentRole | None = None,
    fix: FixButton | None = None,
) -> IncidentFinding:
    """Return a finding with its evidence. Its id, of code, entry and `key`, stays the same forever."""
    entries = (cause, *others)
    return IncidentFinding(
        ":".join(filter(None, (code, str(cause.id), key))),
        code,
        level,
        message,
        role,
        subject=record.incident.ref,
        advice=advice,
        evidence=tuple(Evidence(f"e-{entry.id}", evidence_text(entry)) for entry in entries),
        fix=fix,
    )


def clock(at: datetime, tz: str) -> str:
    """Return the time of day of an instant in a time zone."""
    return f"{at.astimezone(ZoneInfo(tz)):%H:%M}"


def held_at(record: CheckRecord, role: IncidentRole, at: datetime) -> HeldRole | None:
    """Return who had a role at an instant, None for no one."""
    return next(
        (
            held
            for held in record.roles
            if held.role is role and held.from_at <= at and (held.until_at is None or at < held.until_at)
        ),
        None,
    )
