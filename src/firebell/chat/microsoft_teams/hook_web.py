"""The address to which Outgoing Webhooks of Teams post."""

from fastapi import Request, Response

from firebell.chat.microsoft_teams.inbound import receiver_of
from firebell.kit.web import html, routing
from firebell.people import route_access

router = routing.html_router()


@router.post("/chat/teams", dependencies=route_access.public("Teams signs its requests."))
async def receive_teams(request: Request) -> Response:
    """Receive what people write to Firebell."""
    return await receiver_of(request.app.state, html.ctx(request)).receive(request)
