"""Sign-in and a person's own settings."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from fastapi import Request, Response
from starlette.datastructures import FormData

from firebell.kit.db.database import Tx
from firebell.kit.errors import Conflict, FirebellError, Forbidden, Invalid, TooMany
from firebell.kit.text import to_choice, to_number
from firebell.kit.web import flash, html, routing, undo
from firebell.people import (
    access,
    actions,
    key_store,
    quiet_hours,
    quiet_hours_store,
    store,
    verification_actions,
)
from firebell.people.model import SCOPES, Channel, ContactMethod, MethodState, Person
from firebell.people.permissions import Verb

router = routing.html_router()


@router.get("/login", dependencies=access.public("The sign-in form."))
async def login_form(request: Request, next: str = "/") -> Response:  # noqa: A002 - the address's name for it
    async with html.ctx(request).db.reads() as tx:
        if not await store.has_people(tx):
            return html.redirect("/setup")
    return await html.render(request, "people/login.html", {"next": next, "email": "", "error": None})


@router.post("/login", dependencies=access.public("The sign-in itself."))
async def login(request: Request) -> Response:
    form = await request.form(max_files=0)
    email, target = str(form.get("email", "")), str(form.get("next", "/"))
    try:
        verified = await access.sign_in(request, email, str(form.get("password", "")))
        response = html.redirect_back({"back": target}, "/")
        await access.start_session(request, response, verified.person, verified.password_hash)
    except (Invalid, TooMany) as error:
        context = {"next": target, "email": email, "error": error}
        return await html.render(request, "people/login.html", context, error.status)
    return response


@router.get("/welcome/{token}", dependencies=access.public("The signed link is the right."))
async def welcome_form(request: Request, token: str) -> Response:
    """Show the form in which a new person chooses a password."""
    return await _welcome(request, token, None)


async def _welcome(request: Request, token: str, error: Invalid | None) -> Response:
    ctx = html.ctx(request)
    async with ctx.db.tx() as tx:
        person = await actions.welcomed(tx, ctx.signer, token, ctx.clock.now())
    context = {"person": person, "error": error}
    return await html.render(request, "people/welcome.html", context, error.status if error else 200)


@router.post("/welcome/{token}", dependencies=access.public("The signed link is the right."))
async def welcome(request: Request, token: str) -> Response:
    form, ctx = await request.form(max_files=0), html.ctx(request)
    now = ctx.clock.now()
    async with ctx.db.tx() as tx:
        person = await actions.welcomed(tx, ctx.signer, token, now)
    try:
        new_hash = await actions.hash_password(str(form.get("password", "")), person)
    except Invalid as error:
        return await _welcome(request, token, error)
    async with ctx.db.tx() as tx:
        person = await actions.choose_password(tx, ctx.signer, token, new_hash, now)
        session = await access.open_session(tx, request, person, now)
        verify = await _code_for_email(tx, person, now) if ctx.smtp_url else None
    response = html.redirect(f"/settings/contact/{verify.id}/verify?back=/" if verify else "/")
    access.keep_session(request, response, person, session)
    return response


async def _code_for_email(tx: Tx, person: Person, now: datetime) -> ContactMethod | None:
    """Send a code to a new person's unverified email address, and return it if they are to enter one."""
    methods = await actions.methods_of(tx, [person.id])
    email = next((m for m in methods if m.kind == Channel.EMAIL and m.state is MethodState.NEW), None)
    if email is not None:
        await verification_actions.try_request_code(tx, access.actor_of(person), email, now)
    return email


@router.post("/logout", dependencies=access.needs(Verb.OWN_PROFILE_WRITE))
async def logout(request: Request) -> Response:
    await access.form(request)
    response = html.redirect("/login")
    await access.end_session(request, response)
    return response


@router.post("/theme", dependencies=access.needs(Verb.OWN_PROFILE_WRITE))
async def theme(request: Request) -> Response:
    form = await access.form(request)
    me = await access.signed_in(request)
    after = {"auto": "dark", "dark": "light", "light": "auto"}
    chosen = str(form.get("theme") or after[me.theme])
    ctx = html.ctx(request)
    async with ctx.db.tx() as tx:
        await actions.update_person(tx, access.actor_of(me), me.id, theme=chosen, now=ctx.clock.now())
    names = {"auto": "System default", "light": "Light", "dark": "Dark"}
    text = f"Appearance: {names.get(chosen, names['auto'])}."
    return flash.redirect(request, html.came_from(request), text)


@router.get("/more", dependencies=access.needs(Verb.OWN_PROFILE_READ))
async def more(request: Request) -> Response:
    await access.signed_in(request)
    return await html.render(request, "people/more.html", {"nav": "more"})


async def _profile(request: Request, error: FirebellError | None = None) -> Response:
    context = {
        "nav": "settings",
        "tab": "profile",
        "error": error,
        "errors": {"new" if name == "password" else name: text for name, text in error.fields.items()}
        if error
        else {},
    }
    return await html.render(request, "people/profile.html", context, error.status if error else 200)


@router.get("/settings", dependencies=access.needs(Verb.OWN_PROFILE_READ))
async def profile(request: Request) -> Response:
    await access.signed_in(request)
    return await _profile(request)


@router.post("/settings", dependencies=access.needs(Verb.OWN_PROFILE_WRITE))
async def save_profile(request: Request) -> Response:
    form, me = await access.form(request), await access.signed_in(request)
    ctx, actor = html.ctx(request), access.actor_of(me)
    try:
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
    except Invalid as error:
        return await _profile(request, error)
    return flash.redirect(request, "/settings", "Profile saved.")


@router.post("/settings/password", dependencies=access.needs(Verb.OWN_PROFILE_WRITE))
async def save_password(request: Request) -> Response:
    form, me = await access.form(request), await access.signed_in(request)
    ctx = html.ctx(request)
    now, actor = ctx.clock.now(), access.actor_of(me)
    try:
        verified = await access.sign_in(request, me.email, str(form.get("old", "")))
        new_hash = await actions.hash_password(str(form.get("new", "")), me)
        async with ctx.db.tx() as tx:
            await actions.change_password(tx, actor, me.id, verified.password_hash, new_hash, now)
            session = await access.open_session(tx, request, me, now)
    except (Invalid, TooMany, Conflict) as error:
        return await _profile(request, error)
    text = "Password changed. You’re signed out everywhere else. API keys and calendar feeds still work."
    response = flash.redirect(request, "/settings/sessions", text)
    access.keep_session(request, response, me, session)
    return response


async def _contact(
    request: Request,
    given: Mapping[str, Any],
    error: FirebellError | None = None,
    secret: str = "",
) -> Response:
    me = await access.signed_in(request)
    async with html.ctx(request).db.tx() as tx:
        methods = await actions.methods_of(tx, [me.id])
        rules = {u: (await actions.rules_of(tx, [me.id], u))[me.id] for u in ("high", "low")}
        hours = (await quiet_hours_store.quiet_hours(tx, [me.id])).get(me.id)
    context = {
        "nav": "settings",
        "tab": "contact",
        "live": f"person-{me.id}",
        "methods": methods,
        "paged": {m.id for m in actions.paged(methods)},
        "replaceable": [("", "Nothing"), *((m.id, m.label or m.address) for m in methods)],
        "rules": rules,
        "hours": hours,
        "waking": any(m.kind != Channel.EMAIL for m in methods),
        "mail_ready": bool(html.ctx(request).smtp_url),
        "given": given,
        "secret": secret,
        "error": error,
        "errors": error.fields if error else {},
    }
    return await html.render(request, "people/contact.html", context, error.status if error else 200)


@router.get("/settings/contact", dependencies=access.needs(Verb.CONTACT_METHOD_READ))
async def contact(request: Request) -> Response:
    return await _contact(request, {})


@router.post("/settings/contact", dependencies=access.needs(Verb.CONTACT_METHOD_WRITE))
async def add_contact(request: Request) -> Response:
    form, me = await access.form(request), await access.signed_in(request)
    ctx, given = html.ctx(request), {name: str(value) for name, value in form.items()}
    now = ctx.clock.now()
    try:
        async with ctx.db.tx() as tx:
            method = await actions.add_contact_method(
                tx,
                access.actor_of(me),
                person_id=me.id,
                kind=given.get("kind", ""),
                address=given.get("address", ""),
                label=given.get("label", ""),
                replaces=to_choice(given.get("replaces"), "replaces"),
                now=now,
            )
            refused = await verification_actions.try_request_code(tx, access.actor_of(me), method, now)
    except (Invalid, Conflict) as error:
        return await _contact(request, given, error)
    text = f"{method.address} added. {refused or 'Enter the code that we sent to it.'}"
    if method.new_secret:
        flash.show(request, text)
        return await _contact(request, {}, secret=method.new_secret)
    return flash.redirect(request, f"/settings/contact/{method.id}/verify", text)


@router.get("/settings/contact/{method_id}/secret", dependencies=access.needs(Verb.CONTACT_METHOD_WRITE))
async def rotated_secret(request: Request, method_id: int) -> Response:
    """Redirect a reload of the page that showed the secret once."""
    await access.signed_in(request)
    return html.redirect("/settings/contact")


@router.post("/settings/contact/{method_id}/secret", dependencies=access.needs(Verb.CONTACT_METHOD_WRITE))
async def rotate_secret(request: Request, method_id: int) -> Response:
    await access.form(request)
    me, ctx = await access.signed_in(request), html.ctx(request)
    async with ctx.db.tx() as tx:
        rotated = await actions.rotate_signing_secret(
            tx, access.actor_of(me), method_id, me.id, ctx.clock.now()
        )
    flash.show(request, "Signing secret rotated. The old one also signs for 24 hours.")
    return await _contact(request, {}, secret=rotated.secret)


@router.post("/settings/contact/{method_id}/test", dependencies=access.needs(Verb.CONTACT_METHOD_WRITE))
async def test_contact(request: Request, method_id: int) -> Response:
    await access.form(request)
    me, ctx = await access.signed_in(request), html.ctx(request)
    async with ctx.db.tx() as tx:
        await actions.request_test(tx, access.actor_of(me), method_id, me.id, ctx.clock.now())
    text = "Test sent. Its result is shown here within a minute."
    return flash.redirect(request, "/settings/contact", text)


@router.post("/settings/contact/{method_id}/remove", dependencies=access.needs(Verb.CONTACT_METHOD_WRITE))
async def remove_contact(request: Request, method_id: int) -> Response:
    await access.form(request)
    me, ctx = await access.signed_in(request), html.ctx(request)
    actor, now = access.actor_of(me), ctx.clock.now()
    try:
        async with ctx.db.tx() as tx:
            removed = await actions.remove_contact_method(tx, actor, method_id, me.id, now)
            offer = await undo.offer(tx, ctx.signer, actor, "contact.removed", now)
    except Conflict as error:
        return await _contact(request, {}, error)
    return flash.redirect(request, "/settings/contact", f"{removed.address} removed.", offer)


def _rules(form: FormData) -> list[tuple[int, int]]:
    """Return (delay in seconds, method id) of each row that is filled in; raise `Invalid` naming the field."""
    rows = zip(form.getlist("method"), form.getlist("delay"), strict=False)
    return [
        (to_number(minutes, "delay", most=1440, unit="minutes") * 60, method)
        for given, minutes in rows
        if (method := to_choice(given, "method")) is not None and str(minutes).strip()
    ]


@router.post("/settings/rules/{urgency}", dependencies=access.needs(Verb.CONTACT_METHOD_WRITE))
async def save_rules(request: Request, urgency: str) -> Response:
    form, me = await access.form(request), await access.signed_in(request)
    if urgency not in ("high", "low"):
        raise Invalid(f"{urgency!r} is not an urgency.")
    ctx = html.ctx(request)
    try:
        rules = _rules(form)
        async with ctx.db.tx() as tx:
            await actions.set_rules(
                tx,
                access.actor_of(me),
                person_id=me.id,
                urgency=urgency,
                rules=rules,
                now=ctx.clock.now(),
            )
    except Invalid as error:
        return await _contact(request, {}, error)
    text = f"Notification rules for {urgency} urgency saved."
    return flash.redirect(request, "/settings/contact", text)


@router.post("/settings/quiet-hours", dependencies=access.needs(Verb.CONTACT_METHOD_WRITE))
async def save_quiet_hours(request: Request) -> Response:
    form, me = await access.form(request), await access.signed_in(request)
    ctx, given = html.ctx(request), {name: str(value) for name, value in form.items()}
    try:
        hours = (
            None
            if given.get("off")
            else quiet_hours.clean(*(given.get(n, "") for n in ("starts", "ends", "tz")))
        )
        async with ctx.db.tx() as tx:
            await actions.set_quiet_hours(tx, access.actor_of(me), me.id, hours, ctx.clock.now())
    except Invalid as error:
        return await _contact(request, given, error)
    text = "Quiet hours saved." if hours else "Quiet hours turned off."
    return flash.redirect(request, html.local(given, "/settings/contact"), text)


async def _keys(
    request: Request, given: Mapping[str, Any], secret: str = "", error: FirebellError | None = None
) -> Response:
    me = await access.signed_in(request)
    async with html.ctx(request).db.tx() as tx:
        own_keys = await key_store.keys(tx, me.id)
    grantable = access.rights_of(me).scopes
    context = {
        "nav": "settings",
        "tab": "keys",
        "keys": own_keys,
        "scopes": [(scope, scope) for scope in SCOPES if scope in grantable],
        "chosen": given.get("chosen", [scope for scope in SCOPES if scope in grantable - {"admin"}]),
        "given": given,
        "secret": secret,
        "error": error,
        "errors": error.fields if error else {},
    }
    return await html.render(request, "people/keys.html", context, error.status if error else 200)


@router.get("/settings/keys", dependencies=access.needs(Verb.API_KEY_READ))
async def keys(request: Request) -> Response:
    return await _keys(request, {})


@router.post("/settings/keys", dependencies=access.needs(Verb.API_KEY_CREATE))
async def add_key(request: Request) -> Response:
    form, me = await access.form(request), await access.signed_in(request)
    ctx, chosen = html.ctx(request), [str(s) for s in form.getlist("scope")]
    try:
        async with ctx.db.tx() as tx:
            key, secret = await actions.create_api_key(
                tx,
                access.actor_of(me),
                name=str(form.get("name", "")),
                scopes=chosen,
                person_id=me.id,
                now=ctx.clock.now(),
            )
    except (Forbidden, Invalid) as error:
        return await _keys(request, {"name": form.get("name", ""), "chosen": chosen}, error=error)
    flash.show(request, f"API key {key.name} created.")
    return await _keys(request, {}, secret)


@router.post("/settings/keys/{key_id}/revoke", dependencies=access.needs(Verb.API_KEY_REVOKE))
async def revoke_key(request: Request, key_id: int) -> Response:
    await access.form(request)
    me, ctx = await access.signed_in(request), html.ctx(request)
    actor, now = access.actor_of(me), ctx.clock.now()
    async with ctx.db.tx() as tx:
        name = await actions.revoke_api_key(tx, actor, key_id, me.id, now)
        offer = await undo.offer(tx, ctx.signer, actor, "key.revoked", now)
    return flash.redirect(request, "/settings/keys", f"API key {name} revoked.", offer)
