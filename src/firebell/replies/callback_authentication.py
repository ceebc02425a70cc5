"""Check who made a request of a provider, and store refusals once there are several (N-CALLBACK)."""

import logging
from datetime import datetime

from firebell.channels.callback_authentication import check_proof
from firebell.channels.callbacks import CallbackRequest, Callbacks
from firebell.kit.context import Context
from firebell.kit.errors import Forbidden, Unauthenticated, Unavailable
from firebell.replies import store
from firebell.replies.callback_refusals import RefusalCounter

log = logging.getLogger(__name__)
_counter = RefusalCounter()


async def check(
    ctx: Context, callbacks: Callbacks, request: CallbackRequest, channel: str, path: str, now: datetime
) -> None:
    """Raise `Unauthenticated` or `Forbidden` unless the provider made the request; `path` begins its address."""
    try:
        check_proof(callbacks, request, channel, ctx.public_url)
    except (Forbidden, Unauthenticated):
        await _count_refusal(ctx, channel, f"{ctx.public_url}{path}/…", now)
        raise


async def _count_refusal(ctx: Context, channel: str, url: str, now: datetime) -> None:
    """Store refused requests once there are several; the refusal does not depend on it."""
    count = _counter.add(channel, now)
    if not count:
        return
    try:
        async with ctx.db.tx() as tx:
            await store.record_refusals(tx, channel, url, count, now)
    except Unavailable:
        log.info("refused requests of message providers are not stored", extra={"channel": channel})
