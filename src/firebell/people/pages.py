"""Sign-in and settings."""

from fastapi import APIRouter, Request, Response

from firebell.kit import html
from firebell.kit.context import Context
from firebell.kit.errors import Forbidden, Invalid
from firebell.people import access, actions, store
from firebell.people.model import SCOPES, Channel, Role

router = APIRouter(include_in_schema=False)


def _ctx(request: Request) -> Context:
    ctx: Context = request.app.state.ctx
    return ctx


@router.get("/login")
async def login_form(request: Request, next: str = "/") -> Response:  # noqa: A002 - the address's name for it
    async with _ctx(request).db.tx() as tx:
        if not await store.people(tx):
            return html.to("/setup")
    return await html.page(request, "people/login.html", {"next": next, "email": "", "error": None})


@router.post("/login")
async def login(request: Request) -> Response:
    form = await request.form(max_files=0)
    email, target = str(form.get("email", "")), str(form.get("next", "/"))
    try:
        person = await access.sign_in(request, email, str(form.get("password", "")))
    except (Invalid, Forbidden) as error:
        context = {"next": target, "email": email, "error": error}
        return await html.page(request, "people/login.html", context, error.status)
    local = target.startswith("/") and not target.startswith(("//", "/\\"))
    response = html.to(target if local else "/")
    await access.start_session(request, response, person)
    return response


@router.post("/logout")
async def logout(request: Request) -> Response:
    await access.form(request)
    response = html.to("/login")
    await access.end_session(request, response)
    return response


@router.post("/theme")
async def theme(request: Request) -> Response:
    form = await access.form(request)
    me = await access.signed_in(request)
    after = {"auto": "dark", "dark": "light", "light": "auto"}
    chosen = str(form.get("theme") or after[me.theme])
    ctx = _ctx(request)
    async with ctx.db.tx() as tx:
        await actions.update_person(tx, access.actor_of(me), me.id, theme=chosen, now=ctx.clock.now())
    return html.to(request.headers.get("referer") or "/")


@router.get("/more")
async def more(request: Request) -> Response:
    await access.signed_in(request)
    return await html.page(request, "people/more.html", {"nav": "more"})


@router.get("/settings")
async def profile(request: Request) -> Response:
    await access.signed_in(request)
    return await html.page(request, "people/profile.html", {"nav": "settings", "tab": "profile"})


@router.post("/settings")
async def save_profile(request: Request) -> Response:
    form, me = await access.form(request), await access.signed_in(request)
    ctx, actor = _ctx(request), access.actor_of(me)
    async with ctx.db.tx() as tx:
        await actions.update_person(
            tx,
            actor,
            me.id,
            name=str(form.get("name", "")),
            tz=str(form.get("tz", "")),
            theme=str(form.get("theme", "")),
            now=ctx.clock.now(),
        )
    return html.to("/settings")


@router.post("/settings/password")
async def save_password(request: Request) -> Response:
    form, me = await access.form(request), await access.signed_in(request)
    await access.sign_in(request, me.email, str(form.get("old", "")))
    ctx = _ctx(request)
    async with ctx.db.tx() as tx:
        await actions.set_password(tx, access.actor_of(me), me.id, str(form.get("new", "")), ctx.clock.now())
    return html.to("/login")


@router.get("/settings/contact")
async def contact(request: Request) -> Response:
    me = await access.signed_in(request)
    async with _ctx(request).db.tx() as tx:
        methods = await actions.methods_of(tx, [me.id])
        rules = {u: (await actions.rules_of(tx, [me.id], u))[me.id] for u in ("high", "low")}
    context = {
        "nav": "settings",
        "tab": "contact",
        "methods": methods,
        "rules": rules,
        "channels": list(Channel),
        "mail_ready": bool(_ctx(request).smtp_url),
    }
    return await html.page(request, "people/contact.html", context)


@router.post("/settings/contact")
async def add_contact(request: Request) -> Response:
    form, me = await access.form(request), await access.signed_in(request)
    ctx = _ctx(request)
    async with ctx.db.tx() as tx:
        await actions.add_contact_method(
            tx,
            access.actor_of(me),
            person_id=me.id,
            kind=str(form.get("kind", "")),
            address=str(form.get("address", "")),
            label=str(form.get("label", "")),
            now=ctx.clock.now(),
        )
    return html.to("/settings/contact")


@router.post("/settings/contact/{method_id}/{what}")
async def change_contact(request: Request, method_id: int, what: str) -> Response:
    await access.form(request)
    me, ctx = await access.signed_in(request), _ctx(request)
    act = {"test": actions.request_test, "remove": actions.remove_contact_method}.get(what)
    if act is None:
        raise Invalid(f"{what!r} is nothing that can be done with a contact method.")
    async with ctx.db.tx() as tx:
        await act(tx, access.actor_of(me), method_id, me.id, ctx.clock.now())
    return html.to("/settings/contact")


@router.post("/settings/rules/{urgency}")
async def save_rules(request: Request, urgency: str) -> Response:
    form, me = await access.form(request), await access.signed_in(request)
    if urgency not in ("high", "low"):
        raise Invalid(f"{urgency!r} is not an urgency.")
    rules = []
    for method, minutes in zip(form.getlist("method"), form.getlist("delay"), strict=False):
        if str(method).isdigit() and str(minutes).strip():
            if not str(minutes).strip().isdigit():
                raise Invalid(f"{minutes!r} is not a number of minutes.", fields={"delay": "A whole number."})
            rules.append((int(str(minutes)) * 60, int(str(method))))
    ctx = _ctx(request)
    async with ctx.db.tx() as tx:
        await actions.set_rules(
            tx,
            access.actor_of(me),
            person_id=me.id,
            urgency=urgency,
            rules=rules,
            now=ctx.clock.now(),
        )
    return html.to("/settings/contact")


@router.get("/settings/keys")
async def keys(request: Request) -> Response:
    me = await access.signed_in(request)
    async with _ctx(request).db.tx() as tx:
        mine = await store.keys(tx, me.id)
    context = {"nav": "settings", "tab": "keys", "keys": mine, "scopes": SCOPES, "secret": None}
    return await html.page(request, "people/keys.html", context)


@router.post("/settings/keys")
async def add_key(request: Request) -> Response:
    form, me = await access.form(request), await access.signed_in(request)
    ctx = _ctx(request)
    async with ctx.db.tx() as tx:
        _, secret = await actions.create_api_key(
            tx,
            access.actor_of(me),
            name=str(form.get("name", "")),
            scopes=[str(s) for s in form.getlist("scope")],
            person_id=me.id,
            now=ctx.clock.now(),
        )
        mine = await store.keys(tx, me.id)
    context = {"nav": "settings", "tab": "keys", "keys": mine, "scopes": SCOPES, "secret": secret}
    return await html.page(request, "people/keys.html", context)


@router.post("/settings/keys/{key_id}/revoke")
async def revoke_key(request: Request, key_id: int) -> Response:
    await access.form(request)
    me, ctx = await access.signed_in(request), _ctx(request)
    async with ctx.db.tx() as tx:
        await actions.revoke_api_key(tx, access.actor_of(me), key_id, me.id, ctx.clock.now())
    return html.to("/settings/keys")


@router.get("/settings/people")
async def people(request: Request) -> Response:
    await access.signed_in(request, Role.ADMIN)
    async with _ctx(request).db.tx() as tx:
        everyone, teams = await actions.people(tx), await actions.teams(tx)
        members = {t.id: await actions.team_members(tx, t.id) for t in teams}
        catch_all = await actions.catch_all(tx)
    context = {
        "nav": "settings",
        "tab": "people",
        "people": everyone,
        "teams": teams,
        "members": members,
        "catch_all": catch_all,
        "roles": list(Role),
    }
    return await html.page(request, "people/people.html", context)


@router.post("/settings/people")
async def add_person(request: Request) -> Response:
    form, me = await access.form(request), await access.signed_in(request, Role.ADMIN)
    ctx = _ctx(request)
    async with ctx.db.tx() as tx:
        await actions.create_person(
            tx,
            access.actor_of(me),
            name=str(form.get("name", "")),
            email=str(form.get("email", "")),
            role=str(form.get("role", "")),
            tz=str(form.get("tz") or me.tz),
            password=str(form.get("password")) if form.get("password") else None,
            now=ctx.clock.now(),
        )
    return html.to("/settings/people")


@router.post("/settings/people/{person_id}")
async def change_person(request: Request, person_id: int) -> Response:
    form, me = await access.form(request), await access.signed_in(request, Role.ADMIN)
    ctx = _ctx(request)
    async with ctx.db.tx() as tx:
        await actions.update_person(
            tx,
            access.actor_of(me),
            person_id,
            role=str(form["role"]) if "role" in form else None,
            active=form.get("active") == "yes" if "active" in form else None,
            now=ctx.clock.now(),
        )
    return html.to("/settings/people")


@router.post("/settings/teams")
async def add_team(request: Request) -> Response:
    form, me = await access.form(request), await access.signed_in(request, Role.ADMIN)
    members = [(int(str(i)), "member") for i in form.getlist("member") if str(i).isdigit()]
    ctx = _ctx(request)
    async with ctx.db.tx() as tx:
        actor, now = access.actor_of(me), ctx.clock.now()
        if form.get("team"):
            await actions.set_team_members(tx, actor, int(str(form["team"])), members, now)
        else:
            name = str(form.get("name", ""))
            await actions.create_team(tx, actor, name=name, members=members, now=now)
    return html.to("/settings/people")


@router.post("/settings/catch-all")
async def save_catch_all(request: Request) -> Response:
    form, me = await access.form(request), await access.signed_in(request, Role.ADMIN)
    chosen = [int(str(i)) for i in form.getlist("member") if str(i).isdigit()]
    ctx = _ctx(request)
    async with ctx.db.tx() as tx:
        await actions.set_catch_all(tx, access.actor_of(me), chosen, ctx.clock.now())
    return html.to("/settings/people")


@router.get("/settings/audit")
async def audit(request: Request, before: int | None = None) -> Response:
    await access.signed_in(request, Role.ADMIN)
    async with _ctx(request).db.tx() as tx:
        entries = await store.audit_entries(tx, before, 100)
    context = {"nav": "settings", "tab": "audit", "entries": entries}
    return await html.page(request, "people/audit.html", context)
