"""The page on which a person links their user of a chat, opened from the chat."""

from fastapi import Response

from firebell.chat.linked_users import linking
from firebell.kit.web import flash, html, routing
from firebell.people import route_access
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import CurrentVisit

router = routing.html_router()


@router.get("/chat/link/{token}", dependencies=route_access.needs(Verb.OWN_PROFILE_READ))
async def link_form(visit: CurrentVisit, token: str) -> Response:
    """Show which user of which workspace would be linked; opening the page changes nothing."""
    request = linking.read_link(visit.ctx, token, visit.now)
    context = {"nav": "settings", "request_": request, "person": visit.person}
    return await html.render(visit.request, "chat/link.html", context)


@router.post("/chat/link/{token}", dependencies=route_access.needs(Verb.OWN_PROFILE_WRITE))
async def link(visit: CurrentVisit, token: str) -> Response:
    """Link the user to who is signed in."""
    request = linking.read_link(visit.ctx, token, visit.now)
    await linking.link_self(visit.tx, visit.actor, request, visit.now)
    text = f"{request.user_name or request.user} in {request.workspace} is linked to your account."
    if request.refused:
        text += f" Run it again: {request.refused}"
    return flash.redirect(visit.request, "/settings", text)
