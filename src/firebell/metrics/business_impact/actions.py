"""Actions on the business impact of an incident, and what it costs."""

from datetime import datetime

from firebell.incidents import actions as incidents
from firebell.incidents.model import UNDECLARED, IncidentMerged, Phase
from firebell.kit.db.database import Tx
from firebell.kit.db.events import SYSTEM, Actor
from firebell.kit.errors import Conflict
from firebell.metrics.business_impact import store
from firebell.metrics.business_impact.model import IncidentCost, typed_impact
from firebell.metrics.learning_loop import store as learning_loop_store
from firebell.metrics.team_rates import actions as team_rates
from firebell.people.action_permissions import permits
from firebell.people.permissions import Verb


async def cost_of(tx: Tx, incident_id: int) -> IncidentCost:
    """Return what an incident costs; raise `NotFound` if the reader may not read it."""
    await incidents.incident(tx, incident_id)
    fact = await learning_loop_store.incident(tx, incident_id)
    people, seconds = (fact.people, fact.person_minutes * 60) if fact else (0, 0)
    rates = await team_rates.rates(tx)
    time = await team_rates.cost_of_incident(tx, rates, incident_id, seconds)
    return IncidentCost(people, seconds, rates, time, await store.of_incident(tx, incident_id))


@permits(Verb.BUSINESS_IMPACT_WRITE)
async def record(
    tx: Tx, actor: Actor, incident_id: int, amount: str, currency: str, source: str, now: datetime
) -> None:
    """Record or replace what an incident cost the business. Idempotent.

    Raise `Invalid` for bad input, `Conflict` for a drill and for an undeclared, dismissed or merged incident.
    """
    incident = await incidents.locked(tx, incident_id)
    if incident.drill:
        raise Conflict(f"{incident.ref} is a drill, which costs the business nothing.")
    if incident.phase in UNDECLARED:
        raise Conflict(f"{incident.ref} is not declared yet.", hint="Declare it first.")
    if incident.phase is Phase.DISMISSED:
        raise Conflict(f"{incident.ref} was dismissed, so its cost isn’t counted.")
    if incident.phase is Phase.MERGED:
        into = f"INC-{incident.merged_into}"
        raise Conflict(f"{incident.ref} was merged into {into}.", hint=f"Enter what {into} cost.")
    money, text = typed_impact(amount, currency, source)
    before = await store.of_incident(tx, incident_id)
    if before and (before.money, before.source) == (money, text):
        return
    await store.save(tx, incident_id, money, text, actor.person_id, actor.label, now)
    await tx.audit(
        actor,
        "incident.business_impact",
        incident.ref,
        now,
        amount=money.plain,
        currency=money.currency,
        source=text,
        before=f"{before.money.plain} {before.money.currency}" if before else "",
    )


@permits(Verb.BUSINESS_IMPACT_WRITE)
async def remove(tx: Tx, actor: Actor, incident_id: int, now: datetime) -> None:
    """Remove the business impact of an incident. Idempotent."""
    incident = await incidents.locked(tx, incident_id)
    before = await store.of_incident(tx, incident_id)
    if before is None:
        return
    await store.delete(tx, incident_id)
    amount = f"{before.money.plain} {before.money.currency}"
    await tx.audit(
        actor, "incident.business_impact", incident.ref, now, amount="", currency="", source="", before=amount
    )


async def move_merged(tx: Tx, event: IncidentMerged, now: datetime) -> None:
    """Move the business impact of a merged incident to the other one, if that has none: it counts there from now on."""
    moved = await store.move(tx, event.incident_id, event.into_id)
    if moved is None:
        return
    money, subject = moved.money, f"INC-{event.into_id}"
    await tx.audit(
        *(SYSTEM, "incident.business_impact", subject, now),
        amount=money.plain,
        currency=money.currency,
        source=moved.source,
        before="",
        merged=f"INC-{event.incident_id}",
    )
