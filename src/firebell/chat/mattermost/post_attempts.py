"""Gives up posts that cannot be handled; later ones don't wait for them."""

import logging
from collections.abc import Awaitable
from datetime import datetime

from firebell.chat.adapter_base.adapter import CallFailed
from firebell.chat.mattermost.posts import Post
from firebell.chat.received.store import GIVE_UP_AFTER
from firebell.kit.errors import Unavailable

log = logging.getLogger(__name__)

COUNTED_POSTS = 1_000


class PostAttempts:
    """How often posts failed, counted in this process."""

    def __init__(self) -> None:
        self._failures: dict[tuple[str, datetime], int] = {}
        """By the id and time of change of a post."""

    async def settle(self, handling: Awaitable[None], account_id: int, channel: str, post: Post) -> bool:
        """Handle a post; return False if it failed and should be read again, True if it is done or given up.

        Raises `CallFailed` or `Unavailable`: then its whole channel is read again.
        """
        version = (post.id, post.updated_at)
        try:
            await handling
        except (CallFailed, Unavailable):
            raise
        except Exception:
            failures = self._failures.pop(version, 0) + 1
            self._failures[version] = failures
            if len(self._failures) > COUNTED_POSTS:
                del self._failures[next(iter(self._failures))]
            where = {"account": account_id, "channel": channel, "post": post.id}
            if failures < GIVE_UP_AFTER:
                log.exception("a post failed", extra=where)
            elif failures == GIVE_UP_AFTER:
                log.exception("a post was given up", extra=where)
            return failures >= GIVE_UP_AFTER
        self._failures.pop(version, None)
        return True
