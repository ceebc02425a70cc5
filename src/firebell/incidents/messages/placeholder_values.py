"""The values of the placeholders in messages about an incident (pure)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from firebell.incidents.model import ACTIVE, POSTMORTEM_WITHIN, Incident, Phase, TimelineEntry
from firebell.incidents.phases.lifecycle import postmortem_required
from firebell.incidents.timeline.mitigation_effects import current_mitigation
from firebell.incidents.update_deadlines.rules import next_update
from firebell.kit.durations import duration
from firebell.kit.localtime import format_short
from firebell.kit.text import slugify

UPDATES = ("update-first", "update-progress", "update-mitigated", "update-resolved", "update-handover")
"""The templates for internal updates."""

FITS = {
    Phase.DECLARED: (
        *("update-first", "channel-name", "channel-pinned", "holding-statement", "status-investigating"),
    ),
    Phase.INVESTIGATING: ("update-progress", "status-investigating", "email-acknowledge", "executive-brief"),
    Phase.MITIGATING: ("update-progress", "status-identified", "email-acknowledge", "executive-brief"),
    Phase.DETECTED: (),
    Phase.TRIAGING: (),
    Phase.RESOLVED: ("update-mitigated", "status-monitoring"),
    Phase.MONITORING: ("update-mitigated", "status-monitoring"),
    Phase.CLOSED: ("update-resolved", "status-resolved", "email-resolved", "all-clear"),
    Phase.REVIEWED: ("email-resolved",),
    Phase.DISMISSED: ("update-resolved",),
    Phase.MERGED: ("update-resolved",),
}
"""The templates that suit each phase, the one to send first in front."""

_TOPIC_MAX_CHARS = 40


@dataclass(frozen=True, slots=True)
class MessageContext:
    """What messages need besides the incident; times are in the time zone `tz`."""

    services: Sequence[str]
    runbooks: Sequence[str]
    commander: str
    comms: str
    meaning: str
    timeline: Sequence[TimelineEntry]
    organization: str
    link: str
    tz: str


def suggested_templates(incident: Incident) -> tuple[str, ...]:
    """Return the templates that suit the phase, the one to send first in front; SEV2 and SEV3 stay internal."""
    names = FITS[incident.phase]
    return names if incident.severity <= 1 else tuple(name for name in names if name in UPDATES)


def update_for(incident: Incident) -> str:
    """Return the template for the next internal update."""
    if incident.phase in ACTIVE and incident.last_update_at is None:
        return "update-first"
    return next((name for name in FITS[incident.phase] if name in UPDATES), "update-resolved")


def _newest(timeline: Sequence[TimelineEntry], kind: str) -> str:
    return next((e.text.strip() for e in reversed(timeline) if e.kind == kind), "")


def slots(incident: Incident, context: MessageContext, now: datetime) -> Mapping[str, str]:
    """Return the value of every known placeholder; unknown ones are absent and stay visible in the text."""

    def at(when: datetime | None) -> str:
        return format_short(when, context.tz, now) if when else ""

    active = incident.phase in ACTIVE
    mitigation = current_mitigation(context.timeline, active=active)
    candidates = (incident.actions, mitigation) if active else (mitigation, incident.actions)
    is_due = incident.closed_at and postmortem_required(incident)
    values = {
        "ref": incident.ref,
        "title": incident.title,
        "severity": f"SEV{incident.severity}",
        "severity_meaning": context.meaning,
        "phase": str(incident.phase),
        "summary": incident.summary,
        "impact": incident.conditions,
        "services": ", ".join(context.services),
        "commander": context.commander,
        "comms": context.comms,
        "declared_at": at(incident.declared_at),
        "detected_at": at(incident.detected_at),
        "resolved_at": at(incident.resolved_at),
        "closed_at": at(incident.closed_at),
        "impact_start": at(incident.impact_start or incident.detected_at),
        "impact_end": at(incident.impact_end),
        "duration": duration((incident.closed_at or now) - incident.declared_at),
        # sending this message counts as an update, so the next one is due an interval from now
        "next_update": at(next_update(replace(incident, last_update_at=now))),
        "now": at(now),
        "cause": _newest(context.timeline, "finding"),
        "mitigation": candidates[0] or candidates[1],
        "link": context.link,
        "organization": context.organization,
        "tz": context.tz,
        "date": wall_date(incident.declared_at, context.tz),
        "topic": slugify(incident.title)[:_TOPIC_MAX_CHARS].rstrip("-"),
        "runbooks": "\n".join(context.runbooks),
        "postmortem_due": at(incident.closed_at + POSTMORTEM_WITHIN) if is_due and incident.closed_at else "",
    }
    return {name: text for name, text in values.items() if text}


def wall_date(at: datetime, tz: str) -> str:
    """Return the date of an instant in the time zone `tz`, such as 2026-11-24."""
    return f"{at.astimezone(ZoneInfo(tz)):%Y-%m-%d}"
