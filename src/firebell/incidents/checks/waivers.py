"""Actions on the findings of process checks: waive one with a reason, and undo that."""

from datetime import datetime, timedelta

from firebell.incidents import lookup
from firebell.incidents.checks import waiver_store
from firebell.incidents.text_limits import REASON_MAX_CHARS
from firebell.incidents.timeline import actions as timeline_actions
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Invalid
from firebell.kit.findings import ProcessFinding
from firebell.kit.text import clean_text
from firebell.people.action_permissions import permits
from firebell.people.permissions import Verb

LONGEST = timedelta(days=366)
ENTRY_KIND = "waiver"
"""The kind of the timeline entries about waivers."""


@permits(Verb.INCIDENT_UPDATE)
async def waive(
    tx: Tx,
    actor: Actor,
    incident_id: int,
    finding: ProcessFinding,
    reason: str,
    now: datetime,
    until: datetime | None = None,
) -> None:
    """Waive a finding, for good or until an instant; it stays visible with the reason. A new reason replaces it."""
    reason = clean_text(reason, REASON_MAX_CHARS, "reason")
    if not reason:
        raise Invalid("The reason is missing.", fields={"reason": "Enter why this finding doesn't matter."})
    if until is not None and not now < until <= now + LONGEST:
        raise Invalid(
            "The end is not within the next year.",
            fields={"until": "Enter a time in the future, or leave it blank."},
        )
    ends = f" until {until:%Y-%m-%d %H:%M} UTC" if until else ""
    text = f"waived the check “{finding.message}”{ends}: {reason}"
    await timeline_actions.record_entry(
        tx, actor, incident_id, ENTRY_KIND, text, {"finding": finding.id}, now
    )
    await waiver_store.end_waivers(tx, incident_id, finding.id, actor.label, actor.person_id, now)
    await waiver_store.add_waiver(
        tx, incident_id, finding.id, finding.code, reason, until, actor.label, actor.person_id, now
    )
    await tx.audit(
        actor, "incident.check_waived", f"INC-{incident_id}", now, finding=finding.id, reason=reason
    )


@permits(Verb.INCIDENT_UPDATE)
async def end_waiver(tx: Tx, actor: Actor, incident_id: int, finding: ProcessFinding, now: datetime) -> None:
    """Undo the waiver of a finding, so that it is open again. Idempotent."""
    await lookup.incident(tx, incident_id)
    if await waiver_store.end_waivers(tx, incident_id, finding.id, actor.label, actor.person_id, now):
        text = f"undid the waiver of the check “{finding.message}”"
        await timeline_actions.record_entry(
            tx, actor, incident_id, ENTRY_KIND, text, {"finding": finding.id}, now
        )
        await tx.audit(actor, "incident.waiver_ended", f"INC-{incident_id}", now, finding=finding.id)
