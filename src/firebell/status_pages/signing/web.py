"""The page of the keys with which a status page signs its log."""

from collections.abc import Mapping

from fastapi import Response

from firebell.kit.errors import FirebellError
from firebell.kit.web import flash, html, routing
from firebell.people import route_access
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import CurrentVisit
from firebell.status_pages import actions
from firebell.status_pages.hosting import queries as hosting_queries
from firebell.status_pages.hosting import store as hosting_store
from firebell.status_pages.signing import actions as signing_actions
from firebell.status_pages.signing import store
from firebell.status_pages.signing.model import KEY_PATH

router = routing.html_router()

_PAGE = "/status-pages/{slug}/signing"


async def _show(
    visit: CurrentVisit, slug: str, values: Mapping[str, str], error: FirebellError | None = None
) -> Response:
    page = await actions.status_page(visit.tx, slug)
    claim = await hosting_store.host_claim(visit.tx, page.id)
    url = hosting_queries.page_url(
        page, claim.host if claim and claim.proven_at else "", visit.ctx.public_url
    )
    context = {
        "nav": "status-pages",
        "live": actions.topic(page),
        "page": page,
        "keys": list(reversed(await store.keys(visit.tx, page.id))),
        "log_url": f"{url}/history.jsonl",
        "key_url": f"{url}{KEY_PATH}",
        "values": values,
        "error": error,
    }
    return await html.render(visit.request, "status_pages/signing.html", context)


@router.get(_PAGE, dependencies=route_access.needs(Verb.STATUS_PAGE_READ))
async def show_signing_keys(visit: CurrentVisit, slug: str) -> Response:
    return await _show(visit, slug, {})


@router.post(_PAGE, dependencies=route_access.needs(Verb.STATUS_PAGE_WRITE))
async def replace_signing_key(visit: CurrentVisit, slug: str) -> Response:
    page = await actions.status_page(visit.tx, slug)
    try:
        async with visit.tx.savepoint():
            await signing_actions.replace_key(visit.tx, visit.actor, page.id, visit.text("reason"), visit.now)
    except FirebellError as error:
        return await _show(visit, slug, visit.values, error)
    return flash.redirect(visit.request, f"/status-pages/{slug}/signing", "Signing key replaced.")
