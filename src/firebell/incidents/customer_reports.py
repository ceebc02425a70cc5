"""Customer reports of an incident: recorded, and answered before it can be closed."""

from datetime import datetime

from firebell.incidents import lookup, timeline_writer
from firebell.incidents.closing import store as closing_store
from firebell.incidents.model import OPEN, UNDECLARED, CustomerReport
from firebell.incidents.phases import actions as phase_actions
from firebell.incidents.phases import lifecycle
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Conflict, Invalid, NotFound
from firebell.kit.text import clean_text
from firebell.people.action_permissions import permits
from firebell.people.permissions import Verb

REPORT_MAX_CHARS = 2_000


@permits(Verb.INCIDENT_UPDATE)
async def record_report(
    tx: Tx, actor: Actor, incident_id: int, text: str, now: datetime, *, reported_at: datetime | None = None
) -> CustomerReport:
    """Record what a customer reported, now or at `reported_at`, and return it.

    A report from after the impact ended puts a monitored incident back to work: SEV0 and SEV1 page again.
    """
    incident = await lookup.locked(tx, incident_id)
    if incident.phase not in OPEN or incident.phase in UNDECLARED:
        raise Conflict(f"{incident.ref} is {incident.phase}, so reports can't be added.")
    text = clean_text(text, REPORT_MAX_CHARS, name="report")
    if not text:
        raise Invalid("The report is empty.", fields={"text": "Enter what the customer reported."})
    at = reported_at or now
    if at > now:
        raise Invalid(
            "That time is not valid.",
            fields={"reported_at": "The time is in the future. Leave it blank for now."},
        )
    report = await closing_store.add_report(tx, incident_id, text, at, actor.person_id, actor.label, now)
    entry = f"recorded a customer report: {text}"
    await timeline_writer.add_timeline_entry(tx, actor, incident_id, "report", entry, now, report=report.id)
    await tx.audit(actor, "incident.report", incident.ref, now, report=report.id)
    if lifecycle.is_after_end(incident, at):
        await phase_actions.regress(tx, actor, incident, f"A customer reported: {text}", now)
    return report


@permits(Verb.INCIDENT_UPDATE)
async def answer_report(
    tx: Tx, actor: Actor, incident_id: int, report_id: int, now: datetime
) -> CustomerReport:
    """Mark a customer report answered; raise `NotFound` if the incident has no such open report."""
    incident = await lookup.locked(tx, incident_id)
    report = await closing_store.answer_report(tx, incident_id, report_id, actor.person_id, now)
    if report is None:
        raise NotFound(f"{incident.ref} has no open report {report_id}.")
    text = "answered a customer report"
    await timeline_writer.add_timeline_entry(tx, actor, incident_id, "report", text, now, report=report_id)
    await tx.audit(actor, "incident.report_answered", incident.ref, now, report=report_id)
    return report
