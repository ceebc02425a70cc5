"""The action that records the final facts of an incident."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from firebell.incidents import lookup, store, timeline_writer
from firebell.incidents.closing import final_facts_store
from firebell.incidents.closing.final_facts import (
    AFFECTED_MAX_CHARS,
    CAUSE_MAX_CHARS,
    CUSTOMERS_MAX,
    EDITABLE,
    CauseCategory,
    FinalFacts,
    changed_names,
    wrong_times,
)
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Conflict, Invalid
from firebell.kit.text import clean_text
from firebell.people.action_permissions import permits
from firebell.people.permissions import Verb

final_facts = final_facts_store.final_facts


@permits(Verb.INCIDENT_UPDATE)
async def record_final_facts(
    tx: Tx,
    actor: Actor,
    incident_id: int,
    texts: Mapping[str, str],
    times: Mapping[str, datetime | None],
    now: datetime,
    *,
    numbers: Mapping[str, int | None] | None = None,
) -> FinalFacts:
    """Record facts of a declared incident; those that are left out stay. Idempotent.

    `texts` has affected, cause and cause_category, `times` has impact_start, detected_at and impact_end, `numbers` has
    customers, where None removes it.
    """
    incident = await lookup.locked(tx, incident_id)
    if incident.phase not in EDITABLE:
        raise Conflict(f"{incident.ref} is {incident.phase}, so it has no final facts.")
    new_times = {name: at for name, at in times.items() if at != getattr(incident, name)}
    wrong = wrong_times(incident, new_times, now)
    if texts.get("cause_category") and texts["cause_category"] not in list(CauseCategory):
        wrong["cause_category"] = f"Use one of {', '.join(CauseCategory)}."
    for name, number in (numbers or {}).items():
        if number is not None and not 0 <= number <= CUSTOMERS_MAX:
            wrong[name] = f"Enter a whole number from 0 to {CUSTOMERS_MAX:,}."
    if wrong:
        raise Invalid("Check the facts.", fields=wrong)
    before = await final_facts_store.final_facts(tx, incident_id)
    limits = {"affected": AFFECTED_MAX_CHARS, "cause": CAUSE_MAX_CHARS, "cause_category": 20}
    cleaned: dict[str, Any] = {name: clean_text(text, limits[name], name) for name, text in texts.items()}
    after = replace(before, **cleaned | dict(numbers or {}))
    old = asdict(before)
    changed = {name: value for name, value in asdict(after).items() if value != old[name]}
    if changed:
        await final_facts_store.save(tx, incident_id, after, actor.person_id, actor.label, now)
    if new_times:
        await store.change(tx, incident_id, **new_times)
    if changed or new_times:
        data = {**changed, **{name: at.isoformat() if at else None for name, at in new_times.items()}}
        names = changed_names(data)
        await timeline_writer.add_timeline_entry(
            tx, actor, incident_id, "facts", f"recorded the final facts: {names}", now, **data
        )
        await tx.audit(actor, "incident.final_facts", incident.ref, now, facts=names)
    return after
