"""The SQL of channels that are read, because their chat does not send its events."""

from datetime import datetime, timedelta

from firebell.chat.model import ChatKind, Room
from firebell.chat.store import room_by_id
from firebell.kit.db.database import Reads, Tx
from firebell.kit.db.database_clock import TOLERANCE

OPEN_INTERVAL = timedelta(seconds=5)
"""How often the channel of an open incident is read."""
CLOSED_INTERVAL = timedelta(minutes=1)
"""How often the channel of an incident that is over is read."""
_IS_OVER = "incident.phase in ('closed', 'reviewed', 'dismissed', 'merged')"
_DUE_AT = f"""
    coalesce(
        room.read_at + case when {_IS_OVER} then $2::interval else $1::interval end,
        room.created_at
    )
"""
_READ_ROOMS = """
    from chat_room room
    join chat_account account on account.id = room.account_id
    join incident on incident.id = room.incident_id
    where account.kind = $3
        and account.state <> 'broken'
        and account.paused_at is null
        and room.state = 'open'
        and room.external_id <> ''
        and room.created_at is not null
"""


async def claim_room(tx: Tx, now: datetime) -> tuple[Room, datetime | None] | None:
    """Return the channel that is to be read next, and until when it was read; None if none is due.

    Another process takes another one.
    """
    row = await tx.row(
        f"""
        update chat_room
        set read_at = $4
        where id = (
            select room.id
            {_READ_ROOMS}
                and ({_DUE_AT} <= $4::timestamptz or room.read_at > $4::timestamptz + $5::interval)
            order by {_DUE_AT}, room.id
            limit 1
            for update of room skip locked
        )
        returning id, read_until
        """,
        OPEN_INTERVAL,
        CLOSED_INTERVAL,
        ChatKind.MATTERMOST,
        now,
        TOLERANCE,
    )
    if row is None:
        return None
    room = await room_by_id(tx, row["id"])
    assert room
    return room, row["read_until"]


async def next_room_at(tx: Reads) -> datetime | None:
    """Return when the next channel is to be read, None if there is none."""
    due_at = await tx.value(
        f"""
        select min({_DUE_AT})
        {_READ_ROOMS}
        """,
        OPEN_INTERVAL,
        CLOSED_INTERVAL,
        ChatKind.MATTERMOST,
    )
    assert due_at is None or isinstance(due_at, datetime)
    return due_at


async def save_read_until(tx: Tx, room_id: int, until: datetime) -> None:
    """Record until when a channel was read."""
    await tx.execute("update chat_room set read_until = $2 where id = $1", room_id, until)
