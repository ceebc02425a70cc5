"""Who gets a post: the members of audiences as addresses, each once."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from firebell.audiences import customer_store, webhooks
from firebell.audiences.model import AFFECTED_CUSTOMERS, AudienceDefinition, Recipient
from firebell.audiences.posts.one_message_per_address import once_each
from firebell.audiences.settings.document import ADDRESS, ROLE, WEBHOOK, addresses_of, member_id
from firebell.incidents import actions as incidents
from firebell.incidents.model import ROLE_NAMES, Incident
from firebell.kit.db.database import Tx
from firebell.paging import actions as paging
from firebell.paging.model import ManualTarget, ManualTargetKind
from firebell.people import actions as people
from firebell.response import actions as response
from firebell.response.model import GROUP_NAMES, ResponseGroup


async def recipients_of(
    tx: Tx, incident: Incident, audiences: Sequence[AudienceDefinition], now: datetime
) -> dict[str, list[Recipient]]:
    """Return the recipients of each audience by its slug; no address is in two of them (spec 7.13)."""
    listed = {each.slug: await _members(tx, incident, each, now) for each in audiences}
    return once_each(audiences, listed)


async def _members(
    tx: Tx, incident: Incident, audience: AudienceDefinition, now: datetime
) -> list[Recipient]:
    """Return who is in an audience. An address alone says not who may read, so it gets nothing of what is private."""
    members = [] if incident.is_private else [*addresses_of(audience), *addresses_of(audience, WEBHOOK)]
    bare = [Recipient(address, "") for address in members]
    if audience.is_external:
        return [*await _contacts(tx, incident, audience), *bare]
    person_ids = await _person_ids(tx, incident, audience.members, now)
    people_by_id = await people.people_by_id(tx, person_ids)
    active = [people_by_id[i] for i in person_ids if i in people_by_id and people_by_id[i].active]
    readers = await incidents.readers_among(tx, [incident], active)
    colleagues = [Recipient(person.email.lower(), person.name) for person in readers]
    return [*colleagues, *bare]


async def _contacts(tx: Tx, incident: Incident, audience: AudienceDefinition) -> list[Recipient]:
    ids = [member_id(member) for member in audience.members if member.startswith("customer:")]
    if AFFECTED_CUSTOMERS in audience.members:
        service_ids = (await incidents.services(tx, [incident.id]))[incident.id]
        ids += await customer_store.affected_ids(tx, service_ids)
    return await customer_store.contacts_of(tx, ids)


async def _person_ids(tx: Tx, incident: Incident, members: Sequence[str], now: datetime) -> list[int]:
    """Return the people that members of an internal audience stand for, each once."""
    targets: list[str] = []
    for member in members:
        kind, _, which = member.partition(":")
        if kind == "group":
            targets += await response.group_targets(tx, ResponseGroup(which))
        elif kind == ROLE:
            held = (await incidents.roles(tx, [incident.id]))[incident.id]
            targets += [f"person:{each.person_id}" for each in held if each.role == which]
        elif kind not in (ADDRESS, WEBHOOK):
            targets.append(member)
    ids: list[int] = []
    for target in dict.fromkeys(targets):
        kind, number = target.partition(":")[0], member_id(target)
        if kind == "person":
            ids.append(number)
        elif kind == "team":
            ids += [i for i, _ in (await people.members(tx, [number])).get(number, ())]
        else:
            [reached] = await paging.reachable(tx, [ManualTarget(ManualTargetKind(kind), number)], now)
            ids += reached
    return list(dict.fromkeys(ids))


async def member_names(tx: Tx, audiences: Sequence[AudienceDefinition]) -> Mapping[str, str]:
    """Return the names of all members of audiences; one that was deleted has none."""
    members = {member for each in audiences for member in each.members}
    ids: dict[str, list[int]] = {}
    for member in members:
        kind, _, which = member.partition(":")
        if which.isdecimal():
            ids.setdefault(kind, []).append(int(which))
    names = {member: _group_name(member) for member in members if member.startswith("group:")}
    names |= {f"{ROLE}:{role}": f"The {name.lower()}" for role, name in ROLE_NAMES.items()}
    names |= {f"{ADDRESS}:{address}": address for each in audiences for address in addresses_of(each)}
    names |= {
        f"{WEBHOOK}:{url}": webhooks.shown(url) for each in audiences for url in addresses_of(each, WEBHOOK)
    }
    names |= {AFFECTED_CUSTOMERS: "Customers of affected services"}
    names |= {
        f"person:{i}": person.name
        for i, person in (await people.people_by_id(tx, ids.get("person", []))).items()
    }
    names |= {f"team:{team.id}": team.name for team in await people.teams(tx)}
    names |= {
        f"customer:{each.id}": each.name
        for each in await customer_store.customers(tx, ids.get("customer", []))
    }
    return names


def _group_name(member: str) -> str:
    return GROUP_NAMES[ResponseGroup(member.partition(":")[2])]
