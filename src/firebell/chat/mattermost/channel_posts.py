"""Asks Mattermost for the posts of a channel."""

from datetime import datetime

from firebell.chat.accounts.connected_account import Connected
from firebell.chat.adapter_base.http_calls import call
from firebell.chat.mattermost.known_users import api
from firebell.chat.mattermost.posts import Post, millis, read_posts
from firebell.kit.context import Context

POSTS_BYTES = 16 * 1024 * 1024
"""The server answers with up to 1,000 posts; an answer that is cut off could not be read the next time either."""


async def posts_since(ctx: Context, connected: Connected, channel: str, since: datetime) -> list[Post]:
    """Return the posts that changed since an instant, in that order, and the roots of their threads.

    Raises `CallFailed`.
    """
    url = api(connected, f"/channels/{channel}/posts?since={millis(since)}")
    token = connected.secrets.bot_token
    return read_posts(await call(ctx.http, "GET", url, token=token, max_bytes=POSTS_BYTES), channel)
