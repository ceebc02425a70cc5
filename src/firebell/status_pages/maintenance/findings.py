"""What is wrong with maintenance, and what to know before it is scheduled ([spec 7.6](docs/spec/7-comms.md)) (pure)."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from firebell.kit.findings import Finding, FindingLevel, Passed
from firebell.kit.intervals import Interval, overlap
from firebell.status_pages.maintenance_windows.lifecycle import OVERRUN_AFTER
from firebell.status_pages.maintenance_windows.model import SHORT_NOTICE, Maintenance
from firebell.status_pages.model import PublicIncident

FORGOTTEN_AFTER = timedelta(hours=24)
"""How long components are under maintenance before it looks forgotten."""


def overdue(windows: Iterable[Maintenance], now: datetime) -> list[Finding]:
    """Return T-OVERRUN for windows 15 minutes past their end, T-FORGOTTEN for those of more than 24 hours."""
    findings = []
    for window in windows:
        if window.stage.is_over:
            continue
        if window.stage.is_active and window.started_at and now - window.started_at > FORGOTTEN_AFTER:
            findings.append(
                Finding(
                    f"T-FORGOTTEN:{window.public_id}",
                    "T-FORGOTTEN",
                    FindingLevel.ERROR,
                    f"“{window.name}” has been under way for more than 24 hours.",
                    advice="Complete it, or extend it and say why.",
                )
            )
        elif now >= window.scheduled_until + OVERRUN_AFTER:
            findings.append(
                Finding(
                    f"T-OVERRUN:{window.public_id}",
                    "T-OVERRUN",
                    FindingLevel.WARNING,
                    f"“{window.name}” is past its end.",
                    advice="Complete or extend it." if window.stage.is_active else "Postpone or cancel it.",
                )
            )
    return findings


def before_scheduling(
    planned: Interval,
    component_ids: Collection[int],
    names: Mapping[int, str],
    others: Sequence[Maintenance],
    incidents: Sequence[PublicIncident],
    now: datetime,
) -> list[Finding | Passed]:
    """Return what to know before maintenance is scheduled; nothing here stops it.

    `names` are the names of components, `others` the other windows and `incidents` the incidents of the page.
    """
    notice = max(planned.start - now, timedelta())
    checks: list[Finding | Passed] = []
    if notice < SHORT_NOTICE:
        checks.append(
            Finding(
                *("notice", "notice", FindingLevel.WARNING, "Less than 24 hours of notice"),
                advice="Customers see “Short notice”." if notice else "Customers see “Emergency”.",
            )
        )
    else:
        days = notice.days
        checks.append(Passed("notice", f"{days} {'day' if days == 1 else 'days'} of notice"))
    overlaps = [
        other
        for other in others
        if not other.stage.is_over
        and other.component_ids & set(component_ids)
        and overlap(other.planned, planned)
    ]
    checks += [
        Finding(
            f"overlap:{other.public_id}",
            "overlap",
            FindingLevel.WARNING,
            f"Overlaps “{other.name}”",
            advice=_affected(other.component_ids & set(component_ids), names),
        )
        for other in overlaps
    ] or [Passed("overlap", "Overlaps no other maintenance")]
    open_incidents = [i for i in incidents if i.is_open and i.component_ids & set(component_ids)]
    checks += [
        Finding(
            f"incident:{incident.public_id}",
            "incident",
            FindingLevel.WARNING,
            f"“{incident.name}” is not resolved",
            advice=_affected(incident.component_ids & set(component_ids), names),
        )
        for incident in open_incidents
    ] or [Passed("incident", "No open incident affects these components")]
    return checks


def _affected(component_ids: Iterable[int], names: Mapping[int, str]) -> str:
    return ", ".join(names[i] for i in sorted(component_ids) if i in names) + "."
