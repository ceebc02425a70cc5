"""Calls of chats over the guarded HTTP client, and what their statuses mean."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from firebell.chat.adapter_base.adapter import CALL_LIMIT_S, CallFailed, Trouble
from firebell.kit.http_out import OutboundResponse, send
from firebell.kit.resource_exhaustion import is_ours
from firebell.kit.storable_json import storable, storable_text

_MAX_BYTES = 1024 * 1024
_MAX_AFTER_S = 600.0


async def call(
    http: httpx.AsyncClient,
    method: str,
    url: str,
    body: Mapping[str, Any] | Sequence[Any] | None = None,
    *,
    token: str = "",
    json_answer: bool = True,
    limit_s: float = CALL_LIMIT_S,
    max_bytes: int = _MAX_BYTES,
) -> dict[str, Any]:
    """Return the JSON of a 2xx answer; raise `CallFailed`.

    A server error or a lost answer may have had its effect; a refused connection had none.
    """
    headers = {"Content-Type": "application/json", "User-Agent": "Firebell"}
    headers |= {"Authorization": f"Bearer {token}"} if token else {}
    content = None if body is None else json.dumps(body, ensure_ascii=False).encode()
    try:
        reply = await send(
            http, method, url, limit_s=limit_s, max_bytes=max_bytes, content=content, headers=headers
        )
    except (httpx.ConnectError, httpx.ConnectTimeout) as error:
        raise CallFailed(Trouble.RETRY, "connection_failed") from error
    except httpx.InvalidURL as error:
        raise CallFailed(Trouble.REFUSED, "invalid_address") from error
    except httpx.HTTPError as error:
        trouble = Trouble.RETRY if is_ours(error) else Trouble.UNKNOWN
        raise CallFailed(trouble, type(error).__name__) from error
    if not reply.ok:
        raise failure(reply)
    return _json(reply.text) if json_answer else {}


def _json(text: str) -> dict[str, Any]:
    try:
        document = storable(json.loads(text)) if text.strip() else {}
    except (ValueError, RecursionError) as error:
        raise CallFailed(Trouble.UNKNOWN, "no_json") from error
    return document if isinstance(document, dict) else {"list": document}


def failure(reply: OutboundResponse) -> CallFailed:
    """Return what the status of a refusal means."""
    code = f"http_{reply.status}"
    try:
        document = json.loads(reply.text)
        code = storable_text(str(document.get("id") or document.get("message") or code))[:200]
    except (ValueError, AttributeError, RecursionError):
        pass
    after = reply.retry_after
    after_s = min(_MAX_AFTER_S, float(after)) if after.replace(".", "", 1).isdecimal() else None
    if reply.status == 429:
        return CallFailed(Trouble.LIMITED, code, after_s or 30.0)
    if reply.status == 408 or reply.status >= 500:
        return CallFailed(Trouble.UNKNOWN, code)
    if reply.status == 401:
        return CallFailed(Trouble.ACCOUNT, code)
    if reply.status in (400, 413, 422):
        return CallFailed(Trouble.CONTENT, code)
    if reply.status == 403:
        return CallFailed(Trouble.SKIPPED, code)
    return CallFailed(Trouble.REFUSED, code)
