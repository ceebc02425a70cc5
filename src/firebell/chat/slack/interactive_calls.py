"""Calls of Slack's API that a person waits for, and answers through a `response_url`."""

import base64
import json
import logging
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx

from firebell.kit import http_out
from firebell.kit.context import Context
from firebell.kit.errors import FirebellError
from firebell.kit.storable_json import storable

log = logging.getLogger(__name__)

CALL_LIMIT_S = 2.0
"""How long a person waits for one call at most: Slack forgets a trigger after three seconds."""
RESPOND_LIMIT_S = 10.0
SLACK_API_URL = "FIREBELL_SLACK_API_URL"
"""Another address of Slack's Web API, such as that of a proxy."""
_DEFAULT_API_URL = "https://slack.com/api/"
_HOOKS = "https://hooks.slack.com/"


def _api_url(ctx: Context) -> str:
    """Return the address of the methods, with a trailing slash."""
    return f"{(ctx.channel_settings.get(SLACK_API_URL) or _DEFAULT_API_URL).rstrip('/')}/"


class SlackError(Exception):
    """Slack refused a call, with its code, or did not answer in time (`unreachable`); `after_s` is when to retry."""

    def __init__(self, code: str, after_s: float | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.after_s = after_s


async def call(
    ctx: Context, token: str, method: str, *, limit_s: float = CALL_LIMIT_S, **arguments: Any
) -> dict[str, Any]:
    """Return Slack's answer to a method; raise `SlackError` if it refuses or does not answer in time."""
    return await _post(ctx, method, f"Bearer {token}", limit_s, arguments)


async def exchange_code(
    ctx: Context, client_id: str, client_secret: str, code: str, redirect_uri: str
) -> dict[str, Any]:
    """Return Slack's answer to the code of an installation, which has the bot token; raise `SlackError`."""
    credentials = base64.b64encode(f"{client_id}:{client_secret}".encode()).decode()
    arguments = {"code": code, "redirect_uri": redirect_uri}
    return await _post(ctx, "oauth.v2.access", f"Basic {credentials}", RESPOND_LIMIT_S, arguments)


async def _post(
    ctx: Context, method: str, authorization: str, limit_s: float, arguments: Mapping[str, Any]
) -> dict[str, Any]:
    fields = {name: each if isinstance(each, str) else json.dumps(each) for name, each in arguments.items()}
    try:
        response = await http_out.post(
            ctx.http,
            f"{_api_url(ctx)}{method}",
            limit_s=limit_s,
            data=fields,
            headers={"Authorization": authorization},
        )
        answer = storable(json.loads(response.text))
    except (httpx.HTTPError, FirebellError, OSError, ValueError, RecursionError) as error:
        log.warning("slack cannot be reached", extra={"method": method, "reason": type(error).__name__})
        raise SlackError("unreachable") from error
    if not isinstance(answer, dict) or answer.get("ok") is not True:
        code = answer.get("error") if isinstance(answer, dict) else None
        after = response.retry_after
        raise SlackError(str(code or response.status)[:100], float(after) if after.isdecimal() else None)
    return answer


async def respond(ctx: Context, response_url: str, message: dict[str, Any]) -> bool:
    """Post an answer to a `response_url` and return True if Slack took it; other addresses get nothing."""
    if not _is_response_url(ctx, response_url):
        return False
    try:
        response = await http_out.post(ctx.http, response_url, limit_s=RESPOND_LIMIT_S, json=message)
    except (httpx.HTTPError, FirebellError, OSError, ValueError) as error:
        # the address lets anyone post as us for half an hour, so it is not logged
        log.warning("an answer did not reach slack", extra={"reason": type(error).__name__})
        return False
    return response.ok


def _is_response_url(ctx: Context, url: str) -> bool:
    """Return True for an address of Slack, or of the server that stands for its API."""
    api = urlsplit(_api_url(ctx))
    is_stand_in = api.netloc != "slack.com" and url.startswith(f"{api.scheme}://{api.netloc}/")
    return url.startswith(_HOOKS) or is_stand_in
