"""Finds out who acts in Slack: the stored user, or what Slack says of a new one."""

from datetime import datetime

from firebell.chat.accounts.connected_account import Connected
from firebell.chat.linked_users import linking
from firebell.chat.received import store as inbound_store
from firebell.chat.slack import interactive_calls
from firebell.chat.slack.user_facts import user_facts
from firebell.chat.users import ChatUser
from firebell.kit.context import Context
from firebell.kit.db.database import Db


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
        answer = await interactive_calls.call(
            ctx, connected.secrets.bot_token, "users.info", user=external_id
        )
    except interactive_calls.SlackError:
        return user
    async with db.tx() as tx:
        return await linking.record_user(
            tx, connected.account, external_id, user_facts(answer.get("user")), now
        )
