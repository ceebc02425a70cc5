"""Who is reminded of a post-mortem: its author, and at its due time their managers."""

from collections.abc import Sequence

from firebell.catalog import actions as catalog
from firebell.incidents import actions as incidents
from firebell.incidents.model import Incident
from firebell.kit.db.database import Tx
from firebell.people import actions as people
from firebell.people.model import Person

MANAGER = "manager"


async def recipients(tx: Tx, incident: Incident, author_id: int | None, *, to_managers: bool) -> list[int]:
    """Return the author, with `to_managers` also the managers of their teams; without both, the fallback responders.

    The managers of the teams of the services are asked if the author has none. Of a private incident, only people
    who may read it are reminded; if there are none, the managers are.
    """
    service_ids = (await incidents.services(tx, [incident.id]))[incident.id]
    chosen = await _author_and_managers(tx, service_ids, author_id, to_managers=to_managers)
    ids = [person.id for person in chosen] or await people.fallback_responders(tx)
    return await incidents.readers_or_managers(tx, incident, ids)


async def near_miss_recipients(
    tx: Tx, service_ids: Sequence[int], author_id: int | None, *, to_managers: bool
) -> list[int]:
    """Return who is reminded of a near miss, by the same rules; one that was reported without a name has no author."""
    chosen = await _author_and_managers(tx, service_ids, author_id, to_managers=to_managers)
    return [person.id for person in chosen] or await people.fallback_responders(tx)


async def _author_and_managers(
    tx: Tx, service_ids: Sequence[int], author_id: int | None, *, to_managers: bool
) -> list[Person]:
    """Return the author who is active, and the managers if they are asked too or there is no such author."""
    author = await people.person(tx, author_id) if author_id else None
    if author and author.active and not to_managers:
        return [author]
    ids = [author.id] if author and author.active else []
    ids += await _managers(tx, service_ids, author_id)
    by_id = await people.people_by_id(tx, ids)
    return [by_id[i] for i in dict.fromkeys(ids)]


async def _managers(tx: Tx, service_ids: Sequence[int], author_id: int | None) -> list[int]:
    team_ids = await people.team_ids_of(tx, author_id) if author_id else []
    managers = await _managers_of(tx, team_ids, author_id)
    if not managers:
        services = await catalog.services_by_id(tx, list(service_ids))
        managers = await _managers_of(tx, [service.team_id for service in services.values()], author_id)
    return managers


async def _managers_of(tx: Tx, team_ids: Sequence[int], author_id: int | None) -> list[int]:
    members = await people.members(tx, list(dict.fromkeys(team_ids)))
    return [
        person_id
        for listed in members.values()
        for person_id, role in listed
        if role == MANAGER and person_id != author_id
    ]
