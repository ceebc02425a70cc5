"""The public page on which the owner of a number types the code that it got; there is none while messages are off."""

from datetime import datetime
from http import HTTPStatus

from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from firebell.channels.phone import public_sms
from firebell.kit.errors import FirebellError, Invalid
from firebell.kit.web import html, routing, transaction
from firebell.subscribers import addresses
from firebell.subscribers.model import SubscriberChannel
from firebell.subscribers.subscribing import actions as subscribing
from firebell.subscribers.subscribing import links
from firebell.subscribers.subscribing.public_web import (
    ANYONE,
    HEADERS,
    FramedPage,
    check_rate,
    nothing,
    page_for_anyone,
    posted_form,
    render,
    text_of,
)

router = routing.html_router()

ATTEMPTS_PER_HOUR, ATTEMPTS_PER_DAY = 20, 60
"""Codes typed from one network."""


@router.get("/s/{slug}/subscribe/code", dependencies=ANYONE)
async def code_form(request: Request, slug: str) -> Response:
    return await _show(request, slug, "")


@router.get("/s/{slug}/{code}/subscribe/code", dependencies=ANYONE)
async def code_form_in_language(request: Request, slug: str, code: str) -> Response:
    return await _show(request, slug, code)


async def _show(request: Request, slug: str, locale: str) -> Response:
    now = transaction.now(request)
    framed = await _page(request, slug, locale, now)
    if framed is None:
        return nothing()
    return render(framed, "public_code.html", {"values": {}}, now, HTTPStatus.OK)


async def _page(request: Request, slug: str, locale: str, now: datetime) -> FramedPage | None:
    is_on = public_sms.countries(html.ctx(request).channel_settings)
    return await page_for_anyone(request, slug, locale, now) if is_on else None


@router.post("/s/{slug}/subscribe/code", dependencies=ANYONE)
async def confirm(request: Request, slug: str) -> Response:
    return await _confirm(request, slug, "")


@router.post("/s/{slug}/{code}/subscribe/code", dependencies=ANYONE)
async def confirm_in_language(request: Request, slug: str, code: str) -> Response:
    return await _confirm(request, slug, code)


async def _confirm(request: Request, slug: str, locale: str) -> Response:
    """Confirm by a code and lead to the subscription; a wrong code and an unknown number have the same answer."""
    ctx, now, form = html.ctx(request), transaction.now(request), await posted_form(request)
    framed = await _page(request, slug, locale, now)
    if framed is None:
        return nothing()
    typed = text_of(form, "address")
    try:
        check_rate(request, now, (ATTEMPTS_PER_HOUR, ATTEMPTS_PER_DAY), "code")
        countries = public_sms.countries(ctx.channel_settings)
        number = addresses.checked(SubscriberChannel.SMS, typed, countries=countries)
        async with ctx.db.tx() as tx:
            subscriber = await subscribing.confirm_by_code(
                *(tx, ctx.signer, framed.page.id, number, text_of(form, "code"), now)
            )
        if subscriber is not None:
            # the forms of that page post to its own address
            token = links.manage_token(ctx.signer, subscriber)
            return RedirectResponse(f"/u/{token}", HTTPStatus.SEE_OTHER, headers=HEADERS)
        raise Invalid(
            "That code is wrong or expired.",
            fields={"code": "Enter the code from the latest message. You can try each code five times."},
        )
    except FirebellError as error:
        context = {"values": {"address": typed}, "error": error}
        return render(framed, "public_code.html", context, now, HTTPStatus(error.status))
