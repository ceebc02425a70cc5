"""Receives what mail providers report, and bounces and complaints as mails; the key in the address grants access."""

import contextlib
import logging
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import httpx
from fastapi import Request, Response
from fastapi.responses import JSONResponse

from firebell.kit.context import Context
from firebell.kit.errors import Forbidden, Invalid, NotFound, TooLarge, Unavailable
from firebell.kit.http_out import get
from firebell.kit.threads import Pool
from firebell.kit.web import flash, html, routing, transaction
from firebell.kit.web.request_body import read_body
from firebell.people import route_access
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import CurrentVisit
from firebell.status_pages import actions as status_pages
from firebell.subscribers.mail_events import actions as mail_event_actions
from firebell.subscribers.mail_events import bounce_mail_parsing
from firebell.subscribers.mail_events import provider_parsing as mail_event_parsing
from firebell.subscribers.mail_events import signatures as mail_signatures
from firebell.subscribers.mail_events.provider_parsing import MailEvent

router = routing.html_router()
log = logging.getLogger(__name__)

ADDRESS = "/in/mail-events/"
_READING = Pool("mail events", size=1, queue=64)
"""Reads reports, which can be mails of many parts, so that nothing else waits for them."""
_MAX_CERTIFICATES, _CERTIFICATE_BYTES, _LIMIT_S = 8, 64 * 1024, 10
_certificates: OrderedDict[str, bytes] = OrderedDict()


@router.post(f"{ADDRESS}{{key}}", dependencies=route_access.public("The key in the address grants access."))
async def receive(request: Request, key: str) -> Response:
    """Act on each report that names a mail of ours, and answer how many did; repeats change nothing."""
    ctx, now = html.ctx(request), transaction.now(request)
    async with ctx.db.tx() as tx:
        if not await mail_event_actions.is_address_key(tx, key):
            raise NotFound(
                "No mail provider posts to this address.", hint="Copy it from a page of subscribers."
            )
    body = await read_body(request, bounce_mail_parsing.MAX_BYTES)
    if body is None:
        raise TooLarge("The report is larger than 1 MB.", hint="Return bounces without the whole email.")
    events = await _events(ctx, request, body)
    async with ctx.db.tx() as tx:
        accepted = await mail_event_actions.receive(tx, ctx.signer, events, now)
    return JSONResponse({"accepted": accepted, "ignored": len(events) - accepted})


async def _events(ctx: Context, request: Request, body: bytes) -> list[MailEvent]:
    if bounce_mail_parsing.is_report(body, request.headers.get("content-type", "")):
        return await _READING.run(lambda: bounce_mail_parsing.read(body))
    value = await _READING.run(lambda: mail_event_parsing.decoded(body))
    if isinstance(value, dict) and "TopicArn" in value:
        await _check_sns(ctx, value)
        if value.get("Type") != "Notification":
            await _confirm_sns(ctx, value)
            return []
    _check_signature(ctx, request, value, body)
    return await _READING.run(lambda: mail_event_parsing.read(body))


def _check_signature(ctx: Context, request: Request, value: Any, body: bytes) -> None:
    """Raise `Forbidden` for a report of Mailgun or SendGrid without its signature, if its key is set."""
    settings, now = ctx.channel_settings, transaction.now(request)
    is_genuine = True
    if isinstance(value, list):
        if key := settings["FIREBELL_SENDGRID_PUBLIC_KEY"]:
            start = "x-twilio-email-event-webhook-"
            signature, timestamp = (
                request.headers.get(start + name, "") for name in ("signature", "timestamp")
            )
            is_genuine = mail_signatures.is_sendgrid(body, signature, timestamp, key, now)
    elif "event-data" in value and (key := settings["FIREBELL_MAILGUN_SIGNING_KEY"]):
        signed = value.get("signature")
        is_genuine = isinstance(signed, dict) and mail_signatures.is_mailgun(signed, key, now)
    if not is_genuine:
        raise Forbidden("The signature of the mail provider is missing or wrong.")


async def _check_sns(ctx: Context, message: Mapping[str, Any]) -> None:
    """Raise `Forbidden` unless Amazon SNS signed a message."""
    url = str(message.get("SigningCertURL") or message.get("SigningCertUrl") or "")
    if not mail_signatures.is_sns_url(url):
        raise Forbidden("The message was not signed by Amazon SNS.")
    certificate = _certificates.get(url)
    if certificate is None:
        try:
            got = await get(ctx.http, url, "", "", _CERTIFICATE_BYTES, limit_s=_LIMIT_S)
        except (httpx.HTTPError, Invalid, TimeoutError) as exc:
            raise Unavailable("The certificate of Amazon SNS can’t be read now.") from exc
        certificate = got.body or b""
    if not mail_signatures.is_sns(message, certificate):
        raise Forbidden("The message was not signed by Amazon SNS.")
    _certificates[url] = certificate
    while len(_certificates) > _MAX_CERTIFICATES:
        _certificates.popitem(last=False)


async def _confirm_sns(ctx: Context, message: Mapping[str, Any]) -> None:
    """Confirm that a topic of Amazon SNS may post here, as its first message asks."""
    url = str(message.get("SubscribeURL", ""))
    if message.get("Type") != "SubscriptionConfirmation" or not mail_signatures.is_sns_url(url):
        return
    with contextlib.suppress(Invalid):
        try:
            await get(ctx.http, url, "", "", _CERTIFICATE_BYTES, limit_s=_LIMIT_S)
        except (httpx.HTTPError, TimeoutError) as exc:
            raise Unavailable("Amazon SNS can’t be reached now.") from exc
    log.info(
        "a topic of Amazon SNS posts reports about mails", extra={"topic": str(message["TopicArn"])[:200]}
    )


@router.post(
    "/status-pages/{slug}/subscribers/mail-events/replace",
    dependencies=route_access.needs(Verb.SUBSCRIBER_WRITE),
)
async def replace_address(visit: CurrentVisit, slug: str) -> Response:
    page = await status_pages.status_page(visit.tx, slug)
    await mail_event_actions.replace_address_key(visit.tx, visit.actor, visit.now)
    return flash.redirect(
        visit.request,
        f"/status-pages/{page.slug}/subscribers",
        "Address replaced: change it at your provider.",
    )
