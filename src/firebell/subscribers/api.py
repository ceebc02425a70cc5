"""The API of the subscribers of a status page, and of what is sent to them."""

from datetime import datetime
from typing import Annotated

from fastapi import Query
from pydantic import ConfigDict, Field

from firebell.channels.phone import public_sms
from firebell.kit.errors import NotFound
from firebell.kit.web import api
from firebell.kit.web.api import ApiInput, ApiOutput, Id, PageParams, PathId, StrictInt, Text, problems
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import Work, work
from firebell.status_pages import actions as status_pages
from firebell.status_pages.model import StatusPage
from firebell.subscribers import actions, addresses, store
from firebell.subscribers.broadcasts import store as broadcast_store
from firebell.subscribers.broadcasts.store import Progress
from firebell.subscribers.model import (
    BroadcastKind,
    FollowScope,
    StatusSubscriber,
    SubscriberChannel,
    SubscriberState,
    SubscriptionRequest,
)
from firebell.subscribers.store import SubscriberFilter
from firebell.subscribers.subscribing import csv_import
from firebell.subscribers.subscribing.csv_import import ImportPreview
from firebell.subscribers.subscribing.scope_input import scope_from

router = api.router("status pages")

Reader = Annotated[Work, work(Verb.SUBSCRIBER_READ)]
Writer = Annotated[Work, work(Verb.SUBSCRIBER_WRITE)]
MinImpact = Annotated[
    StrictInt,
    Field(ge=0, le=4, description="the least impact of incidents: 0 all, 2 minor, 3 major, 4 critical"),
]


class ScopeFields(ApiInput):
    """What a subscriber follows; everything without components and groups."""

    component_ids: Annotated[list[Id], Field(default_factory=list, max_length=500)]
    group_ids: Annotated[list[Id], Field(default_factory=list, max_length=500)]
    kinds: Annotated[list[BroadcastKind], Field(default_factory=lambda: list(BroadcastKind))]
    min_impact: MinImpact = 0


class Invitation(ScopeFields):
    """An address to ask whether it wants to subscribe."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"address": "ops@nordpost.example"}]})

    address: Text
    channel: SubscriberChannel = SubscriberChannel.EMAIL
    contact: Annotated[Text, Field(description="the email address that confirms a webhook")] = ""
    locale: Annotated[Text, Field(description="a language of the page; empty for its own")] = ""


class CsvFile(ApiInput):
    """A CSV with address, and perhaps channel, components and contact."""

    csv: Annotated[str, Field(max_length=3_000_000, examples=["address\r\nops@nordpost.example\r\n"])]
    dry_run: bool = False


class PauseReason(ApiInput):
    """Why nothing more of a broadcast is sent."""

    reason: Text = "Paused over the API."


class SubscriberShown(ApiOutput):
    """A subscriber. The address of a webhook is a secret: only its host and its end are shown."""

    id: int
    address: str
    channel: SubscriberChannel
    contact: str
    state: SubscriberState
    follows_all: bool
    component_ids: list[int]
    group_ids: list[int]
    kinds: list[BroadcastKind]
    min_impact: int
    locale: Annotated[str, Field(description="the code of the language, empty for that of the page")]
    created_at: datetime
    confirmed_at: datetime | None
    ended_at: datetime | None
    failure: str
    failing_since: datetime | None


class InvitationAccepted(ApiOutput):
    """An invitation is on its way; the subscriber is listed once the worker has worked on it."""

    asked: int


class ProblemOfLine(ApiOutput):
    """A line that can't be imported."""

    line: int
    problem: str


class ImportShown(ApiOutput):
    """What an import did, or would do."""

    new: int
    known: int
    suppressed: int
    problems: list[ProblemOfLine]


class BroadcastShown(ApiOutput):
    """Something that was sent to subscribers, with its progress."""

    id: int
    type: str
    subject: Annotated[str, Field(description="the public id of the incident")]
    title: str
    published_at: datetime
    paused_at: datetime | None
    pause_reason: Annotated[str, Field(description="after bounces it stays when the broadcast is resumed")]
    is_queued: Annotated[bool, Field(description="whether there is a delivery for every subscriber")]
    waiting: int
    sent: int
    failed: int
    void: int
    median_s: float | None
    p95_s: float | None


def _subscriber(subscriber: StatusSubscriber) -> SubscriberShown:
    scope = subscriber.scope
    return SubscriberShown(
        id=subscriber.id,
        address=addresses.shown(subscriber.channel, subscriber.address),
        channel=subscriber.channel,
        contact=subscriber.contact,
        state=subscriber.state,
        follows_all=scope.follows_all,
        component_ids=sorted(scope.component_ids),
        group_ids=sorted(scope.group_ids),
        kinds=sorted(scope.kinds),
        min_impact=scope.min_impact,
        locale=subscriber.locale,
        created_at=subscriber.created_at,
        confirmed_at=subscriber.confirmed_at,
        ended_at=subscriber.ended_at,
        failure=subscriber.failure,
        failing_since=subscriber.failing_since,
    )


async def _scope(w: Work, page: StatusPage, body: ScopeFields) -> FollowScope:
    groups, components = await status_pages.parts(w.tx, page)
    return scope_from(
        follows_all=not body.component_ids and not body.group_ids,
        component_ids=body.component_ids,
        group_ids=body.group_ids,
        kinds=body.kinds,
        min_impact=body.min_impact,
        components=components,
        groups=groups,
    )


async def _locale(w: Work, page: StatusPage, wanted: str) -> str:
    return csv_import.locale_of(wanted, await status_pages.locales(w.tx, page))


@router.get(
    "/status-pages/{slug}/subscribers", summary="List subscribers, newest first", responses=problems(404)
)
async def list_subscribers(
    w: Reader,
    slug: Text,
    pagination: PageParams,
    q: Annotated[Text, Query(description="a part of the address")] = "",
    channel: SubscriberChannel | None = None,
    state: SubscriberState | None = None,
) -> list[SubscriberShown]:
    page = await status_pages.status_page(w.tx, slug)
    wanted = SubscriberFilter(q, channel or "", state or "")
    listed = await store.listed(w.tx, page.id, wanted, pagination.limit, pagination.before)
    pagination.link([subscriber.id for subscriber in listed])
    return [_subscriber(each) for each in listed]


@router.post(
    "/status-pages/{slug}/subscribers",
    status_code=202,
    summary="Ask an address whether it wants to subscribe",
    responses=problems(404, 409),
)
async def invite(w: Writer, slug: Text, body: Invitation) -> InvitationAccepted:
    page = await status_pages.status_page(w.tx, slug)
    contact = addresses.checked_contact(body.channel, body.contact)
    wanted = SubscriptionRequest(
        body.channel,
        addresses.checked(body.channel, body.address, countries=public_sms.countries(w.ctx.channel_settings)),
        await _scope(w, page, body),
        contact,
        locale=await _locale(w, page, body.locale),
        is_trusted=True,
    )
    await actions.invite(w.tx, w.actor, page, wanted, w.now)
    return InvitationAccepted(asked=1)


@router.post(
    "/status-pages/{slug}/subscribers/import",
    summary="Ask the addresses of a CSV whether they want to subscribe",
    responses=problems(404),
)
async def import_subscribers(w: Writer, slug: Text, body: CsvFile) -> ImportShown:
    page = await status_pages.status_page(w.tx, slug)
    _, components = await status_pages.parts(w.tx, page)
    locales = await status_pages.locales(w.tx, page)
    countries = public_sms.countries(w.ctx.channel_settings)
    rows = csv_import.parse(body.csv, {c.name.lower(): c.id for c in components}, locales, countries)
    preview: ImportPreview
    if body.dry_run:
        preview = await actions.preview_import(w.tx, w.actor, page, rows)
    else:
        preview = await actions.import_subscribers(w.tx, w.actor, page, rows, w.now)
    lines = [ProblemOfLine(line=line, problem=text) for line, text in preview.problems]
    return ImportShown(
        new=len(preview.new), known=preview.known, suppressed=preview.suppressed, problems=lines
    )


@router.get(
    "/status-pages/{slug}/subscribers/{subscriber_id}", summary="Show a subscriber", responses=problems(404)
)
async def show_subscriber(w: Reader, slug: Text, subscriber_id: PathId) -> SubscriberShown:
    page = await status_pages.status_page(w.tx, slug)
    return _subscriber(await actions.subscriber(w.tx, page, subscriber_id))


@router.put(
    "/status-pages/{slug}/subscribers/{subscriber_id}/scope",
    summary="Replace what a subscriber follows",
    responses=problems(404, 409),
)
async def change_scope(w: Writer, slug: Text, subscriber_id: PathId, body: ScopeFields) -> SubscriberShown:
    page = await status_pages.status_page(w.tx, slug)
    scope = await _scope(w, page, body)
    return _subscriber(await actions.change_scope(w.tx, w.actor, page, subscriber_id, scope, w.now))


@router.post(
    "/status-pages/{slug}/subscribers/{subscriber_id}/resend",
    summary="Ask a subscriber again to confirm, at most once in 24 hours",
    responses=problems(404, 409),
)
async def resend_confirmation(w: Writer, slug: Text, subscriber_id: PathId) -> SubscriberShown:
    page = await status_pages.status_page(w.tx, slug)
    await actions.resend(w.tx, w.actor, page, subscriber_id, w.now)
    return _subscriber(await actions.subscriber(w.tx, page, subscriber_id))


@router.post(
    "/status-pages/{slug}/subscribers/{subscriber_id}/test",
    summary="Send a test to a webhook, to Slack or to Teams",
    responses=problems(404, 409),
)
async def send_test_to_subscriber(w: Writer, slug: Text, subscriber_id: PathId) -> SubscriberShown:
    page = await status_pages.status_page(w.tx, slug)
    await actions.send_test(w.tx, w.actor, page, subscriber_id, w.now)
    return _subscriber(await actions.subscriber(w.tx, page, subscriber_id))


@router.post(
    "/status-pages/{slug}/subscribers/{subscriber_id}/unsubscribe",
    summary="Unsubscribe; its owner gets an email, and can undo it",
    responses=problems(404),
)
async def unsubscribe(w: Writer, slug: Text, subscriber_id: PathId) -> SubscriberShown:
    page = await status_pages.status_page(w.tx, slug)
    await actions.unsubscribe(w.tx, w.actor, page, subscriber_id, w.now)
    return _subscriber(await actions.subscriber(w.tx, page, subscriber_id))


@router.post(
    "/status-pages/{slug}/subscribers/{subscriber_id}/erase",
    summary="Erase all personal data of a subscriber",
    responses=problems(404),
)
async def erase_subscriber(w: Writer, slug: Text, subscriber_id: PathId) -> SubscriberShown:
    page = await status_pages.status_page(w.tx, slug)
    current = await actions.subscriber(w.tx, page, subscriber_id)
    address = addresses.shown(current.channel, current.address)
    await actions.erase(w.tx, w.actor, page, subscriber_id, address, w.now)
    return _subscriber(await actions.subscriber(w.tx, page, subscriber_id))


def _broadcast(progress: Progress) -> BroadcastShown:
    broadcast = progress.broadcast
    return BroadcastShown(
        id=broadcast.id,
        type=broadcast.type,
        subject=broadcast.subject,
        title=broadcast.content["title"],
        published_at=broadcast.published_at,
        paused_at=broadcast.paused_at,
        pause_reason=broadcast.pause_reason,
        is_queued=broadcast.fanned_out_at is not None,
        waiting=progress.queued,
        sent=progress.sent,
        failed=progress.failed,
        void=progress.void,
        median_s=progress.median_s,
        p95_s=progress.p95_s,
    )


@router.get(
    "/status-pages/{slug}/broadcasts",
    summary="List what was sent to subscribers, newest first",
    responses=problems(404),
)
async def list_broadcasts(w: Reader, slug: Text, pagination: PageParams) -> list[BroadcastShown]:
    page = await status_pages.status_page(w.tx, slug)
    listed = await broadcast_store.latest(w.tx, page.id, pagination.limit, pagination.before)
    pagination.link([progress.broadcast.id for progress in listed])
    return [_broadcast(each) for each in listed]


async def _progress(w: Work, page: StatusPage, broadcast_id: int) -> BroadcastShown:
    listed = await broadcast_store.latest(w.tx, page.id, 1, broadcast_id + 1)
    if not listed or listed[0].broadcast.id != broadcast_id:
        raise NotFound(f"{page.name} has no broadcast {broadcast_id}.")
    return _broadcast(listed[0])


@router.post(
    "/status-pages/{slug}/broadcasts/{broadcast_id}/pause",
    summary="Pause a broadcast until someone resumes it",
    responses=problems(404),
)
async def pause_broadcast(w: Writer, slug: Text, broadcast_id: PathId, body: PauseReason) -> BroadcastShown:
    page = await status_pages.status_page(w.tx, slug)
    await actions.pause_broadcast(w.tx, w.actor, page, broadcast_id, body.reason[:300], w.now)
    return await _progress(w, page, broadcast_id)


@router.post(
    "/status-pages/{slug}/broadcasts/{broadcast_id}/resume",
    summary="Resume a paused broadcast",
    responses=problems(404),
)
async def resume_broadcast(w: Writer, slug: Text, broadcast_id: PathId) -> BroadcastShown:
    page = await status_pages.status_page(w.tx, slug)
    await actions.resume_broadcast(w.tx, w.actor, page, broadcast_id, w.now)
    return await _progress(w, page, broadcast_id)
