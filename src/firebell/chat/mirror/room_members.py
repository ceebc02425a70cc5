"""Who is invited to the channel of an incident, and who is removed from it (pure)."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from firebell.chat.adapter_base.operations import Rank, Wanted, WantedKind
from firebell.chat.facts import IncidentFacts, Someone
from firebell.chat.model import Room

READERS_INTERVAL = timedelta(minutes=1)
"""How often it is checked who in a private channel may still read its incident."""


def member_key(person_id: int) -> str:
    """Return the key of the user that a person is in the chat."""
    return f"person-{person_id}"


def invitation_key(incident_id: int) -> str:
    """Return the key of the invitation of everyone who belongs in the channel of an incident."""
    return f"inc-{incident_id}/invite"


def members(people: Sequence[Someone]) -> list[Wanted]:
    """Return the users to find for people."""
    return [
        Wanted(member_key(person.id), WantedKind.MEMBER, Rank.MEMBER, (person.email,)) for person in people
    ]


def room_members(facts: IncidentFacts, room: Room | None, users: Mapping[int, str]) -> list[Wanted]:
    """Return the removals, the users to find, and the invitation; who left is not invited again."""
    wanted = [*_removals(facts, room), *members(facts.invited)]
    left_by = room.left_by if room else ()
    invited = sorted(users[p.id] for p in facts.invited if p.id in users and p.id not in left_by)
    if invited and facts.is_open:
        wanted.append(Wanted(invitation_key(facts.id), WantedKind.INVITE, Rank.INVITE, tuple(invited)))
    return wanted


def _removals(facts: IncidentFacts, room: Room | None) -> list[Wanted]:
    """Return the removals of users Firebell invited, except a user who is also someone who may read."""
    if room is None or not facts.barred_ids:
        return []
    staying = {user for person_id, user in room.invited.items() if int(person_id) not in facts.barred_ids}
    return [
        # before anything else is posted in the channel
        Wanted(f"inc-{facts.id}/remove-{user}", WantedKind.REMOVE, Rank.ROOM, (user,))
        for user in sorted(set(room.invited.values()) - staying)
    ]


def next_check(room: Room | None, now: datetime) -> list[datetime]:
    """Return when the readers of a private channel are to be checked again; empty for other channels."""
    return [now + READERS_INTERVAL] if room and room.private and room.invited else []
