"""Where an admin adds and changes people."""

from collections.abc import Mapping

from fastapi import Response

from firebell.kit import undo
from firebell.kit.errors import Conflict, FirebellError, Invalid
from firebell.kit.text import to_id
from firebell.kit.web import flash, html, routing
from firebell.people import actions, route_access, store
from firebell.people.model import Role
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import CurrentVisit, Visit

router = routing.html_router()


PEOPLE_PAGE_SIZE = 100


async def _people(
    visit: Visit,
    fields: Mapping[str, str],
    error: FirebellError | None = None,
    linked: tuple[str, str] = ("", ""),
) -> Response:
    """Render one page of the people; `linked` is (name, link) of a person whose sign-in link was just created."""
    q, page = (
        visit.request.query_params.get("q", ""),
        max(1, to_id(visit.request.query_params.get("page")) or 1),
    )
    offset = (min(page, 10**6) - 1) * PEOPLE_PAGE_SIZE
    matches = await store.search(visit.tx, q, limit=PEOPLE_PAGE_SIZE + 1, offset=offset)
    people = matches[:PEOPLE_PAGE_SIZE]
    invited = await store.without_password(visit.tx, [person.id for person in people])
    context = {
        "nav": "settings",
        "tab": "people",
        "people": people,
        "q": q,
        "page": page,
        "more": len(matches) > PEOPLE_PAGE_SIZE,
        "invited": invited,
        "roles": [(role.value, role.value) for role in Role],
        "fields": fields,
        "linked_person": linked[0],
        "link": linked[1],
        "error": error,
    }
    return await html.render(visit.request, "people/people.html", context)


@router.get("/settings/people", dependencies=route_access.needs(Verb.PERSON_WRITE))
async def people(visit: CurrentVisit) -> Response:
    return await _people(visit, {})


@router.post("/settings/people", dependencies=route_access.needs(Verb.PERSON_WRITE))
async def add_person(visit: CurrentVisit) -> Response:
    fields = visit.values
    try:
        async with visit.tx.savepoint():
            person = await actions.create_person(
                visit.tx,
                visit.actor,
                name=fields.get("name", ""),
                email=fields.get("email", ""),
                role=fields.get("role", ""),
                tz=fields.get("tz") or visit.person.tz,
                now=visit.now,
            )
            link = await actions.welcome_link(visit.tx, visit.actor, visit.ctx.signer, person.id, visit.now)
    except (Invalid, Conflict) as error:
        return await _people(visit, fields, error)
    flash.show(visit.request, f"{person.name} added.")
    return await _people(visit, {}, linked=(person.name, f"{visit.ctx.public_url}{link}"))


@router.post("/settings/people/{person_id}", dependencies=route_access.needs(Verb.PERSON_WRITE))
async def save_person(visit: CurrentVisit, person_id: int) -> Response:
    try:
        async with visit.tx.savepoint():
            person = await actions.person(visit.tx, person_id)
            await actions.update_person(
                visit.tx,
                visit.actor,
                person_id,
                role=str(visit.form["role"]) if "role" in visit.form else None,
                active=visit.form.get("active") == "yes" if "active" in visit.form else None,
                now=visit.now,
            )
            offer = await undo.offer(visit.tx, visit.ctx.signer, visit.actor, "person.left", visit.now)
    except (Invalid, Conflict) as error:
        return await _people(visit, {}, error)
    if visit.form.get("active") == "no":
        return flash.redirect(visit.request, "/settings/people", f"{person.name} deactivated.", offer)
    if visit.form.get("active") == "yes":
        text = f"{person.name} reactivated. Their API keys and calendar feeds stay revoked."
        return flash.redirect(visit.request, "/settings/people", text)
    return flash.redirect(visit.request, "/settings/people", f"{person.name}’s role saved.")


@router.post("/settings/people/{person_id}/link", dependencies=route_access.needs(Verb.PERSON_WRITE))
async def create_link(visit: CurrentVisit, person_id: int) -> Response:
    person = await actions.person(visit.tx, person_id)
    link = await actions.welcome_link(visit.tx, visit.actor, visit.ctx.signer, person_id, visit.now)
    flash.show(visit.request, f"Sign-in link for {person.name} created.")
    return await _people(visit, {}, linked=(person.name, f"{visit.ctx.public_url}{link}"))
