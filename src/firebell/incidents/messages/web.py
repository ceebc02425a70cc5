"""The screen with every message about an incident, ready to copy."""

from itertools import groupby

from fastapi import Response

from firebell.incidents import actions
from firebell.incidents.messages.queries import messages
from firebell.kit.references import parse_ref
from firebell.kit.web import html, routing
from firebell.people import route_access
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import CurrentVisit

router = routing.html_router()


@router.get("/incidents/{ref}/messages", dependencies=route_access.needs(Verb.INCIDENT_READ))
async def show(visit: CurrentVisit, ref: str) -> Response:
    incident = await actions.incident(visit.tx, parse_ref("INC", ref))
    all_messages = await messages(visit.tx, incident, visit.ctx.public_url, visit.person.tz, visit.now)
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
    return await html.render(visit.request, "incidents/messages.html", context)
