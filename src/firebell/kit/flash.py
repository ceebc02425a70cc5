"""The message that the next page shows once after a form was saved, with an offer to undo it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from firebell.kit.context import Context
from firebell.kit.errors import Invalid

COOKIE = "firebell_flash"
LIVE_REFRESH = "X-Live"
"""The header of a request that a page makes for its own parts: it never takes the message away."""
_PURPOSE = "flash"
_SHOWN_WITHIN = timedelta(seconds=60)
_TEXT_LIMIT = 300


@dataclass(frozen=True, slots=True)
class Flash:
    """What was done, and the form that undoes it, if one does."""

    text: str
    undo: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)


def redirect(
    request: Request, url: str, text: str, *, undo: str = "", fields: Mapping[str, str] | None = None
) -> Response:
    """Redirect a form to `url`, where `text` is shown once, with a button that posts `fields` to `undo`."""
    ctx: Context = request.app.state.ctx
    value = {
        "path": urlsplit(url).path,
        "text": text[:_TEXT_LIMIT],
        "undo": undo,
        "fields": dict(fields or {}),
    }
    response = RedirectResponse(url, 303)
    response.set_cookie(
        COOKIE,
        ctx.signer.sign(_PURPOSE, value, ctx.clock.now() + _SHOWN_WITHIN),
        max_age=int(_SHOWN_WITHIN.total_seconds()),
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
    )
    return response


def waiting(request: Request, now: datetime) -> Flash | None:
    """Return the message for the page that is asked for; None for another page, or a part of one."""
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
    return Flash(value["text"], value["undo"], value["fields"]) if value["path"] == request.url.path else None


def clear(response: Response) -> None:
    """Let the browser forget the message."""
    response.delete_cookie(COOKIE, httponly=True, samesite="lax")
