"""Authorizes Firebell in a tracker by OAuth: the state is signed, for one person, and used once (spec 11.10)."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from firebell.action_items.trackers import (
    access_tokens,
    actions,
    credential_store,
    link_store,
    oauth,
    store,
)
from firebell.action_items.trackers.credentials import AccessToken, OAuthSecrets, secrets_of
from firebell.action_items.trackers.model import AuthMethod, Tracker
from firebell.action_items.trackers.vendor import CallFailed, OAuthServer
from firebell.action_items.trackers.vendor_registry import vendor_of
from firebell.kit.context import Context
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Conflict, Gone, NotFound
from firebell.kit.signing import random_token
from firebell.people.action_permissions import permits
from firebell.people.permissions import Verb

LIFETIME = timedelta(minutes=10)
PATH = "/settings/trackers/authorized"
_PURPOSE = "tracker-authorization"


@dataclass(frozen=True, slots=True)
class Begun:
    """An authorization that its person came back from: the tracker, and the secrets of its app."""

    tracker: Tracker
    secrets: OAuthSecrets = field(repr=False)


@dataclass(frozen=True, slots=True)
class Authorized:
    """What the code was exchanged for: tokens, and where calls go."""

    access: AccessToken
    api_url: str


def redirect_url(ctx: Context) -> str:
    """Return the address to which a tracker sends the person back; its app has to allow it."""
    return f"{ctx.public_url}{PATH}"


def _server(tracker: Tracker) -> OAuthServer:
    server = vendor_of(tracker.kind).oauth
    if tracker.auth is not AuthMethod.OAUTH or server is None:
        raise Conflict(f"{tracker.name} is not called through OAuth.", hint="Enter an OAuth app first.")
    return server


@permits(Verb.TRACKER_WRITE)
async def begin(tx: Tx, actor: Actor, ctx: Context, tracker_id: int, now: datetime) -> str:
    """Return the address at which this person authorizes Firebell; it works once, for ten minutes."""
    tracker = await actions.tracker(tx, tracker_id)
    server = _server(tracker)
    assert actor.person_id is not None
    nonce, expires_at = random_token(16), now + LIFETIME
    await credential_store.insert_authorization(tx, nonce, tracker.id, actor.person_id, expires_at)
    state = ctx.signer.sign(_PURPOSE, {"n": nonce}, expires_at)
    return oauth.authorize_address(server, tracker.client_id, redirect_url(ctx), state)


@permits(Verb.TRACKER_WRITE)
async def take(tx: Tx, actor: Actor, ctx: Context, state: str, now: datetime) -> Begun:
    """Return the authorization that a state is for, once; raise `Invalid` or `Gone`."""
    nonce = str(ctx.signer.open(_PURPOSE, state, now)["n"])
    assert actor.person_id is not None
    tracker_id = await credential_store.take_authorization(tx, nonce, actor.person_id, now)
    tracker = await store.tracker(tx, tracker_id) if tracker_id is not None else None
    if tracker is None:
        raise Gone("This authorization was already finished, or someone else began it.", hint="Begin again.")
    _server(tracker)
    return Begun(tracker, secrets_of(await credential_store.open_secret(tx, tracker)))


async def exchange(ctx: Context, begun: Begun, code: str) -> Authorized:
    """Return the tokens for a code; raise `Conflict` if the tracker refuses it, or the person chose another site."""
    tracker, server = begun.tracker, _server(begun.tracker)
    values = oauth.code_request(tracker.client_id, begun.secrets, code, redirect_url(ctx))
    try:
        access = await access_tokens.request_grant(ctx, server, values, begun.secrets)
        api_url = await access_tokens.api_url_of(ctx, server, tracker.url, access.token)
    except CallFailed as failure:
        reason = failure.answer.reason
        raise Conflict(f"{tracker.name} was not authorized: {reason}", hint="Begin again.") from failure
    return Authorized(access, api_url)


@permits(Verb.TRACKER_WRITE)
async def finish(tx: Tx, actor: Actor, begun: Begun, authorized: Authorized, now: datetime) -> Tracker:
    """Store the tokens and sync the tracker; raise `NotFound` or `Conflict` if it was changed meanwhile."""
    tracker = await store.lock(tx, begun.tracker.id)
    if tracker is None:
        raise NotFound("The tracker was removed.")
    if not await credential_store.save_access_token(tx, begun.tracker, authorized.access):
        raise Conflict("The credentials were replaced meanwhile.", hint="Begin again.")
    await credential_store.authorize(tx, tracker.id, authorized.api_url, now)
    await store.change(tx, tracker.id, stopped_reason="", failures=0, rests_until=None, sweep_at=now)
    await link_store.mark_all(tx, tracker.id, now)
    await actions.record_tracker_change(tx, actor, "authorized", tracker, now)
    return await actions.tracker(tx, tracker.id)
