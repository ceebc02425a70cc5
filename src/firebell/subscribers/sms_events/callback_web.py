"""The address to which the providers of text messages post what the public numbers receive."""

from fastapi import Request, Response

from firebell.channels.base import Edges
from firebell.channels.callback_authentication import read_request
from firebell.channels.phone import public_sms
from firebell.kit.web import html, routing, transaction
from firebell.people import route_access
from firebell.replies import actions as replies
from firebell.subscribers.sms_events import actions as sms_actions

router = routing.html_router()

LABEL = "Text messages to subscribers"
"""What refused requests are counted and listed as."""


@router.post(
    f"{public_sms.HOOKS}/sms/{{provider}}/{{hook}}",
    dependencies=route_access.public("The provider of text messages proves its requests."),
)
async def receive(request: Request, provider: str, hook: str) -> Response:
    """Apply what a provider reports; a 2xx means that it is committed, and repeats change nothing."""
    ctx, now = html.ctx(request), transaction.now(request)
    callback = await read_request(request, provider, hook, ctx.public_url, now)
    callbacks = public_sms.callbacks(Edges(ctx.http, ctx.signer, ctx.channel_settings))
    await replies.check_proof(ctx, callbacks, callback, LABEL, f"{public_sms.HOOKS}/sms", now)
    async with ctx.db.tx() as tx:
        answers = await sms_actions.apply_signals(tx, ctx, provider, callbacks.read(callback), now)
    response = callbacks.respond(callback, answers)
    return Response(response.body, response.status, media_type=response.content_type)
