"""The addresses to which Mattermost posts."""

from fastapi import Request, Response

from firebell.chat.mattermost.inbound import receiver_of
from firebell.kit.web import html, routing
from firebell.people import route_access

router = routing.html_router()


@router.post("/chat/mattermost/command", dependencies=route_access.public("A command carries its token."))
async def receive_command(request: Request) -> Response:
    """Receive a slash command."""
    return await receiver_of(request.app.state, html.ctx(request)).command(request)


@router.post("/chat/mattermost/action", dependencies=route_access.public("A button carries a signed token."))
async def receive_action(request: Request) -> Response:
    """Receive a pressed button."""
    return await receiver_of(request.app.state, html.ctx(request)).action(request)


@router.post("/chat/mattermost/dialog", dependencies=route_access.public("A dialog carries a signed token."))
async def receive_dialog(request: Request) -> Response:
    """Receive a submitted dialog."""
    return await receiver_of(request.app.state, html.ctx(request)).dialog(request)
