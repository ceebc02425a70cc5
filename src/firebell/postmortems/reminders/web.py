"""The form that assigns the author of a post-mortem."""

from fastapi import Response

from firebell.kit.errors import Conflict, Invalid
from firebell.kit.references import parse_ref
from firebell.kit.text import to_required
from firebell.kit.web import flash, html, routing
from firebell.people import actions as people
from firebell.people import route_access
from firebell.people.permissions import Verb
from firebell.people.queries import choosable
from firebell.people.unit_of_work import CurrentVisit, Visit
from firebell.postmortems import lookup
from firebell.postmortems.reminders import actions

router = routing.html_router()


@router.get("/post-mortems/{ref}/author", dependencies=route_access.needs(Verb.POSTMORTEM_WRITE))
async def choose_author(visit: CurrentVisit, ref: str) -> Response:
    return await _form(visit, parse_ref("INC", ref))


async def _form(visit: Visit, incident_id: int, error: Conflict | Invalid | None = None) -> Response:
    postmortem = await lookup.of_incident(visit.tx, incident_id)
    chosen = [postmortem.author_id] if postmortem.author_id else []
    context = {
        "nav": "postmortems",
        "d": postmortem,
        "people": await choosable(
            visit.tx, [visit.person.id, *chosen], chosen=chosen, verb=Verb.POSTMORTEM_WRITE
        ),
        "chosen": visit.values.get("person", postmortem.author_id or ""),
        "error": error,
    }
    return await html.render(visit.request, "postmortems/author.html", context)


@router.post("/post-mortems/{ref}/author", dependencies=route_access.needs(Verb.POSTMORTEM_WRITE))
async def assign_author(visit: CurrentVisit, ref: str) -> Response:
    incident_id = parse_ref("INC", ref)
    try:
        async with visit.tx.savepoint():
            person_id = to_required(visit.values.get("person"), "person")
            await actions.assign_author(visit.tx, visit.actor, incident_id, person_id, visit.now)
    except (Conflict, Invalid) as error:
        return await _form(visit, incident_id, error)
    author = await people.person(visit.tx, person_id)
    url = f"/post-mortems/INC-{incident_id}"
    return flash.redirect(visit.request, url, f"{author.name} writes the post-mortem.")
