"""Create, change, pause and try endpoints, and replay what they missed (spec 10.13)."""

import secrets
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from firebell.catalog import actions as catalog
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Conflict, Invalid, NotFound
from firebell.kit.http_out import check_url
from firebell.kit.standard_webhooks import SECRET_BYTES, secret_text
from firebell.kit.text import clean_name
from firebell.people import actions as people
from firebell.people.action_permissions import permits
from firebell.people.permissions import Verb
from firebell.webhooks import endpoint_store, event_types, recording
from firebell.webhooks.deliveries import log_store
from firebell.webhooks.deliveries import store as delivery_store
from firebell.webhooks.deliveries.sender import LIVE_TOPIC, new_message_id
from firebell.webhooks.events.composition_context import new_event
from firebell.webhooks.events.payloads import WebhookTestEvent
from firebell.webhooks.model import (
    OLD_SECRET_SIGNS,
    Delivery,
    Endpoint,
    EndpointSettings,
    EndpointState,
)

MAX_ENDPOINTS = 50
NAME_MAX_CHARS = 60
MAX_FILTERED = 200
"""Teams or services that an endpoint can be restricted to."""
MAX_REPLAYED = 10_000
REPLAY_SPAN = timedelta(days=30)


async def endpoint(tx: Tx, endpoint_id: int, *, lock: bool = False) -> Endpoint:
    """Return an endpoint; raise `NotFound` if there is none."""
    stored = await endpoint_store.endpoint(tx, endpoint_id, lock=lock)
    if stored is None:
        raise NotFound(f"There is no webhook {endpoint_id}.", hint="See Settings, Webhooks.")
    return stored


async def _checked(
    tx: Tx, settings: EndpointSettings, kept_service_ids: Collection[int] = ()
) -> EndpointSettings:
    """Return the settings as they are stored; a service that was deleted can be kept, but not chosen."""
    url = check_url(settings.url, "url")
    if "#" in url:
        raise Invalid(
            "The part of a URL after # is never sent.",
            fields={"url": "Remove the # and everything after it."},
        )
    services = await catalog.services(tx, with_deleted=True)
    _check_ids("services", settings.service_ids, [each.id for each in services])
    await catalog.hold_services(tx, set(settings.service_ids) - set(kept_service_ids))
    _check_ids("teams", settings.team_ids, [each.id for each in await people.teams(tx)])
    return replace(
        settings,
        name=clean_name(settings.name, "name", limit=NAME_MAX_CHARS),
        url=url,
        types=event_types.checked(settings.types),
        team_ids=tuple(sorted(set(settings.team_ids))),
        service_ids=tuple(sorted(set(settings.service_ids))),
    )


def _check_ids(field: str, chosen: Sequence[int], existing: Sequence[int]) -> None:
    if len(chosen) > MAX_FILTERED:
        raise Invalid(
            f"Too many {field}.", fields={field: f"Choose at most {MAX_FILTERED}, or none for all."}
        )
    if not set(chosen) <= set(existing):
        raise Invalid(f"One of the {field} does not exist.", fields={field: "Choose from the list."})


def _taken() -> Conflict:
    return Conflict(
        "Another webhook has this name.", fields={"name": "Choose another name; case makes no difference."}
    )


def _audited(settings: EndpointSettings) -> dict[str, object]:
    return {
        "name": settings.name,
        "types": list(settings.types) or "all",
        "teams": list(settings.team_ids),
        "services": list(settings.service_ids),
        "private": settings.is_private,
    }


@permits(Verb.WEBHOOK_WRITE)
async def create_endpoint(
    tx: Tx, actor: Actor, *, entered: EndpointSettings, now: datetime
) -> tuple[Endpoint, str]:
    """Create an endpoint, and return it with its signing secret, which is shown once.

    It receives events from now on. Raise Invalid, or Conflict if the name is taken or there are too many.
    """
    settings = await _checked(tx, entered)
    if await endpoint_store.count(tx) >= MAX_ENDPOINTS:
        raise Conflict(f"There are already {MAX_ENDPOINTS} webhooks.", hint="Delete one first.")
    endpoint_id = await endpoint_store.insert(tx, settings, actor.label, now)
    if endpoint_id is None:
        raise _taken()
    secret = await _new_secret(tx, endpoint_id, None)
    await tx.audit(actor, "webhook.created", f"webhook:{endpoint_id}", now, **_audited(settings))
    await tx.live(LIVE_TOPIC)
    return await endpoint(tx, endpoint_id), secret


async def _new_secret(tx: Tx, endpoint_id: int, previous_until: datetime | None) -> str:
    secret = secrets.token_bytes(SECRET_BYTES)
    sealed = (await endpoint_store.sealer(tx)).seal(secret, endpoint_store.seal_context(endpoint_id))
    await endpoint_store.set_secret(tx, endpoint_id, sealed, previous_until)
    return secret_text(secret)


@permits(Verb.WEBHOOK_WRITE)
async def update_endpoint(
    tx: Tx, actor: Actor, *, endpoint_id: int, entered: EndpointSettings, now: datetime
) -> Endpoint:
    """Change where events go and which; what waits goes to the new address. Raise Invalid, NotFound or Conflict."""
    # before the row: a deletion can wait for something that waits for the row
    await catalog.hold_uses(tx)
    old = await endpoint(tx, endpoint_id, lock=True)
    settings = await _checked(tx, entered, old.settings.service_ids)
    if await endpoint_store.is_name_taken(tx, settings.name, endpoint_id):
        raise _taken()
    await endpoint_store.update(tx, endpoint_id, settings)
    detail = {**_audited(settings), "address": "changed" if settings.url != old.settings.url else "kept"}
    await tx.audit(actor, "webhook.changed", f"webhook:{endpoint_id}", now, **detail)
    await _wake(tx)
    return await endpoint(tx, endpoint_id)


@permits(Verb.WEBHOOK_WRITE)
async def delete_endpoint(tx: Tx, actor: Actor, *, endpoint_id: int, now: datetime) -> Endpoint:
    """Delete an endpoint with its log; what waits is not sent. Raise NotFound."""
    old = await endpoint(tx, endpoint_id, lock=True)
    await endpoint_store.delete(tx, endpoint_id, now)
    await tx.audit(actor, "webhook.deleted", f"webhook:{endpoint_id}", now, **_audited(old.settings))
    await _wake(tx)
    return old


@permits(Verb.WEBHOOK_WRITE)
async def pause_endpoint(tx: Tx, actor: Actor, *, endpoint_id: int, now: datetime) -> Endpoint:
    """Pause an endpoint until it is enabled; what it misses can be replayed. Idempotent."""
    old = await endpoint(tx, endpoint_id, lock=True)
    if old.state is not EndpointState.PAUSED:
        await endpoint_store.set_state(tx, endpoint_id, EndpointState.PAUSED)
        await tx.audit(actor, "webhook.paused", f"webhook:{endpoint_id}", now, name=old.settings.name)
        await tx.live(LIVE_TOPIC)
    return await endpoint(tx, endpoint_id)


@permits(Verb.WEBHOOK_WRITE)
async def enable_endpoint(tx: Tx, actor: Actor, *, endpoint_id: int, now: datetime) -> Endpoint:
    """Enable an endpoint: waiting events are sent first, what it missed only if replayed.

    One that rests is tried again at once. Idempotent.
    """
    old = await endpoint(tx, endpoint_id, lock=True)
    await endpoint_store.set_state(tx, endpoint_id, EndpointState.ACTIVE)
    if old.state is not EndpointState.ACTIVE:
        await tx.audit(actor, "webhook.enabled", f"webhook:{endpoint_id}", now, name=old.settings.name)
    await _wake(tx)
    return await endpoint(tx, endpoint_id)


@permits(Verb.WEBHOOK_WRITE)
async def rotate_secret(tx: Tx, actor: Actor, *, endpoint_id: int, now: datetime) -> tuple[str, datetime]:
    """Replace the signing secret; return it, to show once, and until when the old one signs as well."""
    old = await endpoint(tx, endpoint_id, lock=True)
    until = now + OLD_SECRET_SIGNS
    secret = await _new_secret(tx, endpoint_id, until)
    await tx.audit(actor, "webhook.secret_rotated", f"webhook:{endpoint_id}", now, name=old.settings.name)
    await tx.live(LIVE_TOPIC)
    return secret, until


@permits(Verb.WEBHOOK_WRITE)
async def send_test(tx: Tx, actor: Actor, *, endpoint_id: int, now: datetime) -> Delivery:
    """Queue a test event for an active endpoint and return its delivery. Raise NotFound or Conflict."""
    one = await _active(tx, endpoint_id)
    data = WebhookTestEvent(
        endpoint=one.settings.name, message="This is a test event from Firebell.", by=actor.label
    )
    event = new_event(event_types.TEST, now, f"webhook:{endpoint_id}", data, 0)
    delivery_id = await delivery_store.queue_test(tx, endpoint_id, new_message_id(), event, now)
    await tx.audit(actor, "webhook.tested", f"webhook:{endpoint_id}", now, name=one.settings.name)
    await _wake(tx)
    return await delivery(tx, endpoint_id, delivery_id)


async def delivery(tx: Tx, endpoint_id: int, delivery_id: int) -> Delivery:
    """Return a delivery of an endpoint; raise `NotFound` if there is none."""
    stored = await log_store.delivery(tx, endpoint_id, delivery_id)
    if stored is None:
        raise NotFound(
            f"The webhook {endpoint_id} has no delivery {delivery_id}.",
            hint="Deliveries are deleted when their retention ends.",
        )
    return stored


@permits(Verb.WEBHOOK_WRITE)
async def replay(tx: Tx, actor: Actor, *, endpoint_id: int, delivery_id: int, now: datetime) -> Delivery:
    """Send a delivery again, with the same message id and body. Raise NotFound, or Conflict while it is sent."""
    one = await _active(tx, endpoint_id)
    old = await delivery(tx, endpoint_id, delivery_id)
    if not await delivery_store.replay(tx, delivery_id, now):
        raise Conflict("This delivery is being sent now.", hint="Reload the page in a few seconds.")
    await _audit_replay(tx, actor, one, 1, now, message=old.message_id)
    return await delivery(tx, endpoint_id, delivery_id)


@permits(Verb.WEBHOOK_WRITE)
async def replay_failed(tx: Tx, actor: Actor, *, endpoint_id: int, now: datetime) -> int:
    """Send all failed deliveries of an endpoint again, at most the 10,000 oldest; return how many."""
    one = await _active(tx, endpoint_id)
    number = await delivery_store.replay_failed(tx, endpoint_id, MAX_REPLAYED, now)
    await _audit_replay(tx, actor, one, number, now, only="failed")
    return number


@permits(Verb.WEBHOOK_WRITE)
async def replay_range(
    tx: Tx,
    actor: Actor,
    *,
    endpoint_id: int,
    since: datetime,
    until: datetime,
    with_delivered: bool = False,
    now: datetime,
) -> int:
    """Send what happened in `[since, until)` and is for an endpoint, also what it never got; return how many.

    What it accepted is sent again only with `with_delivered`. Raise Invalid for an empty or a too large range.
    """
    one = await _active(tx, endpoint_id)
    if since >= until:
        raise Invalid("The range is empty.", fields={"until": "Choose an end after the start."})
    if until - since > REPLAY_SPAN:
        raise Invalid("The range is too long.", fields={"since": f"Choose at most {REPLAY_SPAN.days} days."})
    if await delivery_store.events_between(tx, since, until, MAX_REPLAYED + 1) > MAX_REPLAYED:
        raise Invalid(
            f"There are more than {MAX_REPLAYED:,} events in this range.",
            fields={"until": "Choose a shorter range, and replay the rest after it."},
        )
    number = await delivery_store.replay_range(
        tx, endpoint_id, since, until, now, with_delivered=with_delivered
    )
    span = {"since": since.isoformat(), "until": until.isoformat(), "with_delivered": with_delivered}
    await _audit_replay(tx, actor, one, number, now, **span)
    return number


async def _active(tx: Tx, endpoint_id: int) -> Endpoint:
    one = await endpoint(tx, endpoint_id, lock=True)
    if one.state is not EndpointState.ACTIVE:
        raise Conflict(f"{one.settings.name} is {one.state}.", hint="Enable it first.")
    return one


async def _audit_replay(
    tx: Tx, actor: Actor, one: Endpoint, number: int, now: datetime, **detail: object
) -> None:
    detail = {"name": one.settings.name, "deliveries": number, **detail}
    await tx.audit(actor, "webhook.replayed", f"webhook:{one.id}", now, **detail)
    await _wake(tx)


async def _wake(tx: Tx) -> None:
    await tx.wake(recording.LANE)
    await tx.live(LIVE_TOPIC)
