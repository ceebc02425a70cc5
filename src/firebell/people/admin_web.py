"""The admin's settings: people, teams, fallback responders, and the audit log."""

from collections.abc import Mapping

from fastapi import Response

from firebell.kit.db.database import Reads
from firebell.kit.errors import Conflict, FirebellError, Invalid
from firebell.kit.text import to_choices, to_id
from firebell.kit.web import flash, html, routing, undo
from firebell.people import access, actions, audit_store, store
from firebell.people.audit_labels import action_label, subject_label
from firebell.people.model import Role
from firebell.people.permissions import Verb
from firebell.people.queries import choosable
from firebell.people.unit_of_work import CurrentVisit, Visit

router = routing.html_router()


PEOPLE_PAGE_SIZE = 100
AUDIT_PAGE_SIZE = 100


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
        "given": fields,
        "linked_person": linked[0],
        "link": linked[1],
        "error": error,
    }
    return await html.render(visit.request, "people/people.html", context)


@router.get("/settings/people", dependencies=access.needs(Verb.PERSON_WRITE))
async def people(visit: CurrentVisit) -> Response:
    return await _people(visit, {})


@router.post("/settings/people", dependencies=access.needs(Verb.PERSON_WRITE))
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


@router.post("/settings/people/{person_id}", dependencies=access.needs(Verb.PERSON_WRITE))
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


@router.post("/settings/people/{person_id}/link", dependencies=access.needs(Verb.PERSON_WRITE))
async def create_link(visit: CurrentVisit, person_id: int) -> Response:
    person = await actions.person(visit.tx, person_id)
    link = await actions.welcome_link(visit.tx, visit.actor, visit.ctx.signer, person_id, visit.now)
    flash.show(visit.request, f"Sign-in link for {person.name} created.")
    return await _people(visit, {}, linked=(person.name, f"{visit.ctx.public_url}{link}"))


async def _teams(visit: Visit, error: FirebellError | None = None) -> Response:
    teams, fallback = await actions.teams(visit.tx), await actions.fallback_responders(visit.tx)
    members = await actions.members(visit.tx, [t.id for t in teams])
    others = await choosable(
        visit.tx, [visit.person.id, *fallback], visit.request.query_params.get("with", "")
    )
    context = {
        "nav": "settings",
        "tab": "teams",
        "others": others,
        "teams": teams,
        "members": members,
        "fallback": fallback,
        "error": error,
    }
    return await html.render(visit.request, "people/teams.html", context)


@router.get("/settings/teams", dependencies=access.needs(Verb.TEAM_WRITE))
async def teams(visit: CurrentVisit) -> Response:
    return await _teams(visit)


async def _team(visit: Visit, slug: str, error: FirebellError | None = None) -> Response:
    team = await actions.team_by_slug(visit.tx, slug)
    members = await actions.team_members(visit.tx, team.id)
    others = await choosable(visit.tx, members, visit.request.query_params.get("with", ""))
    context = {
        "nav": "settings",
        "tab": "teams",
        "team": team,
        "members": members,
        "others": others,
        "error": error,
    }
    return await html.render(visit.request, "people/team.html", context)


@router.get("/settings/teams/{slug}", dependencies=access.needs(Verb.TEAM_WRITE))
async def team(visit: CurrentVisit, slug: str) -> Response:
    return await _team(visit, slug)


@router.post("/settings/teams/{slug}", dependencies=access.needs(Verb.TEAM_WRITE))
async def save_members(visit: CurrentVisit, slug: str) -> Response:
    try:
        chosen = to_choices(visit.form.getlist("member"), "member")
        async with visit.tx.savepoint():
            team = await actions.team_by_slug(visit.tx, slug)
            managers = await actions.team_members(visit.tx, team.id, "manager")
            members = [(i, "manager" if i in managers else "member") for i in chosen]
            await actions.set_team_members(visit.tx, visit.actor, team.id, members, visit.now)
            offer = await undo.offer(visit.tx, visit.ctx.signer, visit.actor, "team.members", visit.now)
    except (Invalid, Conflict) as error:
        return await _team(visit, slug, error)
    return flash.redirect(visit.request, "/settings/teams", f"{team.name} saved.", offer)


@router.post("/settings/teams", dependencies=access.needs(Verb.TEAM_WRITE))
async def create_team(visit: CurrentVisit) -> Response:
    name = visit.text("name")
    try:
        members = [(i, "member") for i in to_choices(visit.form.getlist("member"), "member")]
        async with visit.tx.savepoint():
            await actions.create_team(visit.tx, visit.actor, name=name, members=members, now=visit.now)
    except (Invalid, Conflict) as error:
        return await _teams(visit, error)
    return flash.redirect(visit.request, "/settings/teams", f"{name} created.")


@router.post("/settings/catch-all", dependencies=access.needs(Verb.FALLBACK_WRITE))
async def save_fallback_responders(visit: CurrentVisit) -> Response:
    try:
        chosen = to_choices(visit.form.getlist("member"), "member")
        async with visit.tx.savepoint():
            await actions.set_fallback_responders(visit.tx, visit.actor, chosen, visit.now)
            offer = await undo.offer(visit.tx, visit.ctx.signer, visit.actor, "catch_all.set", visit.now)
    except Invalid as error:
        return await _teams(visit, error)
    return flash.redirect(visit.request, "/settings/teams#catch-all", "Fallback responders saved.", offer)


@router.get("/settings/audit", dependencies=access.needs(Verb.AUDIT_READ))
async def audit(visit: CurrentVisit, before: int | None = None) -> Response:
    entries = await audit_store.audit_entries(visit.tx, before, AUDIT_PAGE_SIZE)
    names = await _subject_names(visit.tx, [entry["subject"] for entry in entries])
    context = {
        "nav": "settings",
        "tab": "audit",
        "rows": [
            (entry, action_label(entry["action"]), subject_label(entry["subject"], names))
            for entry in entries
        ],
        "older": entries[-1]["id"] if len(entries) == AUDIT_PAGE_SIZE else None,
    }
    return await html.render(visit.request, "people/audit.html", context)


async def _subject_names(tx: Reads, subjects: list[str]) -> dict[str, str]:
    """Return the names of the people and teams among subjects such as `person:1`."""
    ids = [int(subject.removeprefix("person:")) for subject in subjects if subject.startswith("person:")]
    people = {f"person:{id_}": person.name for id_, person in (await store.people_by_id(tx, ids)).items()}
    return people | {f"team:{team.id}": team.name for team in await store.teams(tx)}
