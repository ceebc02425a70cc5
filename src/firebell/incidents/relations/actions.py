"""Link incidents, and make one a child of another."""

from datetime import datetime

from firebell.incidents import lookup, store, timeline_writer
from firebell.incidents.model import Incident, Relation
from firebell.incidents.relations import store as relation_store
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Conflict, Invalid, NotFound
from firebell.people.action_permissions import permits
from firebell.people.permissions import Verb


@permits(Verb.INCIDENT_UPDATE)
async def relate(tx: Tx, actor: Actor, incident_id: int, other_id: int, kind: str, now: datetime) -> None:
    """Link two incidents, or make the second a child of the first. Raise `Conflict` if they are related."""
    if kind not in ("linked", "child"):
        raise Invalid("That is not a relation.", fields={"kind": "Use linked or child."})
    if incident_id == other_id:
        raise Invalid("An incident can't be linked to itself.", fields={"other": "Enter another incident."})
    locked = {i: await lookup.locked(tx, i) for i in sorted((incident_id, other_id))}
    one, other = locked[incident_id], locked[other_id]
    if kind == "child" and other_id in await relation_store.ancestors(tx, incident_id):
        raise Conflict(f"{one.ref} is a child of {other.ref} already.")
    first, second = (one, other) if kind == "child" or one.id < other.id else (other, one)
    if not await relation_store.add(tx, first.id, second.id, kind, actor.person_id, now):
        raise Conflict(
            f"{one.ref} and {other.ref} are related, or {other.ref} has a parent.", hint="Remove that first."
        )
    texts = {"child": ("added the child {}", "made it a child of {}"), "linked": ("linked {}", "linked {}")}
    for incident, related, text in zip((one, other), (other, one), texts[kind], strict=True):
        # a timeline that everyone reads does not name a private incident
        name = related.ref if incident.is_private or not related.is_private else related.public_name
        entry = text.format(name)
        await timeline_writer.add_timeline_entry(tx, actor, incident.id, "related", entry, now, relation=kind)
    await tx.audit(actor, "incident.related", one.ref, now, other=other.ref, relation=kind)


@permits(Verb.INCIDENT_UPDATE)
async def unrelate(tx: Tx, actor: Actor, incident_id: int, other_id: int, now: datetime) -> None:
    """Remove the relation of two incidents; raise `NotFound` if there is none."""
    locked = {i: await lookup.locked(tx, i) for i in sorted((incident_id, other_id))}
    if not await relation_store.remove(tx, incident_id, other_id):
        raise NotFound(f"{locked[incident_id].ref} and {locked[other_id].ref} are not related.")
    for one_id, related in ((incident_id, locked[other_id]), (other_id, locked[incident_id])):
        name = related.ref if locked[one_id].is_private or not related.is_private else related.public_name
        await timeline_writer.add_timeline_entry(
            tx, actor, one_id, "related", f"removed the link to {name}", now
        )
    await tx.audit(actor, "incident.unrelated", locked[incident_id].ref, now, other=locked[other_id].ref)


async def related(tx: Tx, incident: Incident) -> list[tuple[Relation, Incident]]:
    """Return the relations of an incident with the other incident, as far as it may be read."""
    relations = await relation_store.relations(tx, incident.id)
    if incident.merged_into:
        relations.append(Relation(incident.merged_into, "merged_into"))
    others = await store.incidents_by_id(tx, [relation.incident_id for relation in relations])
    return [(r, others[r.incident_id]) for r in relations if r.incident_id in others]
