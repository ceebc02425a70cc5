"""The API of what mail providers report, and of the address to which they post it."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from firebell.kit.web import api
from firebell.kit.web.api import ApiOutput, PageParams, Text, problems
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import Work, work
from firebell.status_pages import actions as status_pages
from firebell.subscribers.mail_events import actions as mail_event_actions
from firebell.subscribers.mail_events import store as mail_event_store
from firebell.subscribers.mail_events.hook_web import ADDRESS
from firebell.subscribers.mail_events.provider_parsing import MailEventKind

router = api.router("status pages")

Reader = Annotated[Work, work(Verb.SUBSCRIBER_READ)]
Writer = Annotated[Work, work(Verb.SUBSCRIBER_WRITE)]


class MailEventShown(ApiOutput):
    """A bounce of a mail to a subscriber, or a complaint about one."""

    id: int
    subscriber_id: int
    kind: MailEventKind
    provider: Annotated[str, Field(description="ses, postmark, mailgun, sendgrid, dsn or arf")]
    reason: str
    at: datetime


class MailEventsAddress(ApiOutput):
    """Where mail providers post their webhooks; its key is a secret."""

    url: Annotated[str, Field(examples=["https://firebell.example.org/in/mail-events/…"])]


@router.get(
    "/status-pages/{slug}/mail-events",
    summary="List bounces and complaints of subscribers, newest first",
    responses=problems(404),
)
async def list_mail_events(w: Reader, slug: Text, pagination: PageParams) -> list[MailEventShown]:
    page = await status_pages.status_page(w.tx, slug)
    listed = await mail_event_store.latest(w.tx, page.id, pagination.limit, pagination.before)
    pagination.link([event.id for event in listed])
    return [
        MailEventShown(
            id=event.id,
            subscriber_id=event.subscriber_id,
            kind=event.kind,
            provider=event.provider,
            reason=event.reason,
            at=event.at,
        )
        for event in listed
    ]


@router.post("/mail-events-address", summary="Show the address to which mail providers post")
async def show_mail_events_address(w: Writer) -> MailEventsAddress:
    key = await mail_event_actions.address_key(w.tx)
    return MailEventsAddress(url=f"{w.ctx.public_url}{ADDRESS}{key}")


@router.post("/mail-events-address/replace", summary="Replace the address to which mail providers post")
async def replace_mail_events_address(w: Writer) -> MailEventsAddress:
    key = await mail_event_actions.replace_address_key(w.tx, w.actor, w.now)
    return MailEventsAddress(url=f"{w.ctx.public_url}{ADDRESS}{key}")
