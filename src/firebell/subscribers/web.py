"""The pages on which managers see the subscribers of a status page, invite and import them, and follow mails."""

from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Annotated, Any

from fastapi import Request, Response
from fastapi.responses import StreamingResponse
from starlette.datastructures import UploadFile

from firebell.channels.phone import public_sms
from firebell.channels.phone import settings as phone_settings
from firebell.kit.context import Context
from firebell.kit.errors import FirebellError, Invalid, NotFound
from firebell.kit.spreadsheet import to_csv
from firebell.kit.text import to_choices, to_number
from firebell.kit.web import flash, html, routing, transaction
from firebell.kit.web.file_names import disposition
from firebell.people import permissions, route_access
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import CurrentVisit, Visit, visit_with
from firebell.status_pages import actions as status_pages
from firebell.status_pages.model import StatusPage
from firebell.status_pages.public.languages import ENGLISH, language_names
from firebell.subscribers import actions, addresses, queries, store
from firebell.subscribers.mail_events import actions as mail_event_actions
from firebell.subscribers.mail_events import store as mail_event_store
from firebell.subscribers.mail_events.hook_web import ADDRESS
from firebell.subscribers.mail_events.provider_parsing import MAIL_EVENT_LABELS
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
from firebell.subscribers.sending import sms_limit, sms_store
from firebell.subscribers.store import SubscriberFilter
from firebell.subscribers.subscribing import csv_import
from firebell.subscribers.subscribing.csv_import import ImportPreview, channel_of
from firebell.subscribers.subscribing.scope_input import IMPACT_OPTIONS, described, scope_from, typed_scope

router = routing.html_router()

PER_PAGE = 50
SHOWN_MAIL_EVENTS = 5
PER_CSV_BATCH = 1000
MAX_FILE_BYTES = 3 * 1024 * 1024
CSV_HEAD = (
    *("address", "channel", "contact", "language", "state", "follows"),
    *("asked_at", "confirmed_at", "failure"),
)
STATE_LOOKS = {
    SubscriberState.PENDING: "snoozed",
    SubscriberState.ACTIVE: "ok",
    SubscriberState.QUARANTINED: "warn",
    SubscriberState.ENDED: "none",
    SubscriberState.ERASED: "none",
}
CHANNEL_ICONS = {
    SubscriberChannel.EMAIL: "mail",
    SubscriberChannel.WEBHOOK: "webhook",
    SubscriberChannel.SLACK: "message-square",
    SubscriberChannel.TEAMS: "users",
    SubscriberChannel.SMS: "smartphone",
}
_LABELS: Mapping[str, Any] = {
    "channel_labels": CHANNEL_LABELS,
    "channel_icons": CHANNEL_ICONS,
    "kind_labels": KIND_LABELS,
    "state_labels": STATE_LABELS,
    "state_looks": STATE_LOOKS,
    "impact_options": IMPACT_OPTIONS,
    "shown": addresses.shown,
    "t": ENGLISH.text,
    "event_labels": MAIL_EVENT_LABELS,
    "language_names": language_names(),
    "described": described,
}


def _filter(channel: str, state: str, q: str) -> SubscriberFilter:
    """Return the filter of an address; an unknown value filters nothing."""
    return SubscriberFilter(
        q.strip()[:200],
        channel if channel in list(SubscriberChannel) else "",
        state if state in list(SubscriberState) else "",
    )


async def _list(
    visit: Visit,
    page: StatusPage,
    wanted: SubscriberFilter,
    before: int | None = None,
    *,
    values: Mapping[str, str] | None = None,
    error: FirebellError | None = None,
    preview: ImportPreview | None = None,
    text: str = "",
) -> Response:
    listed = await store.listed(visit.tx, page.id, wanted, PER_PAGE + 1, before)
    query = {"q": wanted.query, "channel": wanted.channel, "state": wanted.state}
    own = f"/status-pages/{page.slug}/subscribers"
    older = html.address(own, **query, before=listed[PER_PAGE - 1].id) if len(listed) > PER_PAGE else ""
    countries = _countries(visit)
    context = {
        **_LABELS,
        "nav": "status-pages",
        "live": actions.topic(page),
        "page": page,
        "own": own,
        "numbers": await queries.numbers(visit.tx, page, visit.now),
        "mail_events": await mail_event_store.latest(visit.tx, page.id, SHOWN_MAIL_EVENTS),
        "events_url": await _events_url(visit),
        "countries": countries,
        "channels": offered_channels(countries),
        "parts": await sms_store.parts_since(visit.tx, visit.now - sms_limit.DAY),
        "daily_parts": phone_settings.public_daily_parts(visit.ctx.channel_settings),
        "locales": await status_pages.locales(visit.tx, page),
        "listed": listed[:PER_PAGE],
        "older": older,
        "wanted": wanted,
        "set": _set_filters(own, query),
        "values": values or {},
        "error": error,
        "preview": preview,
        "text": text,
    }
    return await html.render(visit.request, "subscribers/list.html", context)


def _countries(visit: Visit) -> list[str]:
    """Return the countries whose numbers get text messages, none if these are off."""
    return public_sms.countries(visit.ctx.channel_settings)


async def _events_url(visit: Visit) -> str:
    """Return the address to which mail providers post, empty for someone who may not see its key."""
    if not permissions.allows(visit.rights, Verb.SUBSCRIBER_WRITE):
        return ""
    return f"{visit.ctx.public_url}{ADDRESS}{await mail_event_actions.address_key(visit.tx)}"


def _set_filters(own: str, query: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """Return (label, value, address without it) of the filters that are set."""
    set_filters = []
    if channel := query["channel"]:
        label = CHANNEL_LABELS[SubscriberChannel(channel)]
        set_filters.append(("Channel", label, html.address(own, **{**query, "channel": ""})))
    if state := query["state"]:
        label = STATE_LABELS[SubscriberState(state)]
        set_filters.append(("State", label, html.address(own, **{**query, "state": ""})))
    return set_filters


@router.get("/status-pages/{slug}/subscribers", dependencies=route_access.needs(Verb.SUBSCRIBER_READ))
async def list_subscribers(
    visit: CurrentVisit, slug: str, q: str = "", channel: str = "", state: str = "", before: str = ""
) -> Response:
    page = await status_pages.status_page(visit.tx, slug)
    return await _list(
        visit, page, _filter(channel, state, q), to_number(before, "before", least=1) if before else None
    )


@router.post("/status-pages/{slug}/subscribers", dependencies=route_access.needs(Verb.SUBSCRIBER_WRITE))
async def invite(visit: CurrentVisit, slug: str) -> Response:
    page = await status_pages.status_page(visit.tx, slug)
    try:
        async with visit.tx.savepoint():
            channel = channel_of(visit.text("channel") or SubscriberChannel.EMAIL)
            contact = addresses.checked_contact(channel, visit.text("contact"))
            address = addresses.checked(channel, visit.text("address"), countries=_countries(visit))
            locale = csv_import.locale_of(visit.text("locale"), await status_pages.locales(visit.tx, page))
            wanted = SubscriptionRequest(
                channel, address, FollowScope(), contact, locale=locale, is_trusted=True
            )
            await actions.invite(visit.tx, visit.actor, page, wanted, visit.now)
    except FirebellError as error:
        return await _list(visit, page, SubscriberFilter(), values=visit.values, error=error)
    return flash.redirect(
        visit.request, f"/status-pages/{slug}/subscribers", "Invitation sent: they confirm it first."
    )


@router.post(
    "/status-pages/{slug}/subscribers/import", dependencies=route_access.needs(Verb.SUBSCRIBER_WRITE)
)
async def import_csv(visit: Annotated[Visit, visit_with(files=1)], slug: str) -> Response:
    """Show what a file would do, and do it when its text is posted again."""
    page = await status_pages.status_page(visit.tx, slug)
    text = visit.text("text")
    try:
        async with visit.tx.savepoint():
            text = text or await _uploaded(visit)
            _, components = await status_pages.parts(visit.tx, page)
            locales = await status_pages.locales(visit.tx, page)
            rows = csv_import.parse(
                text, {c.name.lower(): c.id for c in components}, locales, _countries(visit)
            )
            if visit.text("text"):
                done = await actions.import_subscribers(visit.tx, visit.actor, page, rows, visit.now)
            else:
                preview = await actions.preview_import(visit.tx, visit.actor, page, rows)
    except FirebellError as error:
        return await _list(visit, page, SubscriberFilter(), error=error)
    if not visit.text("text"):
        return await _list(visit, page, SubscriberFilter(), preview=preview, text=text)
    message = f"Imported {len(done.new)}: each is asked to confirm."
    return flash.redirect(visit.request, f"/status-pages/{slug}/subscribers", message)


async def _uploaded(visit: Visit) -> str:
    file = visit.form.get("file")
    if not isinstance(file, UploadFile):
        raise Invalid("No file is chosen.", fields={"file": "Choose a CSV file."})
    try:
        data = await file.read(MAX_FILE_BYTES + 1)
    finally:
        await file.close()
    if len(data) > MAX_FILE_BYTES:
        raise Invalid("The file is too large.", fields={"file": "Import at most 3 MB at a time."})
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Invalid("The file can’t be read.", fields={"file": "Save it as CSV in UTF-8."}) from None


@router.get("/status-pages/{slug}/subscribers.csv", dependencies=route_access.needs(Verb.SUBSCRIBER_READ))
async def export(request: Request, slug: str, q: str = "", channel: str = "", state: str = "") -> Response:
    """Export the list with the same parameters."""
    async with transaction.opened(request) as (tx, _):
        page = await status_pages.status_page(tx, slug)
    headers = {**html.HEADERS, "Content-Disposition": disposition(f"subscribers-{page.slug}.csv")}
    rows = _rows(html.ctx(request), page, _filter(channel, state, q))
    return StreamingResponse(rows, headers=headers, media_type="text/csv")


async def _rows(ctx: Context, page: StatusPage, wanted: SubscriberFilter) -> AsyncIterator[str]:
    """Yield the file in batches; a client that reads slowly holds no transaction open."""
    yield to_csv([CSV_HEAD])
    before: int | None = None
    while True:
        async with ctx.db.tx() as tx:
            groups, components = await status_pages.parts(tx, page)
            own_locale = (await status_pages.locales(tx, page))[0]
            listed = await store.listed(tx, page.id, wanted, PER_CSV_BATCH, before)
        yield to_csv(
            [
                *(each.address, each.channel, each.contact, each.locale or own_locale, each.state),
                *(described(each.scope, components, groups), _instant(each.created_at)),
                *(_instant(each.confirmed_at), each.failure),
            ]
            for each in listed
        )
        if len(listed) < PER_CSV_BATCH:
            return
        before = listed[-1].id


def _instant(at: datetime | None) -> str:
    return at.isoformat() if at else ""


async def _one(visit: Visit, slug: str, subscriber_id: str) -> tuple[StatusPage, StatusSubscriber]:
    page = await status_pages.status_page(visit.tx, slug)
    number = int(subscriber_id) if subscriber_id.isascii() and subscriber_id.isdecimal() else 0
    if not 0 < number < 2**63:
        raise NotFound(f"{page.name} has no subscriber {subscriber_id[:20]}.")
    return page, await actions.subscriber(visit.tx, page, number)


async def _show(
    visit: Visit,
    page: StatusPage,
    subscriber: StatusSubscriber,
    error: FirebellError | None = None,
    scope: FollowScope | None = None,
) -> Response:
    groups, components = await status_pages.parts(visit.tx, page)
    context = {
        **_LABELS,
        "nav": "status-pages",
        "page": page,
        "own": f"/status-pages/{page.slug}/subscribers",
        "subscriber": subscriber,
        "scope": scope or subscriber.scope,
        "groups": groups,
        "components": components,
        "name_of": lambda part: part.name,
        "mail_events": await mail_event_store.latest(visit.tx, page.id, subscriber_id=subscriber.id),
        "error": error,
    }
    return await html.render(visit.request, "subscribers/subscriber.html", context)


@router.get(
    "/status-pages/{slug}/subscribers/{subscriber_id}", dependencies=route_access.needs(Verb.SUBSCRIBER_READ)
)
async def show(visit: CurrentVisit, slug: str, subscriber_id: str) -> Response:
    page, subscriber = await _one(visit, slug, subscriber_id)
    return await _show(visit, page, subscriber)


@router.post(
    "/status-pages/{slug}/subscribers/{subscriber_id}", dependencies=route_access.needs(Verb.SUBSCRIBER_WRITE)
)
async def change(visit: CurrentVisit, slug: str, subscriber_id: str) -> Response:
    page, subscriber = await _one(visit, slug, subscriber_id)
    groups, components = await status_pages.parts(visit.tx, page)
    try:
        async with visit.tx.savepoint():
            scope = scope_from(
                follows_all=visit.text("follows") != "some",
                component_ids=to_choices(visit.form.getlist("component"), "component"),
                group_ids=to_choices(visit.form.getlist("group"), "group"),
                kinds=[kind for kind in visit.form.getlist("kind") if isinstance(kind, str)],
                min_impact=to_number(visit.text("min_impact") or "0", "min_impact"),
                components=components,
                groups=groups,
            )
            await actions.change_scope(visit.tx, visit.actor, page, subscriber.id, scope, visit.now)
    except FirebellError as error:
        form = visit.form
        scope = typed_scope(
            follows=visit.text("follows"),
            components=form.getlist("component"),
            groups=form.getlist("group"),
            kinds=form.getlist("kind"),
            impact=visit.text("min_impact"),
        )
        return await _show(visit, page, subscriber, error, scope)
    return _done(visit, page, subscriber, "Changes saved.")


def _done(visit: Visit, page: StatusPage, subscriber: StatusSubscriber, message: str) -> Response:
    return flash.redirect(visit.request, f"/status-pages/{page.slug}/subscribers/{subscriber.id}", message)


@router.post(
    "/status-pages/{slug}/subscribers/{subscriber_id}/resend",
    dependencies=route_access.needs(Verb.SUBSCRIBER_WRITE),
)
async def resend(visit: CurrentVisit, slug: str, subscriber_id: str) -> Response:
    page, subscriber = await _one(visit, slug, subscriber_id)
    await actions.resend(visit.tx, visit.actor, page, subscriber.id, visit.now)
    return _done(visit, page, subscriber, "Confirmation requested, at most once in 24 hours.")


@router.post(
    "/status-pages/{slug}/subscribers/{subscriber_id}/test",
    dependencies=route_access.needs(Verb.SUBSCRIBER_WRITE),
)
async def send_test(visit: CurrentVisit, slug: str, subscriber_id: str) -> Response:
    page, subscriber = await _one(visit, slug, subscriber_id)
    await actions.send_test(visit.tx, visit.actor, page, subscriber.id, visit.now)
    return _done(visit, page, subscriber, "Test sent.")


@router.post(
    "/status-pages/{slug}/subscribers/{subscriber_id}/unsubscribe",
    dependencies=route_access.needs(Verb.SUBSCRIBER_WRITE),
)
async def unsubscribe(visit: CurrentVisit, slug: str, subscriber_id: str) -> Response:
    page, subscriber = await _one(visit, slug, subscriber_id)
    await actions.unsubscribe(visit.tx, visit.actor, page, subscriber.id, visit.now)
    return _done(visit, page, subscriber, "Unsubscribed.")


@router.post(
    "/status-pages/{slug}/subscribers/{subscriber_id}/erase",
    dependencies=route_access.needs(Verb.SUBSCRIBER_WRITE),
)
async def erase(visit: CurrentVisit, slug: str, subscriber_id: str) -> Response:
    page, subscriber = await _one(visit, slug, subscriber_id)
    try:
        async with visit.tx.savepoint():
            await actions.erase(visit.tx, visit.actor, page, subscriber.id, visit.text("confirm"), visit.now)
    except FirebellError as error:
        return await _show(visit, page, subscriber, error)
    return flash.redirect(visit.request, f"/status-pages/{slug}/subscribers", "Subscriber erased.")


@router.post(
    "/status-pages/{slug}/broadcasts/{broadcast_id}/{what}",
    dependencies=route_access.needs(Verb.SUBSCRIBER_WRITE),
)
async def change_broadcast(visit: CurrentVisit, slug: str, broadcast_id: str, what: str) -> Response:
    page = await status_pages.status_page(visit.tx, slug)
    number = to_number(broadcast_id, "broadcast", least=1)
    if what == "pause":
        await actions.pause_broadcast(visit.tx, visit.actor, page, number, "Paused by hand.", visit.now)
        message = "Sending is paused."
    elif what == "resume":
        await actions.resume_broadcast(visit.tx, visit.actor, page, number, visit.now)
        message = "Sending continues."
    else:
        raise NotFound(f"A broadcast can’t {what[:20]!r}.")
    return flash.redirect(visit.request, f"/status-pages/{slug}/subscribers", message)
