"""The link with which a reader ends a digest without signing in."""

from typing import Any

from fastapi import Request, Response

from firebell.digests import actions, unsubscribing
from firebell.digests.queries import ORGANIZATION
from firebell.digests.unsubscribing import UnsubscribeLink
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Invalid, NotFound
from firebell.kit.web import html, routing, transaction
from firebell.people import actions as people
from firebell.people import route_access
from firebell.people.model import Person, Team

router = routing.html_router()
SIGNED = route_access.public("The signed link grants access.")


@router.get("/u/digest/{token}", dependencies=SIGNED)
async def unsubscribe_form(request: Request, token: str) -> Response:
    """Show a button; opening the link changes nothing, because mail scanners open links."""
    return await _page(request, token, is_posted=False)


@router.post("/u/digest/{token}", dependencies=SIGNED)
async def unsubscribe(request: Request, token: str) -> Response:
    """End the digest. A mail program gets the same answer as a person (RFC 8058)."""
    return await _page(request, token, is_posted=True)


async def _page(request: Request, token: str, *, is_posted: bool) -> Response:
    ctx, now = html.ctx(request), transaction.now(request)
    try:
        link = unsubscribing.read(ctx, token, now)
        async with ctx.db.tx() as tx:
            person, team = await _of(tx, link)
            if is_posted:
                actor = Actor("link", person.name, person.id)
                await actions.unsubscribe(tx, actor, person.id, team, now)
    except (Invalid, NotFound) as error:
        context: dict[str, Any] = {"error": error, "done": False, "name": "", "person": None}
        return await html.render(request, "digests/unsubscribe.html", context)
    context = {
        "error": None,
        "done": is_posted,
        "name": team.name if team else ORGANIZATION.lower(),
        "person": person,
    }
    return await html.render(request, "digests/unsubscribe.html", context)


async def _of(tx: Tx, link: UnsubscribeLink) -> tuple[Person, Team | None]:
    person = await people.person(tx, link.person_id)
    return person, await people.team(tx, link.team_id) if link.team_id else None
