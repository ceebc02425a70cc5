"""Acts once per key, for chats that are answered in the request."""

from datetime import datetime

from firebell.chat.handlers import dispatch as handlers
from firebell.chat.intents import commands
from firebell.chat.intents.model import Intent
from firebell.chat.intents.reply_model import Reply
from firebell.chat.linked_users.chat_context import ChatContext
from firebell.chat.received import store as inbound_store
from firebell.kit.db.database import Tx


class _Refused(Exception):  # noqa: N818 - rolls back, and is not an error
    """Rolls back the key of a request of which nothing was done, so that it can be sent again."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.text)
        self.reply = reply


async def act_once(
    tx: Tx, context: ChatContext, key: str, intent: Intent, now: datetime, command: str = commands.INCIDENT
) -> Reply:
    """Do what an intent asks for, once per key; a repetition gets the same answer.

    The key of what was refused, or asks for more in a form, is given up.
    """
    try:
        async with tx.savepoint():
            reply = await _act(tx, context, key, intent, now, command)
    except _Refused as refused:
        return refused.reply
    # messages show at once what was pressed
    await tx.wake("chat")
    return reply


async def _act(tx: Tx, context: ChatContext, key: str, intent: Intent, now: datetime, command: str) -> Reply:
    account_id = context.account.id
    if not await inbound_store.claim(tx, account_id, key, now):
        stored = await inbound_store.answer(tx, account_id, key) or {}
        return Reply(str(stored.get("text") or "This has already been done."))
    reply = await handlers.handle(tx, context, intent, now, command)
    if not reply.done or reply.modal is not None:
        raise _Refused(reply)
    await inbound_store.save_answer(tx, account_id, key, {"text": reply.text})
    return reply
