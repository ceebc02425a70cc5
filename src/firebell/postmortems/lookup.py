"""Get the post-mortem of an incident, locked or not; raise `NotFound` if the reader may not read it."""

from collections.abc import Iterable, Sequence

from firebell.incidents import actions as incidents
from firebell.incidents.model import Incident
from firebell.kit.db.database import Tx
from firebell.kit.errors import NotFound
from firebell.people.model import Person
from firebell.postmortems import store
from firebell.postmortems.model import ListedPostmortem, Postmortem


async def of_incident(tx: Tx, incident_id: int) -> Postmortem:
    """Return the post-mortem that is about an incident; raise `NotFound` without one, or if one may not be read."""
    await incidents.incident(tx, incident_id)
    return await _readable(tx, await store.of_incident(tx, incident_id), incident_id)


async def locked(tx: Tx, incident_id: int) -> Postmortem:
    """Lock the post-mortem of an incident and return it; raise `NotFound` as `of_incident` does."""
    await incidents.incident(tx, incident_id)
    return await _readable(tx, await store.lock(tx, incident_id), incident_id)


async def incident_ids(tx: Tx, postmortem: ListedPostmortem) -> list[int]:
    """Return the incidents that a post-mortem is about, the main one first."""
    about = [each.incident_id for each in await store.document_incidents(tx, postmortem.id)]
    return about or [postmortem.incident_id]


async def incidents_of(tx: Tx, postmortem: ListedPostmortem) -> list[Incident]:
    """Return the incidents that a post-mortem is about, the main one first; those that may not be read are left out."""
    ids = await incident_ids(tx, postmortem)
    by_id = await incidents.incidents_by_id(tx, ids)
    return [by_id[each] for each in ids if each in by_id]


async def readers_by_document(
    tx: Tx, postmortems: Iterable[Postmortem], people: Sequence[Person]
) -> dict[int, set[int]]:
    """Return the people who may read each document and every incident it is about, by document id."""
    return {
        postmortem.id: {
            person.id
            for person in await incidents.readers_among(tx, await incidents_of(tx, postmortem), people)
        }
        for postmortem in postmortems
    }


async def _readable(tx: Tx, postmortem: Postmortem | None, incident_id: int) -> Postmortem:
    """Return the post-mortem; one that is about several incidents is hidden with each of them."""
    if postmortem is None:
        raise NotFound(f"INC-{incident_id} has no post-mortem.", hint="Draft one from the incident.")
    hidden = set(await incidents.hidden_ids(tx))
    if hidden and not hidden.isdisjoint(await incident_ids(tx, postmortem)):
        raise NotFound(f"INC-{incident_id} has no post-mortem.", hint="Draft one from the incident.")
    return postmortem
