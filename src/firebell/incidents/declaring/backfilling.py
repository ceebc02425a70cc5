"""Incidents of the past, recorded afterwards with their times: no one is paged or reminded."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from firebell.catalog import actions as catalog
from firebell.incidents import store, timeline_writer, type_and_visibility
from firebell.incidents.model import Incident, IncidentType, Phase
from firebell.incidents.phases import actions as phase_actions
from firebell.incidents.severity import Severity
from firebell.incidents.text_limits import SUMMARY_MAX_CHARS, TITLE_MAX_CHARS
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Invalid, NotFound
from firebell.kit.text import clean_name, clean_text
from firebell.people.action_permissions import permits
from firebell.people.permissions import Verb


@dataclass(frozen=True, slots=True)
class PastTimes:
    """When a past incident happened; without `impact_start` the impact began with its detection."""

    detected_at: datetime
    declared_at: datetime
    resolved_at: datetime
    closed_at: datetime
    impact_start: datetime | None = None

    def wrong(self, now: datetime) -> dict[str, str]:
        """Return what is wrong by field: each time must not be before the one before it, or in the future."""
        named = [
            *([("impact_start", self.impact_start)] if self.impact_start else []),
            ("detected_at", self.detected_at),
            ("declared_at", self.declared_at),
            ("resolved_at", self.resolved_at),
            ("closed_at", self.closed_at),
        ]
        wrong = {name: "Enter a time in the past." for name, at in named if at > now}
        for (_, before), (name, at) in pairwise(named):
            if at < before:
                wrong.setdefault(name, "Enter a time that isn't before the one above.")
        return wrong


@permits(Verb.INCIDENT_UPDATE)
async def backfill(
    tx: Tx,
    actor: Actor,
    *,
    title: str,
    severity: int,
    times: PastTimes,
    summary: str = "",
    service_ids: Sequence[int] = (),
    incident_type: IncidentType = IncidentType.OPERATIONAL,
    private: bool = False,
    now: datetime,
) -> Incident:
    """Record a closed incident of the past; it pages, reminds and announces nothing."""
    title = clean_name(title, "title", limit=TITLE_MAX_CHARS)
    if wrong := times.wrong(now):
        raise Invalid("The times are not in order.", fields=wrong)
    services_by_id = await catalog.services_by_id(tx, service_ids)
    if missing := [i for i in service_ids if i not in services_by_id]:
        raise NotFound(f"There is no service {missing[0]}.")
    incident = await store.insert(
        tx,
        title=title,
        summary=clean_text(summary, SUMMARY_MAX_CHARS, "summary"),
        severity=Severity(severity),
        answers={},
        provisional=False,
        drill=False,
        detected_at=times.detected_at,
        declared_by=actor.person_id,
        now=times.declared_at,
        phase=Phase.CLOSED,
        type=incident_type,
        visibility=type_and_visibility.visibility_of(incident_type, private=private),
        backfilled=True,
    )
    incident = await store.change(
        tx,
        incident.id,
        impact_start=times.impact_start,
        impact_end=times.resolved_at,
        resolved_at=times.resolved_at,
        stable_since=times.resolved_at,
        closed_at=times.closed_at,
    )
    await store.set_services(tx, incident.id, service_ids)
    moves = (
        (None, Phase.DECLARED, times.declared_at),
        (Phase.DECLARED, Phase.RESOLVED, times.resolved_at),
        (Phase.RESOLVED, Phase.MONITORING, times.resolved_at),
        (Phase.MONITORING, Phase.CLOSED, times.closed_at),
    )
    for before, after, at in moves:
        await phase_actions.add_transition(tx, actor, incident.id, before, after, now, effective_at=at)
    text = f"recorded a past incident: {title}"
    await timeline_writer.add_timeline_entry(tx, actor, incident.id, "backfilled", text, now)
    await tx.audit(actor, "incident.backfilled", incident.ref, now, severity=severity)
    return incident
