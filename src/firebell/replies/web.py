"""The address to which the providers of channels post."""

import logging
from datetime import datetime

from fastapi import Request, Response

from firebell.channels.base import Edges
from firebell.channels.callbacks import MAX_CALLBACK_BYTES, PATH, CallbackRequest, ProofStatus
from firebell.channels.registry import CHANNELS
from firebell.kit.context import Context
from firebell.kit.errors import Forbidden, NotFound, TooLarge, Unauthenticated, Unavailable
from firebell.kit.log import OncePerMinute
from firebell.kit.web import html, routing, transaction
from firebell.kit.web.request_body import read_body
from firebell.people import route_access
from firebell.replies import actions, store
from firebell.replies.callback_refusals import RefusalCounter

router = routing.html_router()
log = logging.getLogger(__name__)
_refusals = OncePerMinute(log, "requests of message providers are refused")
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
    body = await read_body(request, MAX_CALLBACK_BYTES)
    if body is None:
        raise TooLarge("The request is larger than 256 KiB.")
    # never from the Host header: a proxy may change it, and anyone can set it
    query = f"?{request.url.query}" if request.url.query else ""
    callback = CallbackRequest(
        provider=provider,
        hook=hook,
        url=f"{ctx.public_url}{request.url.path}{query}",
        query=dict(request.query_params),
        headers=dict(request.headers),
        body=body,
        at=now,
    )
    callbacks = declared.callbacks(Edges(ctx.http, ctx.signer, ctx.channel_settings))
    match callbacks.proof(callback):
        case ProofStatus.ABSENT:
            _refusals.add(f"{channel}: there is no proof, or no secret to check it with")
            await _count_refusal(ctx, channel, now)
            raise Unauthenticated("The request has no proof of the provider.")
        case ProofStatus.BAD:
            # a wrong public address is the usual cause
            _refusals.add(f"{channel}: the proof is wrong for an address below {ctx.public_url}")
            await _count_refusal(ctx, channel, now)
            raise Forbidden("The proof of the provider is wrong.", hint=f"It must be of {callback.url}")
        case ProofStatus.GOOD:
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
