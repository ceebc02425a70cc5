"""The API of how status pages are served: who reads them, their host, their look, their mirrors, and exports."""

import base64
from datetime import datetime
from typing import Annotated, Any

from fastapi import Response
from pydantic import Field

from firebell.kit.errors import Conflict, Invalid, NotFound
from firebell.kit.web import api
from firebell.kit.web.api import ApiInput, ApiOutput, Ctx, PathId, ShortName, StrictBool, Text, problems
from firebell.people.authentication import Caller
from firebell.people.permissions import Verb
from firebell.people.route_access import may
from firebell.people.unit_of_work import Work, work
from firebell.status_pages import actions
from firebell.status_pages.hosting import actions as hosting_actions
from firebell.status_pages.hosting import export, host_proof, saved_pages
from firebell.status_pages.hosting import queries as hosting_queries
from firebell.status_pages.hosting import store as hosting_store
from firebell.status_pages.hosting.footer_links import LABEL_MAX_CHARS, MAX_LINKS, URL_MAX_CHARS
from firebell.status_pages.hosting.model import FeedKey, HostClaim, PageMirror
from firebell.status_pages.model import StatusPage

router = api.router("status pages")

Reader = Annotated[Work, work(Verb.STATUS_PAGE_READ)]
Manager = Annotated[Work, work(Verb.STATUS_PAGE_WRITE)]
LOGO_MAX_CHARS = 280_000


class AccessShown(ApiOutput):
    """Who may read a page while it is private."""

    has_password: bool
    networks: list[str]
    networks_suffice: bool


class FeedKeyShown(ApiOutput):
    """A key with which one reader of a private page reads its feeds and JSON."""

    id: int
    name: str
    created_at: datetime


class FeedKeyMade(FeedKeyShown):
    """A new feed key; `key` is shown only here, and is added to addresses as `?key=`."""

    key: str


class HostShown(ApiOutput):
    """The host name of a page's own, served once it is proven.

    To prove it, a TXT record of `txt_name` must hold `token`, or `challenge_url` must show it.
    """

    host: str
    token: str
    challenge_url: str
    txt_name: str
    proven_at: datetime | None


class PageLink(ApiInput):
    """A link at the foot of a page."""

    label: Annotated[Text, Field(max_length=LABEL_MAX_CHARS, examples=["Imprint"])]
    url: Annotated[Text, Field(max_length=URL_MAX_CHARS, examples=["https://www.example.org/imprint"])]


class PageLinkShown(ApiOutput):
    """A link at the foot of a page."""

    label: str
    url: str


class ThemeShown(ApiOutput):
    """The look of a page."""

    accent: str
    locale: str
    locales: list[str]
    has_logo: bool
    footer_links: list[PageLinkShown]


class MirrorShown(ApiOutput):
    """A bucket to which a page is pushed. `is_late` is true if the mirror is older than five minutes (T-PUSH)."""

    id: int
    url: str
    endpoint: str
    region: str
    bucket: str
    prefix: str
    access_key: str
    pushed_at: datetime | None
    is_late: bool
    error: str


class HostingShown(ApiOutput):
    """How a status page is served."""

    url: str
    access: AccessShown
    feed_keys: list[FeedKeyShown]
    host: HostShown | None
    theme: ThemeShown
    mirrors: list[MirrorShown]


class ChangedAccess(ApiInput):
    """What to change of the access; an empty `password` removes it. What is left out stays as it is."""

    password: Text | None = None
    networks: Annotated[list[Text] | None, Field(max_length=hosting_actions.MAX_NETWORKS)] = None
    networks_suffice: StrictBool | None = None


class NewFeedKey(ApiInput):
    """A feed key to create."""

    name: Annotated[ShortName, Field(examples=["Ops dashboard of Contoso"])]


class NewHost(ApiInput):
    """A host name to claim."""

    host: Annotated[Text, Field(max_length=253, examples=["status.example.org"])]


class ChangedTheme(ApiInput):
    """What to change of the look; `logo` is a PNG or SVG in Base64, empty to remove it."""

    accent: Annotated[Text | None, Field(examples=["#0a7ea4"])] = None
    locale: Annotated[Text | None, Field(examples=["de"])] = None
    locales: Annotated[list[Text] | None, Field(max_length=50)] = None
    logo: Annotated[Text | None, Field(max_length=LOGO_MAX_CHARS)] = None
    footer_links: Annotated[list[PageLink] | None, Field(max_length=MAX_LINKS)] = None


class SavedPageFile(ApiOutput):
    """The file of a saved page, as `firebell statuspage serve` reads it."""

    format: int
    page: dict[str, Any]


class NewMirror(ApiInput):
    """A bucket to push to; `url` is the address under which readers find the mirror."""

    url: Annotated[Text, Field(examples=["https://status.example.org"])]
    endpoint: Annotated[Text, Field(examples=["https://s3.eu-north-1.amazonaws.com"])]
    region: Annotated[Text, Field(examples=["eu-north-1"])] = "us-east-1"
    bucket: Text
    prefix: Annotated[Text, Field(examples=["status/"])] = ""
    access_key: Text
    secret: Text


def _feed_key(key: FeedKey) -> FeedKeyShown:
    return FeedKeyShown.model_validate(key)


def _host(claim: HostClaim, page: StatusPage) -> HostShown:
    return HostShown(
        host=claim.host,
        token=claim.token,
        challenge_url=host_proof.challenge_url(claim, page.slug),
        txt_name=host_proof.txt_name(claim),
        proven_at=claim.proven_at,
    )


def _mirror(mirror: PageMirror, now: datetime) -> MirrorShown:
    fields = {name: getattr(mirror, name) for name in MirrorShown.model_fields if name != "is_late"}
    return MirrorShown(**fields, is_late=mirror.is_late(now))


async def _hosting(w: Work, page: StatusPage) -> HostingShown:
    access = await hosting_store.access(w.tx, page.id)
    theme = await hosting_store.theme(w.tx, page.id)
    claim = await hosting_store.host_claim(w.tx, page.id)
    return HostingShown(
        url=hosting_queries.page_url(page, claim.host if claim and claim.proven_at else "", w.ctx.public_url),
        access=AccessShown(
            has_password=bool(access.password_hash),
            networks=list(access.networks),
            networks_suffice=access.networks_suffice,
        ),
        feed_keys=[_feed_key(key) for key in await hosting_store.feed_keys(w.tx, page.id)],
        host=_host(claim, page) if claim else None,
        theme=ThemeShown(
            accent=theme.accent,
            locale=theme.locale,
            locales=list(theme.locales),
            has_logo=theme.logo is not None,
            footer_links=[PageLinkShown(label=link.label, url=link.url) for link in theme.footer_links],
        ),
        mirrors=[_mirror(mirror, w.now) for mirror in await hosting_store.mirrors(w.tx, [page.id])],
    )


@router.get(
    "/status-pages/{slug}/hosting", summary="Show how a status page is served", responses=problems(404)
)
async def show_hosting(w: Reader, slug: Text) -> HostingShown:
    return await _hosting(w, await actions.status_page(w.tx, slug))


@router.patch(
    "/status-pages/{slug}/access",
    summary="Change who may read a private status page",
    responses=problems(404),
)
async def change_access(
    ctx: Ctx, caller: Annotated[Caller, may(Verb.STATUS_PAGE_WRITE)], slug: Text, body: ChangedAccess
) -> HostingShown:
    values = {name: value for name, value in body.model_dump(exclude_unset=True).items() if value is not None}
    if "password" in values:
        values["password_hash"] = await hosting_actions.password_hash(values.pop("password"))
    async with ctx.db.tx() as tx:
        w = Work(ctx, tx, caller, ctx.clock.now())
        page = await actions.status_page(tx, slug)
        await hosting_actions.change_access(tx, w.actor, page.id, values, w.now)
        return await _hosting(w, page)


@router.post(
    "/status-pages/{slug}/feed-keys",
    status_code=201,
    summary="Create a feed key of a private status page",
    responses=problems(404, 409),
)
async def create_feed_key(w: Manager, slug: Text, body: NewFeedKey) -> FeedKeyMade:
    page = await actions.status_page(w.tx, slug)
    key, secret = await hosting_actions.create_feed_key(w.tx, w.actor, page.id, body.name, w.now)
    return FeedKeyMade(**_feed_key(key).model_dump(), key=secret)


@router.delete(
    "/status-pages/{slug}/feed-keys/{key_id}",
    status_code=204,
    summary="Revoke a feed key",
    responses=problems(404),
)
async def revoke_feed_key(w: Manager, slug: Text, key_id: PathId) -> Response:
    page = await actions.status_page(w.tx, slug)
    await hosting_actions.revoke_feed_key(w.tx, w.actor, page.id, key_id, w.now)
    return Response(status_code=204)


@router.put(
    "/status-pages/{slug}/host",
    summary="Claim a host name for a status page",
    responses=problems(404, 409),
)
async def claim_status_page_host(w: Manager, slug: Text, body: NewHost) -> HostShown:
    page = await actions.status_page(w.tx, slug)
    claim = await hosting_actions.claim_host(w.tx, w.actor, page.id, body.host, w.ctx.allowed_hosts, w.now)
    return _host(claim, page)


@router.post(
    "/status-pages/{slug}/host/proof",
    summary="Prove the claim of a host name: Firebell reads the token from its DNS, or from the host",
    responses=problems(404, 409),
)
async def prove_status_page_host(
    ctx: Ctx, caller: Annotated[Caller, may(Verb.STATUS_PAGE_WRITE)], slug: Text
) -> HostShown:
    async with ctx.db.tx() as tx:
        page = await actions.status_page(tx, slug)
        claim = await hosting_store.host_claim(tx, page.id)
    if claim is None:
        raise NotFound("This status page has no host name.")
    proof = await host_proof.read_proof(ctx.http, ctx.txt_records, claim, slug)
    async with ctx.db.tx() as tx:
        claim = await hosting_actions.prove_host(tx, caller.actor, page.id, proof, ctx.clock.now())
    return _host(claim, page)


@router.delete(
    "/status-pages/{slug}/host",
    status_code=204,
    summary="Stop serving a status page on its host",
    responses=problems(404),
)
async def remove_status_page_host(w: Manager, slug: Text) -> Response:
    page = await actions.status_page(w.tx, slug)
    await hosting_actions.remove_host(w.tx, w.actor, page.id, w.now)
    return Response(status_code=204)


@router.patch(
    "/status-pages/{slug}/theme", summary="Change the look of a status page", responses=problems(404)
)
async def change_theme(w: Manager, slug: Text, body: ChangedTheme) -> HostingShown:
    page = await actions.status_page(w.tx, slug)
    values = {name: value for name, value in body.model_dump(exclude_unset=True).items() if value is not None}
    if body.footer_links is not None:
        values["footer_links"] = [(link.label, link.url) for link in body.footer_links]
    if "logo" in values:
        values["logo"] = _decoded(values["logo"]) if values["logo"] else None
    await hosting_actions.change_theme(w.tx, w.actor, page.id, values, w.now)
    return await _hosting(w, page)


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        raise Invalid("The logo is not Base64.", fields={"logo": "Encode the file in Base64."}) from None


@router.post(
    "/status-pages/{slug}/mirrors",
    status_code=201,
    summary="Push mirrors of a status page to a bucket",
    responses=problems(404, 409),
)
async def add_mirror(w: Manager, slug: Text, body: NewMirror) -> MirrorShown:
    page = await actions.status_page(w.tx, slug)
    mirror = await hosting_actions.add_mirror(w.tx, w.actor, page.id, **body.model_dump(), now=w.now)
    return _mirror(mirror, w.now)


@router.delete(
    "/status-pages/{slug}/mirrors/{mirror_id}",
    status_code=204,
    summary="Stop pushing a mirror of a status page; the bucket keeps what it has",
    responses=problems(404),
)
async def remove_mirror(w: Manager, slug: Text, mirror_id: PathId) -> Response:
    page = await actions.status_page(w.tx, slug)
    await hosting_actions.remove_mirror(w.tx, w.actor, page.id, mirror_id, w.now)
    return Response(status_code=204)


@router.get(
    "/status-pages/{slug}/saved-page",
    summary="Everything that a status page shows, for `firebell statuspage export`",
    responses=problems(404, 409),
)
async def saved_page(w: Reader, slug: Text) -> SavedPageFile:
    page = await actions.status_page(w.tx, slug)
    saved = await hosting_queries.saved(w.tx, page, w.ctx.public_url, w.now)
    if not export.is_exportable(saved):
        raise Conflict("A private page has no mirrors: anyone could read them.")
    return SavedPageFile.model_validate_json(saved_pages.encode(saved_pages.public_copy(saved)))
