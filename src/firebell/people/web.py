"""Sign-in and a person's own settings."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from fastapi import Request, Response
from starlette.datastructures import FormData

from firebell.channels.email import CHANNEL as EMAIL
from firebell.channels.registry import CHANNELS, wakes
from firebell.kit.db.database import Tx
from firebell.kit.errors import Conflict, FirebellError, Forbidden, Invalid, TooMany
from firebell.kit.text import to_choice, to_number
from firebell.kit.web import flash, html, routing, transaction, undo
from firebell.people import (
    access,
    actions,
    key_store,
    quiet_hours,
    quiet_hours_store,
    store,
    verification_actions,
)
from firebell.people.model import SCOPES, ContactMethod, MethodState, Person
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import CurrentVisit, Visit

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
        return await html.render(request, "people/login.html", context)
    return response


@router.get("/welcome/{token}", dependencies=access.public("The signed link is the right."))
async def welcome_form(request: Request, token: str) -> Response:
    """Show the form in which a new person chooses a password."""
    return await _welcome(request, token, None)


async def _welcome(request: Request, token: str, error: Invalid | None) -> Response:
    ctx = html.ctx(request)
    async with ctx.db.tx() as tx:
        person = await actions.welcomed(tx, ctx.signer, token, transaction.now(request))
    context = {"person": person, "error": error}
    return await html.render(request, "people/welcome.html", context)


@router.post("/welcome/{token}", dependencies=access.public("The signed link is the right."))
async def welcome(request: Request, token: str) -> Response:
    form, ctx = await request.form(max_files=0), html.ctx(request)
    now = transaction.now(request)
    async with ctx.db.tx() as tx:
        person = await actions.welcomed(tx, ctx.signer, token, now)
    try:
        new_hash = await actions.hash_password(str(form.get("password", "")), person)
    except Invalid as error:
        return await _welcome(request, token, error)
    async with ctx.db.tx() as tx:
        person = await actions.choose_password(tx, ctx.signer, token, new_hash, now)
        session = await access.open_session(tx, request, person, now)
        method = await _send_first_code(tx, person, ctx.channel_settings, now)
    response = html.redirect(f"/settings/contact/{method.id}/verify?back=/" if method else "/")
    access.keep_session(request, response, person, session)
    return response


async def _send_first_code(
    tx: Tx, person: Person, channel_settings: Mapping[str, str], now: datetime
) -> ContactMethod | None:
    """Send a code to a new person's unverified email address, and return it if they are to enter one."""
    for method in await actions.methods_of(tx, [person.id]) if EMAIL.is_ready(channel_settings) else []:
        if method.kind == EMAIL.kind and method.state is MethodState.NEW:
            await verification_actions.try_request_code(tx, access.actor_of(person), method, now)
            return method
    return None


@router.post("/logout", dependencies=access.needs(Verb.OWN_PROFILE_WRITE))
async def logout(request: Request) -> Response:
    await access.form(request)
    # ends the session in a transaction of its own, as signing in begins it
    response = html.redirect("/login")
    await access.end_session(request, response)
    return response


@router.post("/theme", dependencies=access.needs(Verb.OWN_PROFILE_WRITE))
async def theme(visit: CurrentVisit) -> Response:
    after = {"auto": "dark", "dark": "light", "light": "auto"}
    chosen = str(visit.form.get("theme") or after[visit.person.theme])
    await actions.update_person(visit.tx, visit.actor, visit.person.id, theme=chosen, now=visit.now)
    names = {"auto": "System default", "light": "Light", "dark": "Dark"}
    text = f"Appearance: {names.get(chosen, names['auto'])}."
    return flash.redirect(visit.request, html.came_from(visit.request), text)


@router.get("/more", dependencies=access.needs(Verb.OWN_PROFILE_READ))
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


@router.get("/settings", dependencies=access.needs(Verb.OWN_PROFILE_READ))
async def profile(visit: CurrentVisit) -> Response:
    return await _profile(visit.request)


@router.post("/settings", dependencies=access.needs(Verb.OWN_PROFILE_WRITE))
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


@router.post("/settings/password", dependencies=access.needs(Verb.OWN_PROFILE_WRITE))
async def save_password(request: Request) -> Response:
    form, me = await access.form(request), await access.signed_in(request)
    ctx = html.ctx(request)
    now, actor = transaction.now(request), access.actor_of(me)
    # hashing a password takes longer than a transaction should stay open
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
    visit: Visit,
    fields: Mapping[str, Any],
    error: FirebellError | None = None,
    secret: str = "",
) -> Response:
    methods = await actions.methods_of(visit.tx, [visit.person.id])
    rules = {
        u: (await actions.rules_of(visit.tx, [visit.person.id], u))[visit.person.id] for u in ("high", "low")
    }
    hours = (await quiet_hours_store.quiet_hours(visit.tx, [visit.person.id])).get(visit.person.id)
    context = {
        "nav": "settings",
        "tab": "contact",
        "live": f"person-{visit.person.id}",
        "methods": methods,
        "paged": {m.id for m in actions.paged(methods)},
        "replaceable": [("", "Nothing"), *((m.id, m.label or m.address) for m in methods)],
        "rules": rules,
        "hours": hours,
        "waking": any(wakes(m.kind) for m in methods),
        "channels": CHANNELS,
        "kinds": [(channel.kind, channel.label) for channel in CHANNELS.values()],
        "address_help": " or ".join(channel.address_help for channel in CHANNELS.values()),
        "off": [c for c in CHANNELS.values() if not c.is_ready(visit.ctx.channel_settings)],
        "given": fields,
        "secret": secret,
        "error": error,
    }
    return await html.render(visit.request, "people/contact_methods.html", context)


@router.get("/settings/contact", dependencies=access.needs(Verb.CONTACT_METHOD_READ))
async def contact(visit: CurrentVisit) -> Response:
    return await _contact(visit, {})


@router.post("/settings/contact", dependencies=access.needs(Verb.CONTACT_METHOD_WRITE))
async def add_contact(visit: CurrentVisit) -> Response:
    fields = visit.values
    try:
        async with visit.tx.savepoint():
            method = await actions.add_contact_method(
                visit.tx,
                visit.actor,
                person_id=visit.person.id,
                kind=fields.get("kind", ""),
                address=fields.get("address", ""),
                label=fields.get("label", ""),
                replaces=to_choice(fields.get("replaces"), "replaces"),
                now=visit.now,
            )
            refused = await verification_actions.try_request_code(visit.tx, visit.actor, method, visit.now)
    except (Invalid, Conflict) as error:
        return await _contact(visit, fields, error)
    text = f"{method.address} added. {refused or 'Enter the code that we sent to it.'}"
    if method.new_secret:
        flash.show(visit.request, text)
        return await _contact(visit, {}, secret=method.new_secret)
    return flash.redirect(visit.request, f"/settings/contact/{method.id}/verify", text)


@router.get("/settings/contact/{method_id}/secret", dependencies=access.needs(Verb.CONTACT_METHOD_WRITE))
async def rotated_secret(request: Request, method_id: int) -> Response:
    """Redirect a reload of the page that showed the secret once."""
    await access.signed_in(request)
    return html.redirect("/settings/contact")


@router.post("/settings/contact/{method_id}/secret", dependencies=access.needs(Verb.CONTACT_METHOD_WRITE))
async def rotate_secret(visit: CurrentVisit, method_id: int) -> Response:
    rotated = await actions.rotate_signing_secret(
        visit.tx, visit.actor, method_id, visit.person.id, visit.now
    )
    flash.show(visit.request, "Signing secret rotated. The old one also signs for 24 hours.")
    return await _contact(visit, {}, secret=rotated.secret)


@router.post("/settings/contact/{method_id}/test", dependencies=access.needs(Verb.CONTACT_METHOD_WRITE))
async def test_contact(visit: CurrentVisit, method_id: int) -> Response:
    await actions.request_test(visit.tx, visit.actor, method_id, visit.person.id, visit.now)
    text = "Test sent. Its result is shown here within a minute."
    return flash.redirect(visit.request, "/settings/contact", text)


@router.post("/settings/contact/{method_id}/remove", dependencies=access.needs(Verb.CONTACT_METHOD_WRITE))
async def remove_contact(visit: CurrentVisit, method_id: int) -> Response:
    try:
        async with visit.tx.savepoint():
            removed = await actions.remove_contact_method(
                visit.tx, visit.actor, method_id, visit.person.id, visit.now
            )
            offer = await undo.offer(visit.tx, visit.ctx.signer, visit.actor, "contact.removed", visit.now)
    except Conflict as error:
        return await _contact(visit, {}, error)
    return flash.redirect(visit.request, "/settings/contact", f"{removed.address} removed.", offer)


def _rules(form: FormData) -> list[tuple[int, int]]:
    """Return (delay in seconds, method id) of each row that is filled in; raise `Invalid` naming the field."""
    rows = zip(form.getlist("method"), form.getlist("delay"), strict=False)
    return [
        (to_number(minutes, "delay", most=1440, unit="minutes") * 60, method)
        for method_id, minutes in rows
        if (method := to_choice(method_id, "method")) is not None and str(minutes).strip()
    ]


@router.post("/settings/rules/{urgency}", dependencies=access.needs(Verb.CONTACT_METHOD_WRITE))
async def save_rules(visit: CurrentVisit, urgency: str) -> Response:
    if urgency not in ("high", "low"):
        raise Invalid(f"{urgency!r} is not an urgency.")
    try:
        rules = _rules(visit.form)
        async with visit.tx.savepoint():
            await actions.set_rules(
                visit.tx,
                visit.actor,
                person_id=visit.person.id,
                urgency=urgency,
                rules=rules,
                now=visit.now,
            )
    except Invalid as error:
        return await _contact(visit, {}, error)
    text = f"Notification rules for {urgency} urgency saved."
    return flash.redirect(visit.request, "/settings/contact", text)


@router.post("/settings/quiet-hours", dependencies=access.needs(Verb.CONTACT_METHOD_WRITE))
async def save_quiet_hours(visit: CurrentVisit) -> Response:
    fields = visit.values
    try:
        hours = (
            None
            if fields.get("off")
            else quiet_hours.clean(*(fields.get(n, "") for n in ("starts", "ends", "tz")))
        )
        async with visit.tx.savepoint():
            await actions.set_quiet_hours(visit.tx, visit.actor, visit.person.id, hours, visit.now)
    except Invalid as error:
        return await _contact(visit, fields, error)
    text = "Quiet hours saved." if hours else "Quiet hours turned off."
    return flash.redirect(visit.request, html.local(fields, "/settings/contact"), text)


async def _keys(
    visit: Visit, fields: Mapping[str, Any], secret: str = "", error: FirebellError | None = None
) -> Response:
    own_keys = await key_store.keys(visit.tx, visit.person.id)
    grantable = visit.rights.scopes
    context = {
        "nav": "settings",
        "tab": "keys",
        "keys": own_keys,
        "scopes": [(scope, scope) for scope in SCOPES if scope in grantable],
        "chosen": fields.get("chosen", [scope for scope in SCOPES if scope in grantable - {"admin"}]),
        "given": fields,
        "secret": secret,
        "error": error,
    }
    return await html.render(visit.request, "people/keys.html", context)


@router.get("/settings/keys", dependencies=access.needs(Verb.API_KEY_READ))
async def keys(visit: CurrentVisit) -> Response:
    return await _keys(visit, {})


@router.post("/settings/keys", dependencies=access.needs(Verb.API_KEY_CREATE))
async def add_key(visit: CurrentVisit) -> Response:
    chosen = [str(s) for s in visit.form.getlist("scope")]
    try:
        async with visit.tx.savepoint():
            key, secret = await actions.create_api_key(
                visit.tx,
                visit.actor,
                name=visit.text("name"),
                scopes=chosen,
                person_id=visit.person.id,
                now=visit.now,
            )
    except (Forbidden, Invalid) as error:
        return await _keys(visit, {"name": visit.form.get("name", ""), "chosen": chosen}, error=error)
    flash.show(visit.request, f"API key {key.name} created.")
    return await _keys(visit, {}, secret)


@router.post("/settings/keys/{key_id}/revoke", dependencies=access.needs(Verb.API_KEY_REVOKE))
async def revoke_key(visit: CurrentVisit, key_id: int) -> Response:
    name = await actions.revoke_api_key(visit.tx, visit.actor, key_id, visit.person.id, visit.now)
    offer = await undo.offer(visit.tx, visit.ctx.signer, visit.actor, "key.revoked", visit.now)
    return flash.redirect(visit.request, "/settings/keys", f"API key {name} revoked.", offer)
