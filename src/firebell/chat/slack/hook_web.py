"""The address to which Slack posts."""

from fastapi import Request, Response

from firebell.chat.slack.inbound import SlackReceiver
from firebell.kit.web import html, routing
from firebell.people import route_access

router = routing.html_router()


@router.post("/chat/slack", dependencies=route_access.public("Slack signs its requests."))
async def receive_slack(request: Request) -> Response:
    """Receive commands, buttons, forms and events of Slack."""
    state = request.app.state
    if not hasattr(state, "slack_receiver"):
        state.slack_receiver = SlackReceiver(html.ctx(request))
    receiver: SlackReceiver = state.slack_receiver
    return await receiver.receive(request)
