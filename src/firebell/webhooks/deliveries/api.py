"""The delivery log of webhooks over JSON: test events, attempts, and replays."""

from datetime import datetime
from typing import Annotated

from fastapi import Query
from pydantic import Field

from firebell.kit.web import api
from firebell.kit.web.api import ApiInput, ApiOutput, Instant, PageParams, PathId, StrictBool, problems
from firebell.webhooks import actions
from firebell.webhooks.api import Reader, Writer
from firebell.webhooks.deliveries import log_store
from firebell.webhooks.model import DeliveryState

router = api.router("webhooks", "/webhooks/{endpoint_id}")


class WebhookDeliveryShown(ApiOutput):
    """An event and its outcome at one webhook."""

    id: int
    message_id: Annotated[str, Field(description="header webhook-id, the same on every attempt and replay")]
    type: str
    subject: Annotated[str, Field(description="what changed, such as page:7")]
    occurred_at: datetime
    state: Annotated[
        DeliveryState, Field(description="withheld: its incident became private before it was sent")
    ]
    attempts: int
    status: Annotated[int | None, Field(description="of the last response")]
    error: str
    created_at: datetime
    next_at: Annotated[datetime, Field(description="while it is queued: when it is tried again")]
    ended_at: datetime | None


class WebhookAttemptShown(ApiOutput):
    """One request and what was answered."""

    at: datetime
    duration_ms: int
    status: int | None
    error: str
    response: Annotated[str, Field(description="first 2,000 bytes of the body")]


class WebhookDeliveryWhole(WebhookDeliveryShown):
    """A delivery with the body that is sent, and its attempts, newest first."""

    body: str
    attempt_log: list[WebhookAttemptShown]


class WebhookReplay(ApiInput):
    """What is sent again: the failed deliveries, or what happened in `[since, until)`."""

    since: Instant | None = None
    until: Instant | None = None
    with_delivered: Annotated[
        StrictBool, Field(description="also what was delivered in the range; its message ids stay the same")
    ] = False


class WebhookReplayed(ApiOutput):
    """How many deliveries are sent again."""

    deliveries: int


@router.post("/test", status_code=201, summary="Send a test event", responses=problems(404, 409))
async def send_webhook_test(w: Writer, endpoint_id: PathId) -> WebhookDeliveryShown:
    sent = await actions.send_test(w.tx, w.actor, endpoint_id=endpoint_id, now=w.now)
    return WebhookDeliveryShown.model_validate(sent)


@router.get(
    "/deliveries",
    summary="List the deliveries of a webhook, newest first, until their retention ends",
    responses=problems(404),
)
async def list_webhook_deliveries(
    w: Reader,
    endpoint_id: PathId,
    params: PageParams,
    state: Annotated[DeliveryState | None, Query(description="default: every state")] = None,
) -> list[WebhookDeliveryShown]:
    await actions.endpoint(w.tx, endpoint_id)
    listed = await log_store.deliveries(w.tx, endpoint_id, state, params.before, params.limit)
    params.link([each.id for each in listed])
    return [WebhookDeliveryShown.model_validate(each) for each in listed]


@router.get("/deliveries/{delivery_id}", summary="Get a delivery with its attempts", responses=problems(404))
async def get_webhook_delivery(w: Reader, endpoint_id: PathId, delivery_id: PathId) -> WebhookDeliveryWhole:
    shown = WebhookDeliveryShown.model_validate(await actions.delivery(w.tx, endpoint_id, delivery_id))
    attempts = await log_store.attempts(w.tx, delivery_id)
    return WebhookDeliveryWhole(
        **shown.model_dump(),
        body=await log_store.body(w.tx, delivery_id),
        attempt_log=[WebhookAttemptShown.model_validate(each) for each in attempts],
    )


@router.post(
    "/deliveries/{delivery_id}/replay", summary="Send a delivery again", responses=problems(404, 409)
)
async def replay_webhook_delivery(
    w: Writer, endpoint_id: PathId, delivery_id: PathId
) -> WebhookDeliveryShown:
    replayed = await actions.replay(
        w.tx, w.actor, endpoint_id=endpoint_id, delivery_id=delivery_id, now=w.now
    )
    return WebhookDeliveryShown.model_validate(replayed)


@router.post(
    "/replay",
    summary="Send a range of events again, or without a range all failed deliveries",
    responses=problems(404, 409),
)
async def replay_webhook(w: Writer, endpoint_id: PathId, what: WebhookReplay) -> WebhookReplayed:
    if what.since is None and what.until is None:
        number = await actions.replay_failed(w.tx, w.actor, endpoint_id=endpoint_id, now=w.now)
    else:
        number = await actions.replay_range(
            w.tx,
            w.actor,
            endpoint_id=endpoint_id,
            since=what.since or w.now - actions.REPLAY_SPAN,
            until=what.until or w.now,
            with_delivered=what.with_delivered,
            now=w.now,
        )
    return WebhookReplayed(deliveries=number)
