"""The public pages of subscriptions: the form of a status page, and the links of mails. No one signs in here.

A GET changes nothing, because mail scanners follow links. No answer tells whether an address is known.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any

from fastapi import Request, Response
from fastapi.responses import HTMLResponse, PlainTextResponse
from starlette.datastructures import FormData

from firebell.channels.phone import public_sms
from firebell.kit.context import Context
from firebell.kit.db.database import Tx
from firebell.kit.errors import FirebellError, Gone, Invalid, NotFound
from firebell.kit.rate_limit import SlidingWindow
from firebell.kit.text import to_choices, to_number
from firebell.kit.web import html, routing, status_page_host, transaction
from firebell.people import route_access
from firebell.status_pages import actions as status_pages
from firebell.status_pages.model import PageVisibility, StatusPage
from firebell.status_pages.public.languages import ENGLISH, Language, preferred
from firebell.subscribers import addresses, subscription_rules
from firebell.subscribers.model import (
    CHANNEL_LABELS,
    KIND_LABELS,
    STATE_LABELS,
    FollowScope,
    StatusSubscriber,
    SubscriberChannel,
    SubscriberState,
    SubscriptionRequest,
    offered_channels,
)
from firebell.subscribers.subscribing import actions as subscribing
from firebell.subscribers.subscribing import links
from firebell.subscribers.subscribing.csv_import import channel_of
from firebell.subscribers.subscribing.links import LinkKind, SubscriptionLink
from firebell.subscribers.subscribing.scope_input import IMPACT_OPTIONS, described, scope_from, typed_scope
from firebell.subscribers.subscription_rules import SubscriptionEvent, can_resubscribe, next_state

router = routing.html_router()

ANYONE = route_access.public("Anyone may subscribe to a status page.")
FORM_PURPOSE = "subscriber.form"
FORM_PERIOD = timedelta(hours=24)
_FIELD_BYTES = 20_000
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; font-src 'self'; base-uri 'none';"
        " form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    # the address of a page has a token
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "X-Robots-Tag": "noindex",
}
ONE_CLICK = ("List-Unsubscribe", "One-Click")
"""The field of RFC 8058 with which mail programs unsubscribe."""


@dataclass(frozen=True, slots=True)
class FramedPage:
    """A status page, and what its frame needs around a form."""

    page: StatusPage
    frame: Mapping[str, Any]

    @property
    def language(self) -> Language:
        """The language of the form."""
        language = self.frame["language"]
        assert isinstance(language, Language)
        return language


def render(
    framed: FramedPage | None,
    template: str,
    context: Mapping[str, Any],
    now: datetime,
    status: HTTPStatus,
    language: Language = ENGLISH,
) -> Response:
    language = framed.language if framed else language
    t = language.text
    values = {
        **(framed.frame if framed else {}),
        "language": language,
        "t": t,
        "labeled": language.labeled,
        "now": now,
        "error": None,
        "form_errors": {},
        "channel_labels": {channel: t(label) for channel, label in CHANNEL_LABELS.items()},
        "kind_labels": {kind: t(label) for kind, label in KIND_LABELS.items()},
        "impact_options": [(value, t(label)) for value, label in IMPACT_OPTIONS],
        **context,
    }
    if error := values.get("error"):
        values["error"] = {"message": t(error.message), "hint": t(error.hint)}
        values["form_errors"] = {name: t(text) for name, text in error.fields.items()}
    return HTMLResponse(html.render_public(f"subscribers/{template}", values), status, headers=HEADERS)


async def posted_form(request: Request) -> FormData:
    return await request.form(max_files=0, max_fields=700, max_part_size=_FIELD_BYTES)


def text_of(form: FormData, name: str) -> str:
    value = form.get(name)
    return value if isinstance(value, str) else ""


async def _scope(tx: Tx, page: StatusPage, form: FormData) -> FollowScope:
    groups, components = await status_pages.parts(tx, page)
    return scope_from(
        follows_all=text_of(form, "follows") != "some",
        component_ids=to_choices(form.getlist("component"), "component"),
        group_ids=to_choices(form.getlist("group"), "group"),
        kinds=[kind for kind in form.getlist("kind") if isinstance(kind, str)],
        min_impact=to_number(text_of(form, "min_impact") or "0", "min_impact"),
        components=components,
        groups=groups,
    )


async def _subscribe_form(
    ctx: Context, framed: FramedPage, form: FormData | None, error: FirebellError | None, now: datetime
) -> Response:
    async with ctx.db.tx() as tx:
        groups, components = await status_pages.parts(tx, framed.page)
    countries = public_sms.countries(ctx.channel_settings)
    context = {
        "groups": groups,
        "components": components,
        "scope": _typed_scope(form) if form else FollowScope(),
        "values": {name: text_of(form, name) for name in form} if form else {},
        "error": error,
        "countries": countries,
        "channels": offered_channels(countries),
        "token": ctx.signer.sign(
            FORM_PURPOSE, {"p": framed.page.id, "t": now.timestamp()}, now + FORM_PERIOD
        ),
    }
    status = HTTPStatus(error.status) if error else HTTPStatus.OK
    return render(framed, "public_subscribe.html", context, now, status)


async def page_for_anyone(request: Request, slug: str, code: str, now: datetime) -> FramedPage | None:
    """Return a page to which anyone may subscribe, in a language of it; None if there is none.

    A private page is not one: managers add its readers.
    """
    try:
        async with html.ctx(request).db.tx() as tx:
            page = await status_pages.status_page(tx, slug)
            if page.visibility is PageVisibility.PRIVATE:
                return None
            base = _base(request, page)
            frame = await status_pages.frame_context(tx, page, now, base=base, code=code, form="/subscribe")
            return FramedPage(page, frame)
    except NotFound:
        return None


def _base(request: Request, page: StatusPage) -> str:
    """Return the path of a page, on its own host or on that of the installation."""
    return "" if status_page_host.slug_of(request.scope) else f"/s/{page.slug}"


@router.get("/s/{slug}/subscribe", dependencies=ANYONE)
async def subscribe_form(request: Request, slug: str) -> Response:
    return await _show_form(request, slug, "")


@router.get("/s/{slug}/{code}/subscribe", dependencies=ANYONE)
async def subscribe_form_in_language(request: Request, slug: str, code: str) -> Response:
    return await _show_form(request, slug, code)


async def _show_form(request: Request, slug: str, code: str) -> Response:
    ctx, now = html.ctx(request), transaction.now(request)
    framed = await page_for_anyone(request, slug, code, now)
    if framed is None:
        return nothing()
    return await _subscribe_form(ctx, framed, None, None, now)


def nothing() -> Response:
    return PlainTextResponse("There is nothing here.\n", HTTPStatus.NOT_FOUND, headers=HEADERS)


@router.post("/s/{slug}/subscribe", dependencies=ANYONE)
async def subscribe(request: Request, slug: str) -> Response:
    """Store a request and answer 202, the same for every address."""
    return await _subscribe(request, slug, "")


@router.post("/s/{slug}/{code}/subscribe", dependencies=ANYONE)
async def subscribe_in_language(request: Request, slug: str, code: str) -> Response:
    """Store a request from the form in another language of the page."""
    return await _subscribe(request, slug, code)


async def _subscribe(request: Request, slug: str, code: str) -> Response:
    ctx, now, form = html.ctx(request), transaction.now(request), await posted_form(request)
    framed = await page_for_anyone(request, slug, code, now)
    if framed is None:
        return nothing()
    page = framed.page
    host = request.client.host if request.client else ""
    try:
        check_rate(request, now)
        async with ctx.db.tx() as tx:
            wanted = await _request(tx, page, form, public_sms.countries(ctx.channel_settings))
            if _is_by_a_person(ctx, page, form, now):
                wanted = replace(wanted, network=addresses.network_of(host), locale=code)
                await subscribing.request(tx, page.id, wanted, now)
    except FirebellError as error:
        return await _subscribe_form(ctx, framed, form, error, now)
    if wanted.channel is SubscriberChannel.SMS:
        values = {"address": wanted.address}
        return render(framed, "public_code.html", {"values": values}, now, HTTPStatus.ACCEPTED)
    return render(framed, "public_requested.html", {}, now, HTTPStatus.ACCEPTED)


def check_rate(
    request: Request,
    now: datetime,
    limits: tuple[int, int] = (subscription_rules.REQUESTS_PER_HOUR, subscription_rules.REQUESTS_PER_DAY),
    name: str = "subscribe",
) -> None:
    """Count a request of a network; raise `TooMany` beyond the limits of an hour and of a day."""
    client = addresses.client_of(request.client.host if request.client else "")
    windows: tuple[SlidingWindow, SlidingWindow] | None
    if (windows := getattr(request.app.state, f"{name}_windows", None)) is None:
        windows = SlidingWindow(timedelta(hours=1)), SlidingWindow(timedelta(days=1))
        setattr(request.app.state, f"{name}_windows", windows)
    message = "Too many requests came from your network."
    for window, limit in zip(windows, limits, strict=True):
        window.check(client, limit, now, message)
    for window in windows:
        window.count(client, now)


async def _request(tx: Tx, page: StatusPage, form: FormData, countries: Sequence[str]) -> SubscriptionRequest:
    channel = channel_of(text_of(form, "channel") or SubscriberChannel.EMAIL)
    address = addresses.checked(channel, text_of(form, "address"), countries=countries)
    contact = ""
    if channel is SubscriberChannel.WEBHOOK:
        contact = addresses.checked(SubscriberChannel.EMAIL, text_of(form, "contact"), "contact")
    return SubscriptionRequest(channel, address, await _scope(tx, page, form), contact)


def _is_by_a_person(ctx: Context, page: StatusPage, form: FormData, now: datetime) -> bool:
    """Return False for a form that is sent within two seconds, again after a day, or with its trap filled in."""
    try:
        value = ctx.signer.open(FORM_PURPOSE, text_of(form, "token"), now)
    except FirebellError:
        return False
    is_old_enough = now.timestamp() - value["t"] >= subscription_rules.LEAST_FORM_AGE.total_seconds()
    return is_old_enough and value["p"] == page.id and not text_of(form, "website")


@router.get("/u/{token}", dependencies=route_access.public("The signed link grants access."))
async def show_link(request: Request, token: str) -> Response:
    """Show what the link of a mail can do; a mail scanner that follows it changes nothing."""
    ctx, now = html.ctx(request), transaction.now(request)
    try:
        link = links.read(ctx.signer, token, now)
        async with ctx.db.tx() as tx:
            return await _manage(tx, request, link, now)
    except (Invalid, Gone) as error:
        return _dead_link(request, error, now)


def _dead_link(request: Request, error: FirebellError, now: datetime) -> Response:
    language = preferred(request.headers.get("accept-language", ""))
    return render(None, "public_dead_link.html", {"error": error}, now, HTTPStatus(error.status), language)


def _over(request: Request, now: datetime) -> Response:
    language = preferred(request.headers.get("accept-language", ""))
    return render(None, "public_over.html", {}, now, HTTPStatus.OK, language)


async def _manage(
    tx: Tx,
    request: Request,
    link: SubscriptionLink,
    now: datetime,
    *,
    done: str = "",
    secret: str = "",
    scope: FollowScope | None = None,
    error: FirebellError | None = None,
) -> Response:
    subscriber = await subscribing.of_link(tx, link)
    page = await _page_of(tx, request, subscriber)
    framed = await _framed(tx, request, page, subscriber, now)
    t = framed.language.text
    groups, components = await status_pages.parts(tx, page)
    context = {
        "subscriber": subscriber,
        "shown_address": addresses.shown(subscriber.channel, subscriber.address),
        "state_label": t(STATE_LABELS[subscriber.state]),
        "follows": described(subscriber.scope, components, groups, framed.language, framed.frame["name_of"]),
        "scope": scope or subscriber.scope,
        "groups": groups,
        "components": components,
        "is_confirming": link.kind is LinkKind.CONFIRM,
        "is_undoing": link.kind is LinkKind.RESUBSCRIBE,
        "can_confirm": next_state(subscriber.state, SubscriptionEvent.CONFIRM) is not None,
        "can_undo": can_resubscribe(subscriber.state, was_confirmed=subscriber.confirmed_at is not None),
        "is_active": subscriber.state is SubscriberState.ACTIVE,
        "done": t(done) if done else "",
        "secret": secret,
        "values": {},
        "error": error,
    }
    status = HTTPStatus(error.status) if error else HTTPStatus.OK
    return render(framed, "public_manage.html", context, now, status)


async def _page_of(tx: Tx, request: Request, subscriber: StatusSubscriber) -> StatusPage:
    """Return the page of a subscriber; raise `Invalid` on the own host of another page."""
    page = await status_pages.page_by_id(tx, subscriber.status_page_id)
    assert page
    if status_page_host.slug_of(request.scope) not in ("", page.slug):
        raise Invalid("This link doesn’t work.", hint="Subscribe again on the status page.")
    return page


async def _framed(
    tx: Tx, request: Request, page: StatusPage, subscriber: StatusSubscriber, now: datetime
) -> FramedPage:
    """Return a page around the settings of a subscriber, in their language while the page has it."""
    base = _base(request, page)
    try:
        frame = await status_pages.frame_context(tx, page, now, base=base, code=subscriber.locale)
    except NotFound:
        frame = await status_pages.frame_context(tx, page, now, base=base)
    return FramedPage(page, frame)


@router.post("/u/{token}", dependencies=route_access.public("The signed link grants access."))
async def use_link(request: Request, token: str) -> Response:
    """Do what the posted form says; the one-click form of a mail program always gets an empty 200 (RFC 8058)."""
    ctx, now, form = html.ctx(request), transaction.now(request), await posted_form(request)
    is_one_click = text_of(form, ONE_CLICK[0]) == ONE_CLICK[1]
    try:
        link = links.read(ctx.signer, token, now)
        async with ctx.db.tx() as tx:
            if is_one_click:
                if link.kind is LinkKind.MANAGE:
                    await subscribing.unsubscribe(tx, await subscribing.of_link(tx, link), now)
                return Response(headers=HEADERS)
            return await _use(tx, request, link, form, now)
    except (Invalid, Gone) as error:
        if is_one_click:
            return Response(headers=HEADERS)
        return _dead_link(request, error, now)


async def _use(tx: Tx, request: Request, link: SubscriptionLink, form: FormData, now: datetime) -> Response:
    action = text_of(form, "do")
    if action == "confirm":
        confirmed, secret = await subscribing.confirm(tx, link, now)
        done = (
            "Your webhook was sent a challenge; it is active once it echoes it." if secret else "Confirmed."
        )
        return await _manage(tx, request, _link_of(confirmed), now, done=done, secret=secret)
    if action == "refuse" and link.kind is LinkKind.CONFIRM:
        await subscribing.refuse(tx, link, now)
        return _over(request, now)
    if action == "undo" and link.kind is LinkKind.RESUBSCRIBE:
        await subscribing.resubscribe(tx, link, now)
        return await _manage(tx, request, link, now, done="You’re subscribed again.")
    subscriber = await subscribing.of_link(tx, link)
    if link.kind is LinkKind.CONFIRM:
        raise Invalid("This link can’t do that.")
    if action == "unsubscribe":
        await subscribing.unsubscribe(tx, subscriber, now)
        return await _manage(tx, request, link, now, done="You’re unsubscribed.")
    if action == "erase":
        await subscribing.erase(tx, subscriber, now)
        return _over(request, now)
    if action == "rotate":
        secret = await subscribing.rotate_secret(tx, subscriber, now)
        return await _manage(tx, request, link, now, secret=secret)
    return await _save_choices(tx, request, link, subscriber, form, now)


async def _save_choices(
    tx: Tx,
    request: Request,
    link: SubscriptionLink,
    subscriber: StatusSubscriber,
    form: FormData,
    now: datetime,
) -> Response:
    page = await _page_of(tx, request, subscriber)
    try:
        async with tx.savepoint():
            await subscribing.change_scope(tx, subscriber, await _scope(tx, page, form))
            await subscribing.change_locale(tx, subscriber, await _locale(tx, page, form))
    except FirebellError as error:
        return await _manage(tx, request, link, now, scope=_typed_scope(form), error=error)
    return await _manage(tx, request, link, now, done="Changes saved.")


async def _locale(tx: Tx, page: StatusPage, form: FormData) -> str:
    """Return the chosen language, empty for that of the page; raise `Invalid` for one that the page does not have."""
    default, *others = await status_pages.locales(tx, page)
    chosen = text_of(form, "locale") or default
    if chosen not in (default, *others):
        raise Invalid("The page is not in this language.", fields={"locale": "Choose from the list."})
    return "" if chosen == default else chosen


def _typed_scope(form: FormData) -> FollowScope:
    return typed_scope(
        follows=text_of(form, "follows"),
        components=form.getlist("component"),
        groups=form.getlist("group"),
        kinds=form.getlist("kind"),
        impact=text_of(form, "min_impact"),
    )


def _link_of(subscriber: StatusSubscriber) -> SubscriptionLink:
    return SubscriptionLink(LinkKind.MANAGE, subscriber.id, subscriber.link_generation)
