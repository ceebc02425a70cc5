"""Read models of audiences: what is due in an incident, and what was sent."""

from collections.abc import Sequence
from datetime import datetime

from firebell.audiences import clocks, customer_store, store
from firebell.audiences.clocks import AudienceFacts, Due
from firebell.audiences.incident_audiences import AudienceClock, IncidentAudiences
from firebell.audiences.model import (
    AFFECTED_CUSTOMERS,
    AudienceDefinition,
    AudiencePost,
    AudienceSettings,
    EntryFact,
    Moment,
)
from firebell.audiences.settings import queries as settings_queries
from firebell.incidents.model import UNDECLARED, Incident, Phase
from firebell.kit.db.database import Tx
from firebell.response import actions as response
from firebell.response.model import ResponseGroup

_ENDED = (Phase.CLOSED, Phase.REVIEWED)
_WITHOUT_CLOCKS = (*UNDECLARED, Phase.DISMISSED, Phase.MERGED)


async def of_incidents(tx: Tx, listed: Sequence[Incident]) -> list[IncidentAudiences]:
    """Return the audiences of those incidents that have clocks; the number of statements does not grow with them."""
    ids = [incident.id for incident in listed if incident.phase not in _WITHOUT_CLOCKS]
    by_id = await settings_queries.of_incidents(tx, ids) if ids else {}
    if not by_id:
        return []
    entries, posts = await store.entry_facts(tx, list(by_id)), await store.posts(tx, list(by_id))
    audiences = [each for one in by_id.values() for each in one.audiences]
    has_contacts = await customer_store.has_contacts(tx)
    reachable = await _reachable_members(tx, audiences, has_contacts=has_contacts)
    # while no contact of a customer is kept, the mails to subscribers are those to customers
    mails = {} if has_contacts else await store.subscriber_mails(tx, list(by_id))
    return [
        _audiences_of(
            incident,
            by_id[incident.id],
            entries[incident.id],
            posts[incident.id],
            mails.get(incident.id, ()),
            reachable,
        )
        for incident in listed
        if incident.id in by_id
    ]


async def _reachable_members(
    tx: Tx, audiences: Sequence[AudienceDefinition], *, has_contacts: bool
) -> set[str]:
    """Return the members that reach anyone; customers do once one of them has a contact."""
    members = {member for each in audiences for member in each.members}
    reachable = set()
    for member in members:
        kind, _, which = member.partition(":")
        if kind == "group":
            is_reachable = bool(await response.group_targets(tx, ResponseGroup(which)))
        else:
            is_reachable = has_contacts or not kind.startswith("customer")
        if is_reachable:
            reachable.add(member)
    return reachable


def _facts(incident: Incident, entries: Sequence[EntryFact]) -> AudienceFacts:
    impacted = incident.answers.get("customers_impacted")
    return AudienceFacts(
        declared_at=incident.declared_at,
        severity=incident.severity,
        changes=store.severity_steps(entries),
        occasions=store.occasions(entries),
        resolved_at=incident.resolved_at,
        closed_at=incident.closed_at if incident.phase in _ENDED else None,
        customers_impacted=impacted if isinstance(impacted, bool) else None,
    )


def _audiences_of(
    incident: Incident,
    own: AudienceSettings,
    entries: Sequence[EntryFact],
    posts: Sequence[AudiencePost],
    subscriber_mails: Sequence[datetime],
    reachable: set[str],
) -> IncidentAudiences:
    facts = _facts(incident, entries)
    sent = [post for post in posts if post.recalled_at is None]
    by_hand = [at for _, kind, at, data in entries if kind == "customer_mail" and "post" not in data]
    updates = [at for _, kind, at, _ in entries if kind == "update"]
    mails = [*by_hand, *subscriber_mails] + [
        post.created_at for post in sent if any(text.is_external and text.recipients for text in post.texts)
    ]
    listed = []
    for audience in own.audiences:
        times = [
            post.created_at for post in sent if any(text.audience == audience.slug for text in post.texts)
        ]
        if audience.follows_updates:
            times += updates
        if AFFECTED_CUSTOMERS in audience.members:
            times += by_hand
        times.sort()
        is_empty = not audience.follows_updates and reachable.isdisjoint(audience.members)
        due = None if is_empty else _due(incident, audience, facts, times)
        listed.append(AudienceClock(audience, tuple(times), due, is_empty))
    return IncidentAudiences(
        incident, facts, tuple(listed), tuple(posts), tuple(sorted(mails)), tuple(entries)
    )


def _due(
    incident: Incident, audience: AudienceDefinition, facts: AudienceFacts, times: Sequence[datetime]
) -> Due | None:
    """Return what is due; an audience that reads the room's updates has the room's clock."""
    if not audience.follows_updates:
        return clocks.next_due(audience, facts, times)
    if incident.update_due_at is None or facts.closed_at is not None:
        return None
    moment = Moment.UPDATE if times else Moment.FIRST
    return Due(incident.update_due_at, moment, incident.update_from)


async def of_incident(tx: Tx, incident: Incident) -> IncidentAudiences:
    """Return the audiences of an incident; one that was declared before an upgrade has no clocks."""
    if listed := await of_incidents(tx, [incident]):
        return listed[0]
    own = await settings_queries.of_incident(tx, incident.id)
    entries = (await store.entry_facts(tx, [incident.id]))[incident.id]
    posts = (await store.posts(tx, [incident.id]))[incident.id]
    has_contacts = await customer_store.has_contacts(tx)
    reachable = await _reachable_members(tx, own.audiences, has_contacts=has_contacts)
    mails = () if has_contacts else (await store.subscriber_mails(tx, [incident.id]))[incident.id]
    one = _audiences_of(incident, own, entries, posts, mails, reachable)
    idle = tuple(AudienceClock(each.audience, each.sent, None, each.is_empty) for each in one.clocks)
    return IncidentAudiences(incident, one.facts, idle, one.posts, one.mails, one.entries)


def next_moment(clock: AudienceClock, facts: AudienceFacts) -> Moment:
    """Return which post an audience would get now."""
    if clock.due is not None:
        return clock.due.moment
    if facts.closed_at is not None:
        return Moment.END
    return Moment.UPDATE if clock.sent else Moment.FIRST
