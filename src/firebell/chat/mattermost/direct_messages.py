"""Direct messages of the bot to a user."""

import logging

from firebell.chat.adapter import CallFailed
from firebell.chat.http_calls import call
from firebell.chat.mattermost.users import api
from firebell.chat.slack.speakers import Connected
from firebell.kit.context import Context

log = logging.getLogger(__name__)


async def send(ctx: Context, connected: Connected, user: str, text: str) -> bool:
    """Send a text to a user; return False if the server does not take it."""
    token, bot = connected.secrets.bot_token, connected.account.bot_user
    try:
        channel = await call(ctx.http, "POST", api(connected, "/channels/direct"), [bot, user], token=token)
        post = {"channel_id": str(channel.get("id", "")), "message": text}
        await call(ctx.http, "POST", api(connected, "/posts"), post, token=token)
    except CallFailed as failure:
        log.warning("a direct message was not sent", extra={"reason": failure.code})
        return False
    return True
