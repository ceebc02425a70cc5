"""The address to which Git hosts report a push; it only asks for a fetch, and believes nothing in the body."""

from fastapi import Request, Response, status

from firebell.kit.text import to_id
from firebell.kit.web import html, routing
from firebell.people import route_access
from firebell.runbooks.sources import actions, signatures, store

router = routing.html_router()


@router.post(
    "/in/runbooks/{source_id}",
    dependencies=route_access.public("The host of a repository signs its notifications."),
)
async def notified(request: Request, source_id: str) -> Response:
    ctx, body = html.ctx(request), await request.body()
    now = ctx.clock.now()
    number = to_id(source_id) or 0
    async with ctx.db.tx() as tx:
        secret = await store.open_hook_secret(tx, number)
        if not signatures.is_signed(request.headers, body, secret, now.timestamp()):
            return Response(status_code=status.HTTP_401_UNAUTHORIZED)
        await actions.notified(tx, number, now)
    return Response(status_code=status.HTTP_202_ACCEPTED)
