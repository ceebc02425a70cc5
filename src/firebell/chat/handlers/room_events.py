"""What people do to rooms in the chat: it is theirs from then on (spec 8.9, people win)."""

from datetime import datetime

from firebell.chat import store
from firebell.chat.mirror import comparison_queue_store, desired_state, object_store, subject_store
from firebell.chat.model import Account, Room, RoomState
from firebell.incidents import actions as incidents
from firebell.incidents.model import IncidentRole
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Conflict, NotFound
from firebell.people import actions as people
from firebell.people.action_permissions import permits
from firebell.people.permissions import Verb


async def renamed(tx: Tx, account: Account, channel: str, name: str) -> None:
    """Record that a person renamed the channel: Firebell never renames it again."""
    room = await store.room_by_channel(tx, account.id, channel)
    if room and room.name != name:
        await store.change_room(tx, room.id, name=name)
        await store.set_owner(tx, room.id, "name", "human")


async def described(tx: Tx, account: Account, channel: str, field: str, now: datetime) -> None:
    """Record that a person set the topic, purpose, pin or bookmarks of the channel.

    The topic comes back with the next severity or commander.
    """
    room = await store.room_by_channel(tx, account.id, channel)
    if room is None:
        return
    owner = "human"
    if field == "topic":
        incident = await incidents.incident(tx, room.incident_id)
        roles = (await incidents.roles(tx, [incident.id]))[incident.id]
        commander = next((r.person_id for r in roles if r.role is IncidentRole.COMMANDER), 0)
        owner = desired_state.topic_mark_of(incident.severity, commander)
    await store.set_owner(tx, room.id, field, owner)


async def closed_by_person(tx: Tx, account: Account, channel: str, now: datetime) -> None:
    """Record that a person archived or deleted the channel; nothing is fought over."""
    room = await store.room_by_channel(tx, account.id, channel)
    if room and room.state is RoomState.OPEN:
        await store.change_room(tx, room.id, state=RoomState.LOST)
        await _compare(tx, room, now)


async def person_left(tx: Tx, account: Account, channel: str, person_id: int) -> None:
    """Record that a person left the channel: they are not invited again, unless Firebell may have removed them."""
    room = await store.room_by_channel(tx, account.id, channel)
    if room and person_id not in room.left_by and await _may_read(tx, room, person_id):
        await store.change_room(tx, room.id, left_by=[*room.left_by, person_id])


async def _may_read(tx: Tx, room: Room, person_id: int) -> bool:
    incident = await incidents.incident(tx, room.incident_id)
    person = await people.person(tx, person_id)
    return bool(await incidents.readers_among(tx, [incident], [person]))


async def person_joined(tx: Tx, account: Account, channel: str, person_id: int) -> None:
    """Record that a person came back to the channel."""
    room = await store.room_by_channel(tx, account.id, channel)
    if room and person_id in room.left_by:
        await store.change_room(tx, room.id, left_by=[i for i in room.left_by if i != person_id])


async def message_deleted(tx: Tx, account: Account, channel: str, ts: str, now: datetime) -> None:
    """Record that a person deleted one of our messages: it is posted again, three times at most."""
    message = await object_store.object_by_message(tx, account.id, channel, ts)
    if message:
        await object_store.forget_message(tx, account.id, [message.key])
        await comparison_queue_store.want(tx, message.target, 1, now, account.id)
        await tx.wake("chat")


async def _compare(tx: Tx, room: Room, now: datetime) -> None:
    await comparison_queue_store.want(tx, f"inc-{room.incident_id}", 1, now, room.account_id)
    await tx.live(f"inc-{room.incident_id}")
    await tx.wake("chat")


@permits(Verb.INCIDENT_UPDATE)
async def create_room(tx: Tx, actor: Actor, account_id: int, incident_id: int, now: datetime) -> Room:
    """Create a channel for an incident on request, whatever its severity, and in place of a lost one. Idempotent."""
    await incidents.incident(tx, incident_id)
    if await store.account(tx, account_id) is None:
        raise NotFound("There is no such chat account.")
    room = await store.room(tx, account_id, incident_id)
    if room and room.state in (RoomState.OPEN, RoomState.WANTED):
        return room
    if room:
        await store.change_room(tx, room.id, state=RoomState.MOVED)
        if room.external_id:
            await object_store.move_objects(tx, account_id, f"inc-{incident_id}", room.external_id, room.id)
        await object_store.forget_room(tx, account_id, incident_id)
    private = await subject_store.is_private(tx, incident_id)
    room = await store.want_room(tx, account_id, incident_id, private=private)
    await tx.audit(actor, "chat.room_requested", f"INC-{incident_id}", now)
    await _compare(tx, room, now)
    return room


@permits(Verb.INCIDENT_UPDATE)
async def continue_without(tx: Tx, actor: Actor, account_id: int, incident_id: int, now: datetime) -> None:
    """Stop asking about a channel that was lost; raise `Conflict` if it was not."""
    room = await store.room(tx, account_id, incident_id)
    if room is None or room.state is not RoomState.LOST:
        raise Conflict(f"The channel of INC-{incident_id} was not lost.")
    await store.set_owner(tx, room.id, "room", "human")
    await tx.audit(actor, "chat.room_skipped", f"INC-{incident_id}", now)
    await _compare(tx, room, now)


@permits(Verb.INCIDENT_UPDATE)
async def keep_room(tx: Tx, actor: Actor, account_id: int, incident_id: int, now: datetime) -> None:
    """Never archive the channel of an incident. Idempotent."""
    room = await store.room(tx, account_id, incident_id)
    if room is None:
        raise NotFound(f"INC-{incident_id} has no channel.")
    await store.set_owner(tx, room.id, "archive", "human")
    await tx.audit(actor, "chat.room_kept", f"INC-{incident_id}", now)
    await _compare(tx, room, now)
