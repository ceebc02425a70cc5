"""A connected account with its secrets, and who acts in it."""

from dataclasses import dataclass
from datetime import datetime

from firebell.chat import store
from firebell.chat.linked_users import linking
from firebell.chat.linked_users.chat_context import ChatContext
from firebell.chat.model import Account, AccountSecrets
from firebell.chat.users import ChatUser, LinkedBy
from firebell.kit.context import Context
from firebell.kit.db.database import Tx


@dataclass(frozen=True, slots=True)
class Connected:
    """An account with its secrets."""

    account: Account
    secrets: AccountSecrets


async def chat_context_of(
    tx: Tx,
    ctx: Context,
    connected: Connected,
    user: ChatUser | None,
    external_id: str,
    name: str,
    channel: str,
    refused: str,
    now: datetime,
) -> ChatContext:
    """Return who acts, and in which channel; `refused` is the command that a link page repeats for an unlinked user."""
    account = connected.account
    person = await linking.person_of(tx, user)
    room = await store.room_by_channel(tx, account.id, channel) if channel else None
    shown_name = user.name if user and user.name else name
    return ChatContext(
        account=account,
        user=external_id,
        user_name=shown_name,
        channel=channel,
        person=person,
        incident=room.incident_id if room else None,
        public_url=ctx.public_url,
        how=user.how if user else LinkedBy.NONE,
        link_url="" if person else linking.link_url(ctx, account, external_id, shown_name, refused, now),
        now=now,
    )
