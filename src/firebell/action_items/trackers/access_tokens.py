"""The token of each call: the one that was entered, or a short-lived one that is renewed before its end (spec 11.10).

One process renews it at a time, because a refresh token is good once, and no transaction is open during the call. A
process that dies between the answer and its commit repeats the exchange while the tracker still takes the old one.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import httpx

from firebell.action_items.trackers import credential_store, github_app, oauth
from firebell.action_items.trackers.credentials import AccessToken, OAuthSecrets, secrets_of
from firebell.action_items.trackers.model import AuthMethod, Tracker
from firebell.action_items.trackers.vendor import (
    Answer,
    Call,
    CallFailed,
    Calls,
    OAuthServer,
    Outcome,
    TrackerVendor,
    decoded,
)
from firebell.action_items.trackers.vendor_registry import vendor_of
from firebell.kit import http_out
from firebell.kit.context import Context
from firebell.kit.errors import Invalid

RENEWED_BEFORE = timedelta(minutes=5)
CLAIM = timedelta(minutes=1)
"""Longer than the calls of a renewal, and shorter than trackers take a used refresh token again."""
CALL_LIMIT_S = 20.0
_JSON = {"Accept": "application/json", "User-Agent": "firebell"}


async def usable(ctx: Context, tracker: Tracker, refused: str = "") -> str:
    """Return a token that lasts for a turn, and is not the one that was refused; raise `CallFailed`."""
    now = ctx.clock.now()
    async with ctx.work_db.tx() as tx:
        try:
            secret = await credential_store.open_secret(tx, tracker)
            if tracker.auth is AuthMethod.TOKEN:
                return secret
            access = await credential_store.open_access_token(tx, tracker)
        except Invalid as error:
            raise CallFailed(Answer(Outcome.TOKEN_REFUSED, reason=error.message)) from error
        is_known = access is not None and access.token != refused
        if access and is_known and access.until > now + RENEWED_BEFORE:
            return access.token
        if not await credential_store.claim_renewal(tx, tracker.id, now + CLAIM, now):
            if access and is_known and access.until > now:
                return access.token
            raise _again("Another process is renewing the access token.")
    try:
        access = await _renewed(ctx, tracker, secret, now)
    except CallFailed as failure:
        async with ctx.work_db.tx() as tx:
            await credential_store.give_up_renewal(tx, tracker.id)
        if failure.answer.outcome is Outcome.TOKEN_REFUSED:
            raise
        # whatever else it is, the tracker rests before the next attempt
        raise _again(failure.answer.reason) from failure
    async with ctx.work_db.tx() as tx:
        if not await credential_store.save_access_token(tx, tracker, access):
            raise _again("The credentials were replaced.")
    return access.token


def _again(reason: str) -> CallFailed:
    return CallFailed(Answer(Outcome.RETRY, reason=reason))


async def _renewed(ctx: Context, tracker: Tracker, secret: str, now: datetime) -> AccessToken:
    vendor = vendor_of(tracker.kind)
    if tracker.auth is AuthMethod.APP:
        jwt = github_app.app_jwt(tracker.client_id, secret, now)
        calls = _calls_with(ctx, tracker, vendor, jwt)
        return AccessToken(*await github_app.installation_token(calls, tracker.target))
    if vendor.oauth is None:
        raise CallFailed(Answer(Outcome.TOKEN_REFUSED, reason=f"{vendor.title} has no OAuth."))
    secrets = secrets_of(secret)
    return await request_grant(ctx, vendor.oauth, oauth.refresh_request(tracker.client_id, secrets), secrets)


def _calls_with(ctx: Context, tracker: Tracker, vendor: TrackerVendor, token: str) -> Calls:
    """Return what makes calls with a token that is not a session's."""

    async def calls(call: Call) -> Any:
        url = f"{vendor.api.address(tracker)}{call.path}"
        content = {} if call.body is None else {"json": call.body}
        response = await _send(ctx, call.method, url, vendor.api.headers(tracker, token), **content)
        now = ctx.clock.now()
        answer = vendor.api.answer(response.status, response.headers, response.text, now, is_write=False)
        if answer.outcome is not Outcome.OK:
            raise CallFailed(answer)
        return answer.document

    return calls


async def _send(
    ctx: Context, method: str, url: str, headers: Mapping[str, str], **content: Any
) -> http_out.OutboundResponse:
    try:
        return await http_out.send(
            ctx.http, method, url, limit_s=CALL_LIMIT_S, headers=dict(headers), **content
        )
    except httpx.HTTPError as error:
        raise _again(http_out.reason_of(error)) from error


async def request_grant(
    ctx: Context, server: OAuthServer, values: Mapping[str, str], secrets: OAuthSecrets
) -> AccessToken:
    """Exchange a code or a refresh token for tokens; raise `CallFailed`."""
    content = {"json" if server.takes_json else "data": dict(values)}
    response = await _send(ctx, "POST", server.token_url, _JSON, **content)
    return oauth.read_grant(response.status, response.text, secrets, ctx.clock.now())


async def api_url_of(ctx: Context, server: OAuthServer, url: str, token: str) -> str:
    """Return where the calls of a tracker go, empty for its own address; raise `CallFailed`."""
    if not server.sites_url:
        return ""
    response = await _send(ctx, "GET", server.sites_url, {**_JSON, "Authorization": f"Bearer {token}"})
    if response.status != 200:
        raise CallFailed(Answer(Outcome.RETRY, reason=f"{response.status} for the list of sites"))
    return oauth.site_among(server, decoded(response.text), url)
