"""Where a person creates and revokes API keys."""

from collections.abc import Mapping
from typing import Any

from fastapi import Response

from firebell.kit import undo
from firebell.kit.errors import FirebellError, Forbidden, Invalid
from firebell.kit.web import flash, html, routing
from firebell.people import actions, route_access
from firebell.people.api_keys import store as key_store
from firebell.people.model import SCOPES
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import CurrentVisit, Visit

router = routing.html_router()


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
        "fields": fields,
        "secret": secret,
        "error": error,
    }
    return await html.render(visit.request, "people/keys.html", context)


@router.get("/settings/keys", dependencies=route_access.needs(Verb.API_KEY_READ))
async def keys(visit: CurrentVisit) -> Response:
    return await _keys(visit, {})


@router.post("/settings/keys", dependencies=route_access.needs(Verb.API_KEY_CREATE))
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


@router.post("/settings/keys/{key_id}/revoke", dependencies=route_access.needs(Verb.API_KEY_REVOKE))
async def revoke_key(visit: CurrentVisit, key_id: int) -> Response:
    name = await actions.revoke_api_key(visit.tx, visit.actor, key_id, visit.person.id, visit.now)
    offer = await undo.offer(visit.tx, visit.ctx.signer, visit.actor, "key.revoked", visit.now)
    return flash.redirect(visit.request, "/settings/keys", f"API key {name} revoked.", offer)
