"""Direct messages of the bot to a user."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from firebell.chat.accounts.connected_account import Connected
from firebell.chat.adapter_base.adapter import CallFailed
from firebell.chat.adapter_base.http_calls import call
from firebell.chat.mattermost.known_users import api
from firebell.kit.context import Context

log = logging.getLogger(__name__)


async def send(
    ctx: Context,
    connected: Connected,
    user: str,
    text: str,
    attachments: Sequence[Mapping[str, Any]] = (),
) -> bool:
    """Send a text to a user, with buttons as attachments; return False if the server does not take it."""
    token, bot = connected.secrets.bot_token, connected.account.bot_user
    try:
        channel = await call(ctx.http, "POST", api(connected, "/channels/direct"), [bot, user], token=token)
        post: dict[str, Any] = {"channel_id": str(channel.get("id", "")), "message": text}
        post |= {"props": {"attachments": list(attachments)}} if attachments else {}
        await call(ctx.http, "POST", api(connected, "/posts"), post, token=token)
    except CallFailed as failure:
        log.warning("a direct message was not sent", extra={"reason": failure.code})
        return False
    return True
