"""The admin's settings: people, teams, fallback responders, and the audit log."""

from collections.abc import Mapping

from fastapi import Request, Response

from firebell.kit.db.database import Reads
from firebell.kit.errors import Conflict, FirebellError, Invalid
from firebell.kit.text import to_choices, to_id
from firebell.kit.web import flash, html, routing, undo
from firebell.people import access, actions, audit_store, store
from firebell.people.audit_labels import action_label, subject_label
from firebell.people.model import Role
from firebell.people.permissions import Verb
from firebell.people.queries import choosable

router = routing.html_router()


PEOPLE_PAGE_SIZE = 100
AUDIT_PAGE_SIZE = 100


async def _people(
    request: Request,
    given: Mapping[str, str],
    error: FirebellError | None = None,
    linked: tuple[str, str] = ("", ""),
) -> Response:
    """Render one page of the people; `linked` is (name, link) of a person whose sign-in link was just created."""
    q, page = request.query_params.get("q", ""), max(1, to_id(request.query_params.get("page")) or 1)
    async with html.ctx(request).db.reads() as tx:
        offset = (min(page, 10**6) - 1) * PEOPLE_PAGE_SIZE
        matches = await store.search(tx, q, limit=PEOPLE_PAGE_SIZE + 1, offset=offset)
        people = matches[:PEOPLE_PAGE_SIZE]
        invited = await store.without_password(tx, [person.id for person in people])
    context = {
        "nav": "settings",
        "tab": "people",
        "people": people,
        "q": q,
        "page": page,
        "more": len(matches) > PEOPLE_PAGE_SIZE,
        "invited": invited,
        "roles": [(role.value, role.value) for role in Role],
        "given": given,
        "linked_person": linked[0],
        "link": linked[1],
        "error": error,
        "errors": error.fields if error else {},
    }
    return await html.render(request, "people/people.html", context, error.status if error else 200)


@router.get("/settings/people", dependencies=access.needs(Verb.PERSON_WRITE))
async def people(request: Request) -> Response:
    return await _people(request, {})


@router.post("/settings/people", dependencies=access.needs(Verb.PERSON_WRITE))
async def add_person(request: Request) -> Response:
    form, me = await access.form(request), await access.signed_in(request)
    ctx, given = html.ctx(request), {name: str(value) for name, value in form.items()}
    try:
        async with ctx.db.tx() as tx:
            person = await actions.create_person(
                tx,
                access.actor_of(me),
                name=given.get("name", ""),
                email=given.get("email", ""),
                role=given.get("role", ""),
                tz=given.get("tz") or me.tz,
                now=ctx.clock.now(),
            )
            link = await actions.welcome_link(tx, access.actor_of(me), ctx.signer, person.id, ctx.clock.now())
    except (Invalid, Conflict) as error:
        return await _people(request, given, error)
    flash.show(request, f"{person.name} added.")
    return await _people(request, {}, linked=(person.name, f"{ctx.public_url}{link}"))


@router.post("/settings/people/{person_id}", dependencies=access.needs(Verb.PERSON_WRITE))
async def save_person(request: Request, person_id: int) -> Response:
    form, me = await access.form(request), await access.signed_in(request)
    ctx, actor = html.ctx(request), access.actor_of(me)
    now = ctx.clock.now()
    try:
        async with ctx.db.tx() as tx:
            person = await actions.person(tx, person_id)
            await actions.update_person(
                tx,
                actor,
                person_id,
                role=str(form["role"]) if "role" in form else None,
                active=form.get("active") == "yes" if "active" in form else None,
                now=now,
            )
            offer = await undo.offer(tx, ctx.signer, actor, "person.left", now)
    except (Invalid, Conflict) as error:
        return await _people(request, {}, error)
    if form.get("active") == "no":
        return flash.redirect(request, "/settings/people", f"{person.name} deactivated.", offer)
    if form.get("active") == "yes":
        text = f"{person.name} reactivated. Their API keys and calendar feeds stay revoked."
        return flash.redirect(request, "/settings/people", text)
    return flash.redirect(request, "/settings/people", f"{person.name}’s role saved.")


@router.post("/settings/people/{person_id}/link", dependencies=access.needs(Verb.PERSON_WRITE))
async def create_link(request: Request, person_id: int) -> Response:
    await access.form(request)
    me, ctx = await access.signed_in(request), html.ctx(request)
    async with ctx.db.tx() as tx:
        person = await actions.person(tx, person_id)
        link = await actions.welcome_link(tx, access.actor_of(me), ctx.signer, person_id, ctx.clock.now())
    flash.show(request, f"Sign-in link for {person.name} created.")
    return await _people(request, {}, linked=(person.name, f"{ctx.public_url}{link}"))


async def _teams(request: Request, error: FirebellError | None = None) -> Response:
    me = await access.signed_in(request)
    async with html.ctx(request).db.reads() as tx:
        teams, fallback = await actions.teams(tx), await actions.fallback_responders(tx)
        members = await actions.members(tx, [t.id for t in teams])
        others = await choosable(tx, [me.id, *fallback], request.query_params.get("with", ""))
    context = {
        "nav": "settings",
        "tab": "teams",
        "others": others,
        "teams": teams,
        "members": members,
        "fallback": fallback,
        "error": error,
        "errors": error.fields if error else {},
    }
    return await html.render(request, "people/teams.html", context, error.status if error else 200)


@router.get("/settings/teams", dependencies=access.needs(Verb.TEAM_WRITE))
async def teams(request: Request) -> Response:
    return await _teams(request)


async def _team(request: Request, slug: str, error: FirebellError | None = None) -> Response:
    async with html.ctx(request).db.reads() as tx:
        team = await actions.team_by_slug(tx, slug)
        members = await actions.team_members(tx, team.id)
        others = await choosable(tx, members, request.query_params.get("with", ""))
    context = {
        "nav": "settings",
        "tab": "teams",
        "team": team,
        "members": members,
        "others": others,
        "error": error,
    }
    return await html.render(request, "people/team.html", context, error.status if error else 200)


@router.get("/settings/teams/{slug}", dependencies=access.needs(Verb.TEAM_WRITE))
async def team(request: Request, slug: str) -> Response:
    return await _team(request, slug)


@router.post("/settings/teams/{slug}", dependencies=access.needs(Verb.TEAM_WRITE))
async def save_members(request: Request, slug: str) -> Response:
    form, me = await access.form(request), await access.signed_in(request)
    ctx, actor = html.ctx(request), access.actor_of(me)
    now = ctx.clock.now()
    try:
        chosen = to_choices(form.getlist("member"), "member")
        async with ctx.db.tx() as tx:
            team = await actions.team_by_slug(tx, slug)
            managers = await actions.team_members(tx, team.id, "manager")
            members = [(i, "manager" if i in managers else "member") for i in chosen]
            await actions.set_team_members(tx, actor, team.id, members, now)
            offer = await undo.offer(tx, ctx.signer, actor, "team.members", now)
    except (Invalid, Conflict) as error:
        return await _team(request, slug, error)
    return flash.redirect(request, "/settings/teams", f"{team.name} saved.", offer)


@router.post("/settings/teams", dependencies=access.needs(Verb.TEAM_WRITE))
async def create_team(request: Request) -> Response:
    form, me = await access.form(request), await access.signed_in(request)
    ctx, name = html.ctx(request), str(form.get("name", ""))
    try:
        members = [(i, "member") for i in to_choices(form.getlist("member"), "member")]
        async with ctx.db.tx() as tx:
            await actions.create_team(
                tx, access.actor_of(me), name=name, members=members, now=ctx.clock.now()
            )
    except (Invalid, Conflict) as error:
        return await _teams(request, error)
    return flash.redirect(request, "/settings/teams", f"{name} created.")


@router.post("/settings/catch-all", dependencies=access.needs(Verb.FALLBACK_WRITE))
async def save_fallback_responders(request: Request) -> Response:
    form, me = await access.form(request), await access.signed_in(request)
    ctx, actor = html.ctx(request), access.actor_of(me)
    now = ctx.clock.now()
    try:
        chosen = to_choices(form.getlist("member"), "member")
        async with ctx.db.tx() as tx:
            await actions.set_fallback_responders(tx, actor, chosen, now)
            offer = await undo.offer(tx, ctx.signer, actor, "catch_all.set", now)
    except Invalid as error:
        return await _teams(request, error)
    return flash.redirect(request, "/settings/teams#catch-all", "Fallback responders saved.", offer)


@router.get("/settings/audit", dependencies=access.needs(Verb.AUDIT_READ))
async def audit(request: Request, before: int | None = None) -> Response:
    async with html.ctx(request).db.tx() as tx:
        entries = await audit_store.audit_entries(tx, before, AUDIT_PAGE_SIZE)
        names = await _subject_names(tx, [entry["subject"] for entry in entries])
    context = {
        "nav": "settings",
        "tab": "audit",
        "rows": [
            (entry, action_label(entry["action"]), subject_label(entry["subject"], names))
            for entry in entries
        ],
        "older": entries[-1]["id"] if len(entries) == AUDIT_PAGE_SIZE else None,
    }
    return await html.render(request, "people/audit.html", context)


async def _subject_names(tx: Reads, subjects: list[str]) -> dict[str, str]:
    """Return the names of the people and teams among subjects such as `person:1`."""
    ids = [int(subject.removeprefix("person:")) for subject in subjects if subject.startswith("person:")]
    people = {f"person:{id_}": person.name for id_, person in (await store.people_by_id(tx, ids)).items()}
    return people | {f"team:{team.id}": team.name for team in await store.teams(tx)}
