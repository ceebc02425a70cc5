"""Webhooks: a signed JSON request to a URL of the person."""

import httpx
import msgspec

from firebell.channels.base import (
    Channel,
    ContentRefused,
    Failed,
    Message,
    MessageLimits,
    Outcome,
    SendRate,
    not_sent,
    whole_or_short,
    without_secrets,
)
from firebell.channels.response_outcomes import outcome_of
from firebell.kit.errors import Invalid
from firebell.kit.http_out import check_url, post
from firebell.kit.signing import Signer
from firebell.kit.standard_webhooks import request_headers
from firebell.kit.truncation import cut

_ITEM_BODY_BYTES = 2000
_NO_PAGE: dict[str, object] = {
    **dict.fromkeys(("page", "state", "service", "team", "page_url", "ack_url"), ""),
    "severity": None,
    "level": 1,
}
"""The fields about a page, which other messages carry empty, so that a receiver reads one shape."""


def describe(message: Message, *, short: bool = False) -> dict[str, object]:
    """Return the data of a message; `alerts` are the most severe that fit, `alerts_omitted` counts the others."""
    items = [] if short else _fitting(message)
    return {
        **_NO_PAGE,
        "triggered_at": message.composed_at.isoformat(),
        **message.data,
        "event": message.event,
        "title": message.title,
        "note": message.text(500 if short else Webhook.limits.text),
        "urgency": message.urgency,
        "person": message.recipient,
        "alerts": items,
        "alerts_omitted": message.more_than(len(items)),
        **({"code": message.code} if message.code else {}),
    }


def body_of(message: Message, *, short: bool = False) -> bytes:
    """Return the body: `type`, `timestamp` and `data`, and the fields of `data` beside them as before 0.2."""
    fields = describe(message, short=short)
    kind, timestamp = message.type or message.event, message.composed_at.isoformat()
    whole = {"type": kind, "timestamp": timestamp, "data": fields, **fields}
    return msgspec.json.encode(whole)


def _fitting(message: Message) -> list[dict[str, object]]:
    shown, room = [], Webhook.limits.whole // 2 - 4 * Webhook.limits.text // 3
    for item in message.items:
        one = {**item.data, "body": cut(item.body, _ITEM_BODY_BYTES)}
        room -= len(msgspec.json.encode(one)) + 2
        if room < 0:
            break
        shown.append(one)
    return shown


class Webhook:
    """Posts JSON, signed by Standard Webhooks; `webhook-id` and `Idempotency-Key` stay the same on retries.

    `X-Firebell-Signature` is sent until version 0.2 for receivers that check that it is present.
    """

    limits = MessageLimits(title=500, text=60_000, whole=500_000)

    def __init__(self, http: httpx.AsyncClient, signer: Signer) -> None:
        self._http = http
        self._signer = signer

    async def send(self, address: str, message: Message, key: str) -> Outcome:
        """Post one message."""

        async def attempt(short: bool) -> Outcome | ContentRefused:
            body = body_of(message, short=short)
            try:
                return outcome_of(await post(self._http, address, content=body, headers=headers(body)))
            except httpx.InvalidURL:
                return Failed("The webhook address is not a valid URL.")
            except httpx.HTTPError as exc:
                return not_sent(exc, f"{type(exc).__name__}: {exc}")

        def headers(body: bytes) -> dict[str, str]:
            return {
                **request_headers(message.signing_secrets, f"msg_{key}", message.composed_at, body),
                "Idempotency-Key": key,
                "X-Firebell-Signature": self._signer.digest("webhook", body),
            }

        return without_secrets(await whole_or_short(attempt), address)


def check_address(address: str) -> str:
    """Return the URL; raise `Invalid` for one that cannot be posted to, or that has a part after #."""
    if "#" in address:
        raise Invalid(
            "The part of a URL after # is never sent.",
            fields={"address": "Remove the # and everything after it."},
        )
    return check_url(address)


CHANNEL = Channel(
    kind="webhook",
    label="Webhook",
    icon="webhook",
    address_label="Webhook URL",
    address_help="https://…",
    limits=Webhook.limits,
    open=lambda edges: Webhook(edges.http, edges.signer),
    check_address=check_address,
    rate=SendRate(per_s=1000, burst=200),
    is_signed=True,
)
