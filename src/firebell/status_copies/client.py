"""Speaks to Statuspage and Instatus, one call at a time, through the guarded client."""

import httpx

from firebell.kit import http_out
from firebell.status_copies.model import RemoteCall
from firebell.status_copies.provider_answers import Answer, lost, not_sent, read_answer
from firebell.status_copies.remote_api import RemoteApi

CALL_LIMIT_S = 10.0
MAX_ANSWER_BYTES = 8 * 2**20
"""A list of 100 incidents with all their updates."""


async def ask(http: httpx.AsyncClient, api: RemoteApi, key: str, call: RemoteCall) -> Answer:
    """Make one call and return its outcome; never raises for what the network or the provider does."""
    content = {} if call.body is None else {"json": dict(call.body)}
    try:
        response = await http_out.send(
            http,
            call.method,
            f"{api.address}{call.path}",
            limit_s=CALL_LIMIT_S,
            max_bytes=MAX_ANSWER_BYTES,
            headers=dict(api.headers(key)),
            **content,
        )
    except http_out.NEVER_SENT as error:
        return not_sent(http_out.reason_of(error))
    except httpx.HTTPError as error:
        return lost(http_out.reason_of(error), is_write=call.is_write)
    return read_answer(response.status, response.text, response.retry_after, is_write=call.is_write)
