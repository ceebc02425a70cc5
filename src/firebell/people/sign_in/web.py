"""Sign-in, sign-out, and the welcome page where a person chooses a password."""

from collections.abc import Mapping
from datetime import datetime

from fastapi import Request, Response

from firebell.channels.email import CHANNEL as EMAIL
from firebell.kit.db.database import Tx
from firebell.kit.errors import Invalid, TooMany
from firebell.kit.web import html, routing, transaction
from firebell.people import actions, authentication, route_access, store
from firebell.people.model import ContactMethod, MethodState, Person
from firebell.people.permissions import Verb
from firebell.people.sign_in import actions as sign_in
from firebell.people.verification import actions as verification_actions

router = routing.html_router()


@router.get("/login", dependencies=route_access.public("The sign-in form."))
async def login_form(request: Request, next: str = "/") -> Response:  # noqa: A002 - the address's name for it

    async with html.ctx(request).db.reads() as tx:
        if not await store.has_people(tx):
            return html.redirect("/setup")
    return await html.render(request, "people/login.html", {"next": next, "email": "", "error": None})


@router.post("/login", dependencies=route_access.public("The sign-in itself."))
async def login(request: Request) -> Response:
    form = await request.form(max_files=0)
    email, target = str(form.get("email", "")), str(form.get("next", "/"))
    try:
        verified = await sign_in.sign_in(request, email, str(form.get("password", "")))
        response = html.redirect_back({"back": target}, "/")
        await sign_in.start_session(request, response, verified.person, verified.password_hash)
    except (Invalid, TooMany) as error:
        context = {"next": target, "email": email, "error": error}
        return await html.render(request, "people/login.html", context)
    return response


@router.get("/welcome/{token}", dependencies=route_access.public("The signed link grants access."))
async def welcome_form(request: Request, token: str) -> Response:
    """Show the form in which a new person chooses a password."""
    return await _welcome(request, token, None)


async def _welcome(request: Request, token: str, error: Invalid | None) -> Response:
    ctx = html.ctx(request)
    async with ctx.db.tx() as tx:
        person = await actions.welcomed(tx, ctx.signer, token, transaction.now(request))
    context = {"person": person, "error": error}
    return await html.render(request, "people/welcome.html", context)


@router.post("/welcome/{token}", dependencies=route_access.public("The signed link grants access."))
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
        session = await sign_in.open_session(tx, request, person, now)
        method = await _send_first_code(tx, person, ctx.channel_settings, now)
    response = html.redirect(f"/settings/contact/{method.id}/verify?back=/" if method else "/")
    sign_in.keep_session(request, response, person, session)
    return response


async def _send_first_code(
    tx: Tx, person: Person, channel_settings: Mapping[str, str], now: datetime
) -> ContactMethod | None:
    """Send a code to a new person's unverified email address, and return it if they are to enter one."""
    for method in await actions.methods_of(tx, [person.id]) if EMAIL.is_ready(channel_settings) else []:
        if method.kind == EMAIL.kind and method.state is MethodState.NEW:
            await verification_actions.try_request_code(tx, authentication.actor_of(person), method, now)
            return method
    return None


@router.post("/logout", dependencies=route_access.needs(Verb.OWN_PROFILE_WRITE))
async def logout(request: Request) -> Response:
    await route_access.form(request)
    # ends the session in a transaction of its own, as signing in begins it
    response = html.redirect("/login")
    await sign_in.end_session(request, response)
    return response
