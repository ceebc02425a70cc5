"""Handlers of emoji, pins and joins in the channel of an incident."""

from datetime import datetime

from firebell.chat.adapter_base.message_model import clip
from firebell.chat.handlers import room_events, timeline_capture
from firebell.chat.handlers.incident_queries import visible_incident
from firebell.chat.intents.captured_messages import CapturedMessage
from firebell.chat.linked_users.chat_context import ChatContext
from firebell.chat.model import Room
from firebell.chat.received import store as inbound_store
from firebell.incident_tasks import actions as tasks
from firebell.incidents import actions as incidents
from firebell.incidents.model import IncidentRole
from firebell.kit import private_reader
from firebell.kit.db.database import Tx
from firebell.kit.errors import FirebellError, Unavailable
from firebell.people.model import Role
from firebell.people.permissions import Rights, Verb, allows


def is_responder(context: ChatContext) -> bool:
    """Return True if who acts is linked to someone who may write to incidents."""
    person = context.person
    return person is not None and allows(Rights(Role(person.role)), Verb.INCIDENT_UPDATE)


async def capture_message(
    tx: Tx, context: ChatContext, incident_id: int, kind: str, message: CapturedMessage, now: datetime
) -> bool:
    """Capture a message if a responder asks for it; return False if nothing was stored."""
    if not is_responder(context):
        return False
    try:
        async with tx.savepoint():
            with private_reader.as_reader(context.reader):
                await timeline_capture.capture(tx, context, incident_id, kind, message, now)
    except Unavailable:
        raise
    except FirebellError:
        # refused for good: a private incident, or an account that may no longer write
        return False
    return True


async def add_task(
    tx: Tx, context: ChatContext, incident_id: int, message: CapturedMessage, now: datetime
) -> bool:
    """Add a message as a task if a responder asks for it, once; return False if nothing was stored."""
    key = f"task:{message.channel}:{message.ts}"
    if not is_responder(context) or not message.text.strip():
        return False
    try:
        async with tx.savepoint():
            with private_reader.as_reader(context.reader):
                if not await inbound_store.claim(tx, context.account.id, key, now):
                    return False
                incident = await visible_incident(tx, context, incident_id)
                text = clip(" ".join(message.text.split()), tasks.TEXT_MAX_CHARS)
                await tasks.add_task(tx, context.actor, incident.id, text, now)
    except Unavailable:
        raise
    except FirebellError:
        # refused for good: a private incident, one that is over, or an account that may no longer write
        return False
    return True


async def joined(tx: Tx, context: ChatContext, room: Room, now: datetime) -> None:
    """Record that a person joined the channel: a responder is a responder of its incident from then on."""
    if context.person is None:
        return
    await room_events.person_joined(tx, context.account, room.external_id, context.person.id)
    if not is_responder(context):
        return
    roles = (await incidents.roles(tx, [room.incident_id]))[room.incident_id]
    if any(each.person_id == context.person.id for each in roles):
        return
    try:
        async with tx.savepoint():
            await incidents.take_role(
                tx, context.actor, room.incident_id, IncidentRole.RESPONDER, context.person.id, now
            )
    except Unavailable:
        raise
    except FirebellError:
        # it is over: who reads along is no responder anymore
        return
