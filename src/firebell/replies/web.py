"""The address to which the providers of channels post."""

import logging
from datetime import datetime

from fastapi import Request, Response

from firebell.channels.base import Edges
from firebell.channels.callbacks import PATH
from firebell.channels.proven_requests import check_proof, read_request
from firebell.channels.registry import CHANNELS
from firebell.kit.context import Context
from firebell.kit.errors import Forbidden, NotFound, Unauthenticated, Unavailable
from firebell.kit.web import html, routing, transaction
from firebell.people import route_access
from firebell.replies import actions, store
from firebell.replies.callback_refusals import RefusalCounter

router = routing.html_router()
log = logging.getLogger(__name__)
_counter = RefusalCounter()


@router.post(
    f"{PATH}/{{channel}}/{{provider}}/{{hook}}",
    dependencies=route_access.public("The provider of the channel proves its requests."),
)
async def receive(request: Request, channel: str, provider: str, hook: str) -> Response:
    """Apply what a provider reports; a 2xx means that it is committed, and repeats change nothing."""
    ctx, now = html.ctx(request), transaction.now(request)
    declared = CHANNELS.get(channel)
    if declared is None or declared.callbacks is None:
        raise NotFound("No channel takes requests at this address.")
    callback = await read_request(request, provider, hook, ctx.public_url, now)
    callbacks = declared.callbacks(Edges(ctx.http, ctx.signer, ctx.channel_settings))
    try:
        check_proof(callbacks, callback, channel, ctx.public_url)
    except (Forbidden, Unauthenticated):
        await _count_refusal(ctx, channel, now)
        raise
    signals = callbacks.read(callback)
    try:
        async with ctx.db.tx() as tx:
            answers = await actions.apply(tx, ctx, declared, provider, signals, now)
        response = callbacks.respond(callback, answers)
    except Unavailable:
        postponed = callbacks.postponed(callback)
        if postponed is None:
            raise
        response = postponed
    return Response(response.body, response.status, media_type=response.content_type)


async def _count_refusal(ctx: Context, channel: str, now: datetime) -> None:
    """Store refused requests once there are several (N-CALLBACK); the refusal does not depend on it."""
    count = _counter.add(channel, now)
    if not count:
        return
    try:
        async with ctx.db.tx() as tx:
            await store.record_refusals(tx, channel, f"{ctx.public_url}{PATH}/{channel}/…", count, now)
    except Unavailable:
        log.info("refused requests of message providers are not stored", extra={"channel": channel})
