"""The page on which people set how a status page is served, and what proxies ask about its host."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated

from fastapi import Request, Response
from starlette.datastructures import UploadFile
from starlette.responses import PlainTextResponse

from firebell.kit.errors import FirebellError, Invalid, NotFound
from firebell.kit.text import to_id
from firebell.kit.web import flash, html, routing
from firebell.kit.web.origin import host_name
from firebell.people import authentication, route_access
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import CurrentVisit, Visit, visit_with, visiting
from firebell.status_pages import actions
from firebell.status_pages.hosting import actions as hosting_actions
from firebell.status_pages.hosting import footer_links, host_proof, logo_files
from firebell.status_pages.hosting import queries as hosting_queries
from firebell.status_pages.hosting import store as hosting_store
from firebell.status_pages.public.languages import language_names

router = routing.html_router()

PAGE = "/status-pages/{slug}/hosting"


@router.get(
    "/internal/tls-ask", dependencies=route_access.public("A proxy asks before it gets a certificate.")
)
async def tls_ask(request: Request, domain: str = "") -> Response:
    """Answer 200 only for the proven host of a status page, as Caddy's on-demand TLS asks."""
    async with html.ctx(request).db.tx() as tx:
        is_proven = await hosting_store.is_proven_host(tx, host_name(domain))
    return PlainTextResponse("", HTTPStatus.OK if is_proven else HTTPStatus.NOT_FOUND)


async def _show(
    visit: Visit,
    slug: str,
    *,
    values: Mapping[str, str] | None = None,
    error: FirebellError | None = None,
    feed_key: str = "",
) -> Response:
    page = await actions.status_page(visit.tx, slug)
    claim = await hosting_store.host_claim(visit.tx, page.id)
    url = hosting_queries.page_url(
        page, claim.host if claim and claim.proven_at else "", visit.ctx.public_url
    )
    theme = await hosting_store.theme(visit.tx, page.id)
    context = {
        "nav": "status-pages",
        "page": page,
        "url": url,
        "access": await hosting_store.access(visit.tx, page.id),
        "feed_keys": await hosting_store.feed_keys(visit.tx, page.id),
        "feed_url": f"{url}/history.atom?key={feed_key}" if feed_key else "",
        "claim": claim,
        "challenge_url": host_proof.challenge_url(claim, slug) if claim else "",
        "txt_name": host_proof.txt_name(claim) if claim else "",
        "theme": theme,
        "footer_links": footer_links.text_of_links(theme.footer_links),
        "chosen_locales": visit.form.getlist("locales") if values and "locale" in values else theme.locales,
        "languages": list(language_names().items()),
        "mirrors": await hosting_store.mirrors(visit.tx, [page.id]),
        "values": values or {},
        "error": error,
    }
    return await html.render(visit.request, "status_pages/hosting.html", context)


@router.get(PAGE, dependencies=route_access.needs(Verb.STATUS_PAGE_WRITE))
async def show(visit: CurrentVisit, slug: str) -> Response:
    return await _show(visit, slug)


@router.post(f"{PAGE}/access", dependencies=route_access.needs(Verb.STATUS_PAGE_WRITE))
async def change_access(request: Request, slug: str) -> Response:
    form, person = await route_access.form(request), await authentication.signed_in(request)
    values: dict[str, object] = {
        "networks": str(form.get("networks", "")).replace(",", "\n").split("\n"),
        "networks_suffice": "networks_suffice" in form,
    }
    refusal = None
    if form.get("password") or "no_password" in form:
        try:
            values["password_hash"] = await hosting_actions.password_hash(str(form.get("password", "")))
        except Invalid as error:
            refusal = error
    async with visiting(request, person, form) as visit:
        if refusal:
            return await _show(visit, slug, values=visit.values, error=refusal)
        return await _access_changed(visit, slug, values)


async def _access_changed(visit: Visit, slug: str, values: Mapping[str, object]) -> Response:
    page = await actions.status_page(visit.tx, slug)
    try:
        async with visit.tx.savepoint():
            await hosting_actions.change_access(visit.tx, visit.actor, page.id, values, visit.now)
    except FirebellError as error:
        return await _show(visit, slug, values=visit.values, error=error)
    return flash.redirect(visit.request, f"/status-pages/{slug}/hosting", "Access saved.")


@router.post(f"{PAGE}/feed-keys", dependencies=route_access.needs(Verb.STATUS_PAGE_WRITE))
async def create_feed_key(visit: CurrentVisit, slug: str) -> Response:
    page = await actions.status_page(visit.tx, slug)
    try:
        async with visit.tx.savepoint():
            key, secret = await hosting_actions.create_feed_key(
                visit.tx, visit.actor, page.id, visit.text("name"), visit.now
            )
    except FirebellError as error:
        return await _show(visit, slug, values=visit.values, error=error)
    flash.show(visit.request, f"Feed key {key.name} created.")
    return await _show(visit, slug, feed_key=secret)


@router.post(f"{PAGE}/feed-keys/{{key_id}}/revoke", dependencies=route_access.needs(Verb.STATUS_PAGE_WRITE))
async def revoke_feed_key(visit: CurrentVisit, slug: str, key_id: str) -> Response:
    page = await actions.status_page(visit.tx, slug)
    await hosting_actions.revoke_feed_key(visit.tx, visit.actor, page.id, to_id(key_id) or 0, visit.now)
    return flash.redirect(visit.request, f"/status-pages/{slug}/hosting", "Feed key revoked.")


@router.post(f"{PAGE}/host", dependencies=route_access.needs(Verb.STATUS_PAGE_WRITE))
async def claim_host(visit: CurrentVisit, slug: str) -> Response:
    page = await actions.status_page(visit.tx, slug)
    try:
        async with visit.tx.savepoint():
            claim = await hosting_actions.claim_host(
                visit.tx, visit.actor, page.id, visit.text("host"), visit.ctx.allowed_hosts, visit.now
            )
    except FirebellError as error:
        return await _show(visit, slug, values=visit.values, error=error)
    return flash.redirect(
        visit.request, f"/status-pages/{slug}/hosting", f"Add the TXT record, then check {claim.host}."
    )


@router.post(f"{PAGE}/host/proof", dependencies=route_access.needs(Verb.STATUS_PAGE_WRITE))
async def prove_host(request: Request, slug: str) -> Response:
    """Read the token from the DNS or the host, which can take seconds, and accept the claim if it is right."""
    await route_access.form(request)
    person, ctx = await authentication.signed_in(request), html.ctx(request)
    async with ctx.db.tx() as tx:
        page = await actions.status_page(tx, slug)
        claim = await hosting_store.host_claim(tx, page.id)
    if claim is None:
        raise NotFound("This status page has no host name.")
    proof = await host_proof.read_proof(ctx.http, ctx.txt_records, claim, slug)
    async with ctx.db.tx() as tx:
        actor = authentication.actor_of(person)
        claim = await hosting_actions.prove_host(tx, actor, page.id, proof, ctx.clock.now())
    return flash.redirect(
        request, f"/status-pages/{slug}/hosting", f"The status page is served at {claim.host}."
    )


@router.post(f"{PAGE}/host/remove", dependencies=route_access.needs(Verb.STATUS_PAGE_WRITE))
async def remove_host(visit: CurrentVisit, slug: str) -> Response:
    page = await actions.status_page(visit.tx, slug)
    await hosting_actions.remove_host(visit.tx, visit.actor, page.id, visit.now)
    return flash.redirect(visit.request, f"/status-pages/{slug}/hosting", "Host name removed.")


@router.post(f"{PAGE}/theme", dependencies=route_access.needs(Verb.STATUS_PAGE_WRITE))
async def change_theme(visit: Annotated[Visit, visit_with(files=1)], slug: str) -> Response:
    page = await actions.status_page(visit.tx, slug)
    values: dict[str, object] = {
        "accent": visit.text("accent"),
        "locale": visit.text("locale"),
        "locales": [str(code) for code in visit.form.getlist("locales")],
    }
    values["footer_links"] = footer_links.links_of_text(visit.text("footer_links"))
    try:
        try:
            logo = await _uploaded_logo(visit)
        finally:
            await visit.form.close()
        if logo:
            values["logo"] = logo
        elif "no_logo" in visit.values:
            values["logo"] = None
        async with visit.tx.savepoint():
            await hosting_actions.change_theme(visit.tx, visit.actor, page.id, values, visit.now)
    except FirebellError as error:
        return await _show(visit, slug, values=visit.values, error=error)
    return flash.redirect(visit.request, f"/status-pages/{slug}/hosting", "Appearance saved.")


async def _uploaded_logo(visit: Visit) -> bytes:
    file = visit.form.get("logo")
    if not isinstance(file, UploadFile) or not file.filename:
        return b""
    data = await file.read(logo_files.MAX_BYTES + 1)
    if not data:
        raise Invalid("The file is empty.", fields={"logo": "Upload a PNG or an SVG."})
    return data


@router.post(f"{PAGE}/mirrors", dependencies=route_access.needs(Verb.STATUS_PAGE_WRITE))
async def add_mirror(visit: CurrentVisit, slug: str) -> Response:
    page = await actions.status_page(visit.tx, slug)
    names = ("url", "endpoint", "region", "bucket", "prefix", "access_key", "secret")
    fields = {name: visit.text(name).strip() for name in names}
    try:
        async with visit.tx.savepoint():
            await hosting_actions.add_mirror(visit.tx, visit.actor, page.id, **fields, now=visit.now)
    except FirebellError as error:
        return await _show(visit, slug, values={**fields, "secret": ""}, error=error)
    return flash.redirect(visit.request, f"/status-pages/{slug}/hosting", "Mirror added.")


@router.post(f"{PAGE}/mirrors/{{mirror_id}}/remove", dependencies=route_access.needs(Verb.STATUS_PAGE_WRITE))
async def remove_mirror(visit: CurrentVisit, slug: str, mirror_id: str) -> Response:
    page = await actions.status_page(visit.tx, slug)
    await hosting_actions.remove_mirror(visit.tx, visit.actor, page.id, to_id(mirror_id) or 0, visit.now)
    return flash.redirect(visit.request, f"/status-pages/{slug}/hosting", "Mirror removed.")
