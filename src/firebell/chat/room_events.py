"""What people do to rooms in the chat: it is theirs from then on."""

from datetime import datetime

from firebell.chat import store
from firebell.chat.model import Account, RoomState
from firebell.kit.db.database import Tx


async def renamed(tx: Tx, account: Account, channel: str, name: str) -> None:
    """Record that a person renamed the channel."""
    room = await store.room_by_channel(tx, account.id, channel)
    if room and room.name != name:
        await store.change_room(tx, room.id, name=name)


async def closed_by_person(tx: Tx, account: Account, channel: str, now: datetime) -> None:
    """Record that a person archived or deleted the channel; nothing is fought over."""
    room = await store.room_by_channel(tx, account.id, channel)
    if room and room.state is RoomState.OPEN:
        await store.change_room(tx, room.id, state=RoomState.LOST)


async def person_left(tx: Tx, account: Account, channel: str, person_id: int) -> None:
    """Record that a person left the channel."""


async def person_joined(tx: Tx, account: Account, channel: str, person_id: int) -> None:
    """Record that a person came back to the channel."""


async def message_deleted(tx: Tx, account: Account, channel: str, ts: str, now: datetime) -> None:
    """Record that a person deleted one of our messages."""
