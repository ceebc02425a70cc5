"""A person's own profile, password and theme, and the page More."""

from fastapi import Request, Response

from firebell.kit.errors import Conflict, FirebellError, Invalid, TooMany
from firebell.kit.web import flash, html, routing, transaction
from firebell.people import actions, authentication, route_access
from firebell.people.permissions import Verb
from firebell.people.sign_in import actions as sign_in
from firebell.people.unit_of_work import CurrentVisit

router = routing.html_router()


@router.post("/theme", dependencies=route_access.needs(Verb.OWN_PROFILE_WRITE))
async def theme(visit: CurrentVisit) -> Response:
    after = {"auto": "dark", "dark": "light", "light": "auto"}
    chosen = str(visit.form.get("theme") or after[visit.person.theme])
    await actions.update_person(visit.tx, visit.actor, visit.person.id, theme=chosen, now=visit.now)
    names = {"auto": "System default", "light": "Light", "dark": "Dark"}
    text = f"Appearance: {names.get(chosen, names['auto'])}."
    return flash.redirect(visit.request, html.came_from(visit.request), text)


@router.get("/more", dependencies=route_access.needs(Verb.OWN_PROFILE_READ))
async def more(visit: CurrentVisit) -> Response:
    return await html.render(visit.request, "people/more.html", {"nav": "more"})


async def _profile(request: Request, error: FirebellError | None = None) -> Response:
    context = {
        "nav": "settings",
        "tab": "profile",
        "error": error,
        "errors": {"new" if name == "password" else name: text for name, text in error.fields.items()}
        if error
        else {},
    }
    return await html.render(request, "people/profile.html", context)


@router.get("/settings", dependencies=route_access.needs(Verb.OWN_PROFILE_READ))
async def profile(visit: CurrentVisit) -> Response:
    return await _profile(visit.request)


@router.post("/settings", dependencies=route_access.needs(Verb.OWN_PROFILE_WRITE))
async def save_profile(visit: CurrentVisit) -> Response:
    try:
        async with visit.tx.savepoint():
            await actions.update_person(
                visit.tx,
                visit.actor,
                visit.person.id,
                name=visit.text("name"),
                tz=visit.text("tz"),
                theme=visit.text("theme"),
                now=visit.now,
            )
    except Invalid as error:
        return await _profile(visit.request, error)
    return flash.redirect(visit.request, "/settings", "Profile saved.")


@router.post("/settings/password", dependencies=route_access.needs(Verb.OWN_PROFILE_WRITE))
async def save_password(request: Request) -> Response:
    form, me = await route_access.form(request), await authentication.signed_in(request)
    ctx = html.ctx(request)
    now, actor = transaction.now(request), authentication.actor_of(me)
    # hashing a password takes longer than a transaction should stay open
    try:
        verified = await sign_in.sign_in(request, me.email, str(form.get("old", "")))
        new_hash = await actions.hash_password(str(form.get("new", "")), me)
        async with ctx.db.tx() as tx:
            await actions.change_password(tx, actor, me.id, verified.password_hash, new_hash, now)
            session = await sign_in.open_session(tx, request, me, now)
    except (Invalid, TooMany, Conflict) as error:
        return await _profile(request, error)
    text = "Password changed. You’re signed out everywhere else. API keys and calendar feeds still work."
    response = flash.redirect(request, "/settings/sessions", text)
    sign_in.keep_session(request, response, me, session)
    return response
