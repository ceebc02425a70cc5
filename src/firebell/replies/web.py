"""The address to which the providers of channels post."""

from fastapi import Request, Response

from firebell.channels.base import Edges
from firebell.channels.callback_authentication import read_request
from firebell.channels.callbacks import PATH
from firebell.channels.registry import CHANNELS
from firebell.kit.errors import NotFound, Unavailable
from firebell.kit.web import html, routing, transaction
from firebell.people import route_access
from firebell.replies import actions, committing

router = routing.html_router()


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
    await actions.check_proof(ctx, callbacks, callback, channel, f"{PATH}/{channel}", now)
    signals = callbacks.read(callback)
    try:
        answers = await committing.apply(ctx.db, ctx, declared, provider, signals, now)
        response = callbacks.respond(callback, answers)
    except Unavailable:
        postponed = callbacks.postponed(callback)
        if postponed is None:
            raise
        response = postponed
    return Response(response.body, response.status, media_type=response.content_type)
