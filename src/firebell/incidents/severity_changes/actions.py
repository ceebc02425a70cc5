"""Change the severity of an incident, confirm it, or answer its questions again."""

from collections.abc import Mapping
from datetime import datetime

from firebell.incidents import linked_pages, lookup, store, timeline_writer
from firebell.incidents.model import (
    OPEN,
    UNDECLARED,
    Incident,
    IncidentRole,
    SeverityChanged,
    SeverityConfirmed,
)
from firebell.incidents.severity import FACTS, Severity, classify, suggest
from firebell.incidents.severity_changes import rules as severity_change_rules
from firebell.incidents.text_limits import REASON_MAX_CHARS
from firebell.incidents.update_deadlines import actions as update_actions
from firebell.kit.db.database import Tx
from firebell.kit.db.events import SYSTEM, Actor
from firebell.kit.errors import Conflict, Forbidden, Invalid
from firebell.kit.text import clean_text
from firebell.people.action_permissions import permits
from firebell.people.permissions import Verb


@permits(Verb.INCIDENT_UPDATE)
async def reclassify(
    tx: Tx,
    actor: Actor,
    incident_id: int,
    answers: Mapping[str, bool | None],
    reason: str,
    now: datetime,
    *,
    cap_unknown: bool = False,
) -> Incident:
    """Answer the questions again: confirm the severity at the same level, or change it to the new result.

    With `cap_unknown`, which forms set, an unknown answer counts as SEV2 at most.
    """
    old = await lookup.locked(tx, incident_id)
    if not answers:
        raise Invalid("Answer at least one question.", fields={"answers": "Answer at least one question."})
    verdict = (suggest(answers) if cap_unknown else None) or classify(answers)
    if verdict.severity != old.severity or old.provisional:
        await set_severity(tx, actor, incident_id, verdict.severity, reason, now)
    return await store.change(tx, incident_id, answers=dict(answers))


@permits(Verb.INCIDENT_UPDATE)
async def set_severity(
    tx: Tx, actor: Actor, incident_id: int, severity: int, reason: str, now: datetime
) -> Incident:
    """Change the severity, or confirm it at the same level.

    Raising it to SEV0 or SEV1 pages. Lowering it requires a reason, and from SEV0 and SEV1 the commander.
    """
    old = await lookup.locked(tx, incident_id)
    if old.phase not in OPEN:
        raise Conflict(f"{old.ref} is {old.phase}, so its severity can't be changed.")
    if old.phase in UNDECLARED:
        raise Conflict(f"{old.ref} is not declared yet.", hint="Declare it with this severity.")
    reason = clean_text(reason, REASON_MAX_CHARS, "reason")
    if severity == old.severity and old.provisional:
        return await _confirm_severity(tx, actor, old, reason, now)
    if why := severity_change_rules.severity_refusal(
        old, severity, reason, await store.last_raise(tx, incident_id), now
    ):
        raise Conflict(why)
    if severity > old.severity and old.severity <= 1:
        await _require_commander(tx, actor, old)
    new = await store.change(
        tx,
        incident_id,
        severity=severity,
        max_severity=min(old.max_severity, severity),
        severity_at=now,
        provisional=False,
    )
    raised = severity < old.severity
    because = f": {reason}" if reason else ""
    text = f"{'raised' if raised else 'lowered'} severity from SEV{old.severity} to SEV{severity}{because}"
    change = {"from": old.severity, "to": severity}
    await timeline_writer.add_timeline_entry(tx, actor, incident_id, "severity", text, now, **change)
    await tx.audit(actor, "incident.severity", old.ref, now, **change)
    await tx.emit(SeverityChanged(incident_id, old.severity, int(severity), raised), now)
    if raised and FACTS[Severity(severity)].page and not new.drill:
        await linked_pages.page_for(
            tx, actor, new, (await store.services(tx, [incident_id]))[incident_id], now
        )
    return await update_actions.schedule_next_update(tx, new)


async def _confirm_severity(tx: Tx, actor: Actor, old: Incident, reason: str, now: datetime) -> Incident:
    """End the provisional severity of an incident at the same level."""
    new = await store.change(tx, old.id, provisional=False)
    text = f"confirmed SEV{old.severity}" + (f": {reason}" if reason else "")
    await timeline_writer.add_timeline_entry(tx, actor, old.id, "confirmed", text, now, severity=old.severity)
    await tx.audit(actor, "incident.severity_confirmed", old.ref, now, severity=old.severity)
    await tx.emit(SeverityConfirmed(old.id, old.severity), now)
    return new


async def _require_commander(tx: Tx, actor: Actor, incident: Incident) -> None:
    """Raise `Forbidden` unless the actor is the commander, or Firebell itself."""
    assignments = (await store.roles(tx, [incident.id]))[incident.id]
    commanders = {a.person_id for a in assignments if a.role is IncidentRole.COMMANDER}
    if actor is not SYSTEM and actor.person_id not in commanders:
        raise Forbidden(
            f"Only the commander can lower a SEV{incident.severity}.",
            hint="Take command first, or ask the commander.",
        )
