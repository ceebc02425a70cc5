"""Requests to providers: what an answer, an error and no answer mean (spec 10.2)."""

import json
from collections.abc import Mapping
from typing import Any

import httpx

from firebell.channels.base import Retry, Unsent, not_sent
from firebell.channels.phone.provider import Misconfigured, Paused, ProviderOutcome, Unknown
from firebell.channels.response_outcomes import MAX_WAIT_S
from firebell.kit.http_out import NEVER_SENT, OutboundResponse, reason_of, send

_RETRY = (408, 425)
_KEY_REFUSED = (401, 403)
LIMIT_S = 10.0


async def request(
    http: httpx.AsyncClient, method: str, url: str, headers: Mapping[str, str], **content: Any
) -> OutboundResponse | Retry | Unsent | Unknown:
    """Return the response of a provider; without one, whether the message may have arrived."""
    try:
        return await send(http, method, url, limit_s=LIMIT_S, headers=dict(headers), **content)
    except NEVER_SENT as exc:
        return not_sent(exc, reason_of(exc))
    except httpx.HTTPError as exc:
        outcome = not_sent(exc, reason_of(exc))
        return outcome if isinstance(outcome, Unsent) else Unknown(outcome.reason)


def fields_of(reply: OutboundResponse) -> dict[str, Any]:
    """Return the JSON object of a response; empty for anything else, such as the page of a proxy."""
    try:
        document = json.loads(reply.text)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def common_outcome(reply: OutboundResponse, reason: str) -> ProviderOutcome | None:
    """Return the outcome of a response that means the same for every provider; None for one that is its own."""
    if reply.status in _KEY_REFUSED or 300 <= reply.status < 400:
        return Misconfigured(reason)
    if reply.status == httpx.codes.TOO_MANY_REQUESTS:
        seconds = reply.retry_after_s
        return Paused(reason, seconds) if seconds and seconds > MAX_WAIT_S else Retry(reason, seconds)
    if reply.status in _RETRY or reply.status >= 500:
        return Retry(reason)
    return None
