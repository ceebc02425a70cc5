"""Reminders of clocks: which are due, who gets them, and when the next is due."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from firebell.incidents import actions as incidents
from firebell.incidents.model import OPEN, IncidentRole
from firebell.kit.db.database import Tx
from firebell.kit.db.events import SYSTEM
from firebell.kit.jobs import timers
from firebell.notify import actions as notify
from firebell.people import actions as people
from firebell.regulatory import queries, rules, store
from firebell.regulatory.model import ACTIVE, Clock, State
from firebell.regulatory.queries import IncidentClocks

REMINDER_TIMER = "regulatory.reminder"
ENTRY_KIND = "regulatory"
"""The kind of the timeline entries of this slice."""
SUBJECT_KIND = "regulatory_clocks"
"""The kind of subject of a message about the clocks of an incident; its id is that of the incident."""
URGENT_WITHIN = timedelta(hours=24)
"""A reminder is urgent, so that quiet hours do not hold it, if its clock is due within this time."""
ASKED_SEVERITY = 1
"""The least severe incident whose undecided clocks ask for a decision; one with data at risk is never below it."""


async def send_reminders(tx: Tx, incident_ids: Sequence[int], now: datetime) -> set[int]:
    """Send the reminders that are due, once each, and schedule the next; return the incidents that are locked."""
    unlocked = await incidents.lock_free(tx, incident_ids)
    for one in await queries.clocks_of(tx, unlocked, now):
        await _remind(tx, one, now)
    return set(incident_ids) - {incident.id for incident in unlocked}


async def _remind(tx: Tx, one: IncidentClocks, now: datetime) -> None:
    """Send one message for all reminders of an incident that are due and were not sent, and schedule the next."""
    coming: list[datetime] = []
    passed: dict[tuple[str, datetime, str], Clock] = {}
    for clock in _reminding(one):
        for mark, at in rules.reminders(clock):
            if at > now:
                coming.append(at)
            elif clock.due_at:
                passed[clock.id, clock.due_at, mark] = clock
    new = await store.add_reminders(tx, one.incident.id, list(passed), now) if passed else []
    if new:
        await _send(tx, one.incident.id, [passed[key] for key in new], now)
    for key in new:
        if key[2] == rules.DUE_MARK:
            regime, obligation = passed[key].applied.regime, passed[key].obligation
            text = f"{regime.name}, {obligation.title}: due now, and not recorded as submitted."
            await incidents.record_entry(tx, SYSTEM, one.incident.id, ENTRY_KIND, text, {"fact": key[0]}, now)
    if coming:
        await timers.schedule(tx, REMINDER_TIMER, str(one.incident.id), min(coming))


def _reminding(one: IncidentClocks) -> list[Clock]:
    """Return the clocks that remind: those that are owed, and undecided ones of a major incident that is open."""
    asks = one.incident.phase in OPEN and one.incident.max_severity <= ASKED_SEVERITY
    return [clock for clock in one.clocks if asks or clock.state is not State.UNDECIDED]


async def _send(tx: Tx, incident_id: int, clocks: Sequence[Clock], now: datetime) -> None:
    owed = [clock for clock in clocks if clock.state in ACTIVE]
    is_urgent = any(clock.due_at and clock.due_at - now <= URGENT_WITHIN for clock in owed)
    incident = await incidents.incident(tx, incident_id)
    chosen = await recipients_of(tx, incident_id, clocks)
    recipients = await incidents.readers_or_managers(tx, incident, chosen)
    urgency = "high" if is_urgent else "low"
    await notify.send_about(tx, SUBJECT_KIND, {incident_id: recipients}, now, urgency=urgency)


async def recipients_of(tx: Tx, incident_id: int, clocks: Sequence[Clock]) -> list[int]:
    """Return the commander and who is responsible for the regimes; if there is no one, the fallback responders."""
    assignments = (await incidents.roles(tx, [incident_id]))[incident_id]
    default = await queries.responsible_id(tx)
    ids = [a.person_id for a in assignments if a.role is IncidentRole.COMMANDER]
    ids += [i for clock in clocks if (i := clock.applied.settings.responsible_id or default)]
    people_by_id = await people.people_by_id(tx, list(dict.fromkeys(ids)))
    active = [i for i in dict.fromkeys(ids) if i in people_by_id and people_by_id[i].active]
    return active or await people.fallback_responders(tx)
