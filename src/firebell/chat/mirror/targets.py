"""A target of the mirror as it is wanted and as it is: an incident, a page, a storm, an old room, the groups."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from firebell.chat import store
from firebell.chat.adapter_base.adapter import Call
from firebell.chat.adapter_base.operations import Desired, Op, OpKind
from firebell.chat.facts import IncidentFacts
from firebell.chat.mirror import (
    comparison_queue_store,
    desired_state,
    fact_queries,
    object_store,
    room_members,
)
from firebell.chat.model import CAPABILITIES, Account, ChatObject, ObjectState, Room, RoomState
from firebell.chat.received import store as inbound_store
from firebell.kit.db.database import Tx

GROUPS_INTERVAL = timedelta(minutes=5)
"""How often the members of user groups are compared with who is on call."""


@dataclass(frozen=True, slots=True)
class Target:
    """One target: what is wanted, what is there, and the room that its calls are about."""

    desired: Desired
    actual: dict[str, ChatObject]
    room: Room | None = None
    facts: IncidentFacts | None = None
    began_at: datetime | None = None
    """When the incident, page or storm began; None for other targets."""
    members: Mapping[int, str] = field(default_factory=dict)
    """The users of the people who belong in the room."""


async def load(tx: Tx, account: Account, target: str, public_url: str, now: datetime) -> Target:
    """Return a target; raise `NotFound` if its incident does not exist."""
    kind, _, rest = target.partition("-")
    if kind == "inc":
        return await _incident(tx, account, int(rest), public_url, now)
    if kind == "pg":
        return await _page(tx, account, target, int(rest), public_url, now)
    if kind == "room":
        return await _old_room(tx, account, target, int(rest))
    if target.startswith("storm@"):
        return await _storm(tx, account, target, public_url, now)
    return await _groups(tx, account, target, now)


async def _incident(tx: Tx, account: Account, incident_id: int, public_url: str, now: datetime) -> Target:
    facts = await fact_queries.incident_facts(tx, incident_id, account, public_url, now)
    can = CAPABILITIES[account.kind]
    room = await store.room(tx, account.id, incident_id)
    if room and facts.private and not room.private and room.state is RoomState.OPEN:
        await _leave_public_room(tx, account, room, now)
        room = await store.want_room(tx, account.id, incident_id, private=True)
    if room and facts.is_open and room.state is RoomState.ARCHIVED:
        # it was reopened: a bot cannot take a channel out of the archive
        await store.change_room(tx, room.id, state=RoomState.MOVED)
        await object_store.forget_room(tx, account.id, incident_id)
        room = None
    member_keys = {room_members.member_key(person.id): person.id for person in facts.invited}
    actual = await object_store.objects(tx, account.id, f"inc-{incident_id}", list(member_keys))
    members = await _members(tx, account, member_keys, actual)
    if desired_state.wants_room(facts, account, can, room) and room is None:
        room = await store.want_room(tx, account.id, incident_id, private=facts.private)
    known = [key for key, thing in actual.items() if thing.state is not ObjectState.NONE or thing.ts]
    wanted = desired_state.incident(facts, account, can, room, members, known, now)
    return Target(wanted, actual, room, facts, facts.began_at, members)


async def _members(
    tx: Tx, account: Account, member_keys: Mapping[str, int], actual: Mapping[str, ChatObject]
) -> dict[int, str]:
    """Return the users of people: those who are linked, else those with the same email."""
    by_email = {i: actual[key].ts for key, i in member_keys.items() if key in actual and actual[key].ts}
    return by_email | await inbound_store.users_of_people(tx, account.id, list(member_keys.values()))


async def _leave_public_room(tx: Tx, account: Account, room: Room, now: datetime) -> None:
    """Give up the room of an incident that became private: a bot cannot make a channel private."""
    await store.change_room(tx, room.id, state=RoomState.MOVED)
    await object_store.move_objects(tx, account.id, f"inc-{room.incident_id}", room.external_id, room.id)
    await comparison_queue_store.want(tx, f"room-{room.id}", 1, now, account.id)


async def _old_room(tx: Tx, account: Account, target: str, room_id: int) -> Target:
    room = await store.room_by_id(tx, room_id)
    actual = await object_store.objects(tx, account.id, target)
    if room is None:
        return Target(Desired(()), actual)
    prefix = f"{target}/inc-{room.incident_id}/"
    keys = [
        key
        for key, thing in actual.items()
        if key.startswith(prefix)
        and thing.part_of is None
        and (thing.ts or thing.state is ObjectState.SENDING)
    ]
    keys = [
        key for key in keys if not key.endswith(("/room", "/pin", "/invite", "/topic", "/purpose", "/name"))
    ]
    day = f"{room.created_at:%Y-%m-%d}" if room.created_at else ""
    return Target(desired_state.old_room(keys, room, day), actual, room)


async def _page(
    tx: Tx, account: Account, target: str, page_id: int, public_url: str, now: datetime
) -> Target:
    loaded = await fact_queries.page_facts(tx, [page_id], account, public_url, now)
    actual = await object_store.objects(tx, account.id, target)
    if not loaded:
        return Target(Desired(()), actual)
    (facts,) = loaded
    wanted = desired_state.page(facts, account, CAPABILITIES[account.kind], list(actual))
    alone = []
    for want in wanted.wanted:
        thing = actual.get(want.key)
        if want.channel and await _is_in_storm(tx, account, want.channel, facts.severity, thing, now):
            key = thing.part_of if thing and thing.part_of else desired_state.storm_key(want.channel, now)
            await object_store.cover(tx, account.id, target, want.key, want.channel, key, want.hash, now)
            await comparison_queue_store.want(tx, key, 0, now, account.id)
        else:
            alone.append(want)
    return Target(Desired(tuple(alone), wanted.next_at), actual, began_at=facts.triggered_at)


async def _is_in_storm(
    tx: Tx, account: Account, channel: str, severity: int | None, thing: ChatObject | None, now: datetime
) -> bool:
    if thing is not None and (thing.part_of or thing.ts or thing.state is not ObjectState.NONE):
        return thing.part_of is not None
    if severity in (0, 1) or channel == "-":
        return False
    since = now - desired_state.STORM_WINDOW
    return await object_store.posted_since(tx, account.id, channel, since) >= desired_state.STORM_PAGES


async def _storm(tx: Tx, account: Account, target: str, public_url: str, now: datetime) -> Target:
    channel, _, number = target.removeprefix("storm@").rpartition("/")
    began_at = datetime.fromtimestamp(int(number) * desired_state.STORM_KEY_S, UTC)
    page_ids = await object_store.covered_pages(tx, account.id, target)
    pages = await fact_queries.page_facts(tx, page_ids, account, public_url, now)
    actual = await object_store.objects(tx, account.id, target)
    return Target(desired_state.storm(target, channel, pages, public_url), actual, began_at=began_at)


async def _groups(tx: Tx, account: Account, target: str, now: datetime) -> Target:
    people = await fact_queries.group_people(tx, account.settings.groups, now)
    member_keys = {room_members.member_key(p.id): p.id for each in people.values() for p in each}
    actual = await object_store.objects(tx, account.id, target, list(member_keys))
    members = await _members(tx, account, member_keys, actual)
    next_at = now + GROUPS_INTERVAL if people else None
    return Target(desired_state.groups(people, members, next_at), actual)


def channel_of(op: Op, target: Target) -> str:
    """Return the channel of a call, empty if it is about none."""
    if op.in_room:
        return target.room.external_id if target.room else ""
    return "" if op.channel == "-" else op.channel


def call_of(op: Op, target: Target, name_max_chars: int, nonce: str, now: datetime) -> Call:
    """Return the call of an op with all ids filled in."""
    thing = target.actual.get(op.key)
    thread = target.actual.get(op.thread)
    room, facts = target.room, target.facts
    ts = thing.ts if thing else ""
    if op.kind is OpKind.PIN:
        ts = target.actual[op.value[0]].ts
    name = ""
    if op.kind in (OpKind.CREATE_ROOM, OpKind.FIND_ROOM, OpKind.RENAME):
        if facts is not None:
            name = desired_state.room_name(facts, room.attempt if room else 1, name_max_chars)
        else:
            name = op.value[0] if op.value else ""
    is_find = op.kind in (OpKind.FIND_POST, OpKind.FIND_ROOM)
    return Call(
        kind=op.kind,
        key=op.key,
        hash=op.hash,
        nonce=thing.nonce if is_find and thing else nonce,
        channel=channel_of(op, target),
        ts=ts,
        thread_ts=thread.ts if thread else "",
        value=op.value,
        content=op.content,
        name=name,
        began_at=target.began_at,
        private=room.private if room else False,
        since=(
            thing.attempt_at if is_find and thing else now if op.kind is OpKind.ARCHIVE and facts else None
        ),
    )
