"""Actions on questions: ask whether overdue items would have prevented an incident, and record the answers."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from firebell.action_items import change_effects, lookup, notifying
from firebell.action_items.model import PreventionAnswer, Priority, Question
from firebell.action_items.prevention_questions import preventable
from firebell.action_items.prevention_questions import store as prevention_question_store
from firebell.action_items.prevention_questions.preventable import IncidentFacts
from firebell.alerts import actions as alerts
from firebell.incidents import actions as incidents
from firebell.incidents.model import Incident
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import NotFound
from firebell.paging import actions as paging
from firebell.people.action_permissions import internal, permits
from firebell.people.permissions import Verb

ALERTS_COMPARED = 20
"""Number of alerts of each page whose rules are compared."""
ANSWER_NAMES = {
    PreventionAnswer.PREVENTED: "Prevented",
    PreventionAnswer.SHORTENED: "Shortened",
    PreventionAnswer.NO: "No",
    PreventionAnswer.NOT_KNOWN: "Not known",
}


async def _facts(tx: Tx, compared: Sequence[Incident]) -> dict[int, IncidentFacts]:
    """Return what incidents are compared by, by id."""
    ids = [incident.id for incident in compared]
    services = await incidents.services(tx, ids)
    page_ids = {i: await incidents.page_ids(tx, i) for i in ids}
    pages = await paging.pages_by_id(tx, [page for group in page_ids.values() for page in group])
    groups = {page.id: page.subject_id for page in pages.values() if page.subject_kind == "group"}
    by_group = await alerts.alerts_of_groups(tx, list(groups.values()), ALERTS_COMPARED)
    rules = {
        page_id: {name for alert in by_group[group] if (name := alert.labels.get("alertname"))}
        for page_id, group in groups.items()
    }
    return {
        incident.id: IncidentFacts(
            f"{incident.title} {incident.summary}",
            frozenset(services.get(incident.id, ())),
            frozenset(name for i in page_ids[incident.id] for name in rules.get(i, ())),
        )
        for incident in compared
    }


@internal("Firebell asks when an incident is declared or closed.")
async def ask(tx: Tx, incident_id: int, now: datetime) -> int:
    """Ask about the items that were overdue when an incident was declared; return how many are new. Idempotent."""
    incident = (await incidents.incidents_by_id(tx, [incident_id])).get(incident_id)
    if incident is None or incident.drill:
        return 0
    service_ids = (await incidents.services(tx, [incident_id])).get(incident_id, [])
    day = incident.declared_at.date()
    items = [
        one
        for one in await prevention_question_store.overdue_before(tx, service_ids, day)
        if one.incident_id != incident_id and preventable.was_overdue(one, incident.declared_at)
    ]
    if not items:
        return 0
    known = await incidents.incidents_by_id(tx, list({i.incident_id for i in items if i.incident_id}))
    facts = await _facts(tx, [incident, *known.values()])
    pairs = [(one, facts[one.incident_id]) for one in items if one.incident_id in known]
    asked = preventable.candidates(facts[incident_id], incident.declared_at, pairs)
    if not asked:
        return 0
    new = await prevention_question_store.ask(tx, incident_id, asked, now)
    if new:
        await tx.live(f"inc-{incident_id}")
        await tx.live("actions")
    return new


async def ask_after_event(tx: Tx, payload: Mapping[str, Any], now: datetime) -> None:
    """Ask about an incident that was declared or closed."""
    await ask(tx, payload["incident_id"], now)


@permits(Verb.ACTION_ITEM_WRITE)
async def answer_question(
    tx: Tx, actor: Actor, incident_id: int, item_id: int, answer: PreventionAnswer, now: datetime
) -> Question:
    """Record whether an item would have prevented or shortened an incident.

    If it would have, its priority becomes 1, and its owner and the managers are notified.
    """
    incident = await incidents.incident(tx, incident_id)
    item = await lookup.locked(tx, item_id)
    question = await prevention_question_store.answer(tx, incident_id, item_id, answer, actor.label, now)
    if question is None:
        raise NotFound(f"No one asked whether {item.ref} would have prevented {incident.ref}.")
    await tx.audit(actor, "action_item.answered", item.ref, now, incident=incident.ref, answer=answer)
    note = f"{incident.ref}: {ANSWER_NAMES[answer].lower()}"
    if answer in (PreventionAnswer.PREVENTED, PreventionAnswer.SHORTENED):
        changes = {"priority": Priority.P1}
        item = await change_effects.save_item_changes(tx, actor, item, changes, "changed", now, note=note)
        await notifying.report_answer(tx, item, incident, answer, now)
    await tx.live(f"inc-{incident_id}")
    await tx.live("actions")
    return question
