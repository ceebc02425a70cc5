"""The screen on which a person enters the code of a contact method."""

from urllib.parse import urlencode

from fastapi import Request, Response

from firebell.kit.errors import Conflict, FirebellError, Invalid, TooMany
from firebell.kit.web import flash, html, routing, transaction
from firebell.people import actions, authentication, route_access
from firebell.people.model import MethodState
from firebell.people.own_contact_methods import own_method
from firebell.people.permissions import Verb
from firebell.people.verification import actions as verification_actions
from firebell.people.verification import store as verification_store

router = routing.html_router()

_LIST = "/settings/contact"


async def _verify(
    request: Request, method_id: int, back: str, error: FirebellError | None = None
) -> Response:
    me, ctx, now = await authentication.signed_in(request), html.ctx(request), transaction.now(request)
    async with ctx.db.tx() as tx:
        method = await own_method(tx, me.id, method_id)
        issued = await verification_store.latest_code(tx, method_id)
    if method.state is MethodState.VERIFIED and error is None:
        return html.redirect(back)
    context = {
        "nav": "settings",
        "tab": "contact",
        "live": f"person-{me.id}",
        "method": method,
        "code": issued if issued and issued.is_open(now) else None,
        "back": back,
        "error": error,
    }
    return await html.render(request, "people/verify.html", context)


@router.get(
    "/settings/contact/{method_id}/verify", dependencies=route_access.needs(Verb.CONTACT_METHOD_WRITE)
)
async def verify_form(request: Request, method_id: int, back: str = "") -> Response:
    return await _verify(request, method_id, html.local({"back": back}, _LIST))


@router.post(
    "/settings/contact/{method_id}/verify", dependencies=route_access.needs(Verb.CONTACT_METHOD_WRITE)
)
async def verify(request: Request, method_id: int) -> Response:
    form, me = await route_access.form(request), await authentication.signed_in(request)
    ctx, back = html.ctx(request), html.local(form, _LIST)
    async with ctx.db.tx() as tx:
        entered = await verification_actions.enter_code(
            tx,
            authentication.actor_of(me),
            ctx.signer,
            method_id,
            me.id,
            str(form.get("code", "")),
            transaction.now(request),
        )
    try:
        entered.check()
    except Invalid as error:
        return await _verify(request, method_id, back, error)
    return flash.redirect(request, back, f"{entered.method.shown_address} is verified.")


@router.post(
    "/settings/contact/{method_id}/verification", dependencies=route_access.needs(Verb.CONTACT_METHOD_WRITE)
)
async def send_code(request: Request, method_id: int) -> Response:
    form, me = await route_access.form(request), await authentication.signed_in(request)
    ctx, back, now = html.ctx(request), html.local(form, _LIST), transaction.now(request)
    try:
        async with ctx.db.tx() as tx:
            method = await actions.request_code(tx, authentication.actor_of(me), method_id, me.id, now)
    except (TooMany, Conflict) as error:
        return await _verify(request, method_id, back, error)
    url = f"{_LIST}/{method_id}/verify?{urlencode({'back': back})}"
    return flash.redirect(request, url, f"Code sent to {method.shown_address}.")
