"""The message that a page shows once after a form was saved, with an offer to undo it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from fastapi import Request, Response

from firebell.kit.context import Context
from firebell.kit.errors import Invalid
from firebell.kit.undo import UNDO_WITHIN, Offer
from firebell.kit.web import redirects, transaction

COOKIE = "firebell_flash"
LIVE_REFRESH = "X-Live"
"""Header of requests that update parts of a page; they never consume the message."""
_PURPOSE = "flash"
_SHOWN_WITHIN = timedelta(seconds=60)
_TEXT_LIMIT = 300
_SECONDS = int(UNDO_WITHIN.total_seconds())


@dataclass(frozen=True, slots=True)
class Flash:
    """The message, and the token that undoes the action, if any."""

    text: str
    undo: str = ""
    reveals: int = 0
    """The contact method whose signing secret the page shows with the message, 0 for none."""
    seconds: int = _SECONDS
    """How long the message is shown."""


def redirect(
    request: Request, url: str, text: str, undo: Offer | None = None, *, reveals: int = 0
) -> Response:
    """Redirect a form to `url`, where `text` is shown once, with a button for the offered undo."""
    ctx: Context = request.app.state.ctx
    value = {
        "path": urlsplit(url).path,
        "text": text[:_TEXT_LIMIT],
        "undo": undo.token if undo else "",
        "reveals": reveals,
    }
    if undo:
        value["seconds"] = round((undo.until - transaction.now(request)).total_seconds())
    response = redirects.see_other(url)
    response.set_cookie(
        COOKIE,
        ctx.signer.sign(_PURPOSE, value, transaction.now(request) + _SHOWN_WITHIN),
        max_age=int(_SHOWN_WITHIN.total_seconds()),
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
    )
    return response


def show(request: Request, text: str) -> None:
    """Show `text` on the direct response to this form, because that page contains a one-time secret."""
    request.state.flash = Flash(text)


def waiting(request: Request, now: datetime) -> Flash | None:
    """Return the message for the requested page; None for another page, or for a part of one."""
    shown: Flash | None = getattr(request.state, "flash", None)
    if shown:
        return shown
    token = request.cookies.get(COOKIE, "")
    is_part = (
        LIVE_REFRESH in request.headers or request.headers.get("sec-fetch-dest", "document") != "document"
    )
    if not token or is_part:
        return None
    ctx: Context = request.app.state.ctx
    try:
        value: dict[str, Any] = ctx.signer.open(_PURPOSE, token, now)
    except Invalid:
        return None
    here = value["path"] == request.url.path
    shown_for = value.get("seconds", _SECONDS)
    return Flash(value["text"], value["undo"], value["reveals"], shown_for) if here else None


def clear(response: Response) -> None:
    """Delete the message from the browser."""
    response.delete_cookie(COOKIE, httponly=True, samesite="lax")
