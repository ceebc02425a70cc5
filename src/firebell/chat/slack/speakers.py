"""Finds out who acts in Slack: the stored user, or what Slack says of a new one."""

from dataclasses import dataclass
from datetime import datetime

from firebell.chat import inbound_store, linking, store
from firebell.chat.model import Account, AccountSecrets
from firebell.chat.scene import Scene
from firebell.chat.slack import calls
from firebell.chat.slack.user_facts import user_facts
from firebell.chat.users import ChatUser, LinkedBy
from firebell.kit.context import Context
from firebell.kit.db.database import Db, Tx


@dataclass(frozen=True, slots=True)
class Connected:
    """An account with its secrets."""

    account: Account
    secrets: AccountSecrets


async def known_user(
    ctx: Context, db: Db, connected: Connected, external_id: str, now: datetime
) -> ChatUser | None:
    """Return a user of the account; ask Slack about one that is new or was not checked for a day.

    If Slack does not answer, the link that was known stays: who is on call must be able to act.
    """
    async with db.tx() as tx:
        user = await inbound_store.user(tx, connected.account.id, external_id)
    if not external_id or (user is not None and not user.needs_check(now)):
        return user
    try:
        answer = await calls.call(ctx, connected.secrets.bot_token, "users.info", user=external_id)
    except calls.SlackError:
        return user
    async with db.tx() as tx:
        return await linking.record_user(
            tx, connected.account, external_id, user_facts(answer.get("user")), now
        )


async def scene_of(
    tx: Tx,
    ctx: Context,
    connected: Connected,
    user: ChatUser | None,
    external_id: str,
    name: str,
    channel: str,
    refused: str,
    now: datetime,
) -> Scene:
    """Return who speaks and where; `refused` is the command that a link page repeats for an unlinked user."""
    account = connected.account
    person = await linking.person_of(tx, user)
    room = await store.room_by_channel(tx, account.id, channel) if channel else None
    shown_name = user.name if user and user.name else name
    return Scene(
        account=account,
        user=external_id,
        user_name=shown_name,
        channel=channel,
        person=person,
        incident=room.incident_id if room else None,
        public_url=ctx.public_url,
        how=user.how if user else LinkedBy.NONE,
        link_url="" if person else linking.link_url(ctx, account, external_id, shown_name, refused, now),
    )
