"""What an incident says by itself: the slots of every message about it (pure)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from firebell.incidents.lifecycle import POSTMORTEM_WITHIN, next_update, postmortem_required
from firebell.incidents.mitigations import current_mitigation
from firebell.incidents.model import ACTIVE, Entry, Incident, Phase
from firebell.kit.html import duration, format_short
from firebell.kit.text import slugify

UPDATES = ("update-first", "update-progress", "update-mitigated", "update-resolved", "update-handover")
"""The templates that an internal update can begin with."""

FITS = {
    Phase.DECLARED: (
        *("update-first", "channel-name", "channel-pinned", "holding-statement", "status-investigating"),
    ),
    Phase.INVESTIGATING: ("update-progress", "status-investigating", "email-acknowledge", "executive-brief"),
    Phase.MITIGATING: ("update-progress", "status-identified", "email-acknowledge", "executive-brief"),
    Phase.MONITORING: ("update-mitigated", "status-monitoring"),
    Phase.CLOSED: ("update-resolved", "status-resolved", "email-resolved", "all-clear"),
    Phase.REVIEWED: ("email-resolved",),
    Phase.DISMISSED: ("update-resolved",),
}
"""Which templates fit a phase, the one to send first in front."""

_TOPIC = 40


@dataclass(frozen=True, slots=True)
class MessageContext:
    """What stands around an incident: names, links, and whose clock the times are on."""

    services: Sequence[str]
    runbooks: Sequence[str]
    commander: str
    comms: str
    meaning: str
    timeline: Sequence[Entry]
    organization: str
    link: str
    tz: str


def suggested_templates(incident: Incident) -> tuple[str, ...]:
    """Return the templates that fit the phase, the one to send first in front; SEV2 and SEV3 stay inside."""
    found = FITS[incident.phase]
    return found if incident.severity <= 1 else tuple(name for name in found if name in UPDATES)


def update_for(incident: Incident) -> str:
    """Return the template that the next internal update can begin with."""
    if incident.phase in ACTIVE and incident.last_update_at is None:
        return "update-first"
    return next((name for name in FITS[incident.phase] if name in UPDATES), "update-resolved")


def _newest(timeline: Sequence[Entry], kind: str) -> str:
    return next((e.text.strip() for e in reversed(timeline) if e.kind == kind), "")


def slots(incident: Incident, around: MessageContext, now: datetime) -> Mapping[str, str]:
    """Return every slot that is known; what nobody has said yet is not in it, so that a person sees it."""

    def at(when: datetime | None) -> str:
        return format_short(when, around.tz, now) if when else ""

    active = incident.phase in ACTIVE
    mitigation = current_mitigation(around.timeline, active=active)
    now_first = (incident.actions, mitigation) if active else (mitigation, incident.actions)
    owed = incident.closed_at and postmortem_required(incident)
    known = {
        "ref": incident.ref,
        "title": incident.title,
        "severity": f"SEV{incident.severity}",
        "severity_meaning": around.meaning,
        "phase": str(incident.phase),
        "summary": incident.summary,
        "impact": incident.conditions,
        "services": ", ".join(around.services),
        "commander": around.commander,
        "comms": around.comms,
        "declared_at": at(incident.declared_at),
        "detected_at": at(incident.detected_at),
        "resolved_at": at(incident.resolved_at),
        "closed_at": at(incident.closed_at),
        "impact_start": at(incident.impact_start or incident.detected_at),
        "impact_end": at(incident.impact_end),
        "duration": duration((incident.closed_at or now) - incident.declared_at),
        # whoever sends this keeps the promise now: the next one counts from here
        "next_update": at(next_update(replace(incident, last_update_at=now))),
        "now": at(now),
        "cause": _newest(around.timeline, "finding"),
        "mitigation": now_first[0] or now_first[1],
        "link": around.link,
        "organization": around.organization,
        "organisation": around.organization,
        "tz": around.tz,
        "date": wall_date(incident.declared_at, around.tz),
        "topic": slugify(incident.title)[:_TOPIC].rstrip("-"),
        "runbooks": "\n".join(around.runbooks),
        "postmortem_due": at(incident.closed_at + POSTMORTEM_WITHIN) if owed and incident.closed_at else "",
    }
    return {name: text for name, text in known.items() if text}


def wall_date(at: datetime, tz: str) -> str:
    """Return the day of an instant on a clock in `tz`, as 2026-11-24."""
    return f"{at.astimezone(ZoneInfo(tz)):%Y-%m-%d}"
