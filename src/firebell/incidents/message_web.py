"""The screen with every message about an incident, ready to copy."""

from itertools import groupby

from fastapi import Request, Response

from firebell.incidents import actions
from firebell.incidents.messages import messages
from firebell.kit.refs import parse_ref
from firebell.kit.web import html, routing
from firebell.people import access
from firebell.people.permissions import Verb

router = routing.html_router()


@router.get("/incidents/{ref}/messages", dependencies=access.needs(Verb.INCIDENT_READ))
async def show(request: Request, ref: str) -> Response:
    me, ctx = await access.signed_in(request), html.ctx(request)
    async with ctx.db.tx() as tx:
        incident = await actions.incident(tx, parse_ref("INC", ref))
        all_messages = await messages(tx, incident, ctx.public_url, me.tz, ctx.clock.now())
    groups = [("Suggested now", [m for m in all_messages if m.fits])]
    groups += [
        (name, list(in_group))
        for name, in_group in groupby((m for m in all_messages if not m.fits), lambda m: m.template.group)
    ]
    context = {
        "nav": "incidents",
        "live": f"inc-{incident.id}",
        "i": incident,
        "groups": [(name, in_group) for name, in_group in groups if in_group],
    }
    return await html.render(request, "incidents/messages.html", context)
