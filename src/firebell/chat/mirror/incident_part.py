"""The channels of an incident, for the incident page."""

from dataclasses import dataclass
from datetime import datetime

from firebell.chat import store
from firebell.chat.mirror import desired_state
from firebell.chat.model import CAPABILITIES, Account, AccountState, Room, RoomState
from firebell.incidents.model import OPEN, Incident
from firebell.kit.db.database import Tx
from firebell.kit.slice import IncidentPart

LATE_S = 5
"""A wait that is shown: shorter ones are how chats work."""


@dataclass(frozen=True, slots=True)
class ChannelView:
    """The channel of an incident in one account, or the account in which it may get one."""

    account: Account
    room: Room | None
    url: str
    can_create: bool
    is_lost: bool
    can_keep: bool
    """True if the channel will be archived unless someone keeps it."""
    waits_s: int
    """How long the oldest change waits that the chat does not show; 0 if none waits for long."""

    @property
    def is_broken(self) -> bool:
        """True if nothing reaches the chat."""
        return self.account.state is AccountState.BROKEN or self.account.paused_at is not None


async def load(tx: Tx, incident: Incident, now: datetime) -> list[ChannelView]:
    """Return the channels of an incident, and the accounts in which it may get one."""
    accounts = [a for a in await store.accounts(tx) if CAPABILITIES[a.kind].rooms]
    if not accounts:
        return []
    rooms = {room.account_id: room for room in await store.rooms_of(tx, [incident.id])}
    waiting = await store.waiting_of(tx, f"inc-{incident.id}", now)
    is_open = incident.phase in OPEN
    views = []
    for account in accounts:
        room = rooms.get(account.id)
        has_room = room is not None and room.state in (RoomState.OPEN, RoomState.WANTED)
        waits_s = int(waiting.get(account.id, 0))
        views.append(
            ChannelView(
                account=account,
                room=room,
                url=desired_state.room_url(account, room) if room and room.state is RoomState.OPEN else "",
                can_create=is_open and not has_room,
                is_lost=is_open
                and room is not None
                and room.state is RoomState.LOST
                and "room" not in room.owners,
                can_keep=not is_open
                and room is not None
                and room.state is RoomState.OPEN
                and "archive" not in room.owners,
                waits_s=waits_s if waits_s > LATE_S else 0,
            )
        )
    return [view for view in views if view.room or view.can_create]


PART = IncidentPart(load, "chat/incident_part.html")
