"""Webhooks: a signed JSON request to a URL of the person."""

import json

import httpx

from firebell.alerts.model import Alert
from firebell.kit.http_out import Reply, post
from firebell.kit.signing import Signer
from firebell.kit.standard_webhooks import signature
from firebell.paging.channels import (
    Accepted,
    ContentRefused,
    Failed,
    Limits,
    Message,
    Outcome,
    Retry,
    not_sent,
    whole_or_short,
    without_secrets,
)
from firebell.paging.channels.fitting import cut

MAX_WAIT_S = 60
"""Longest `Retry-After` that is respected; beyond it the delivery fails, so that the next rule acts."""
_RETRY = (408, 425, 429)
_CONTENT = (400, 413, 415, 422)
_ADDRESS = (404, 405, 410)
_GONE = 410
_ALERT_BODY_BYTES = 2000
_TYPES = {"page": "triggered", "reminder": "reminded", "alarm": "exhausted"}


def describe(message: Message, *, short: bool = False) -> dict[str, object]:
    """Return the data of a message; `alerts` are the most severe that fit, `alerts_omitted` counts the others."""
    alerts = [] if short else _fitting(message)
    return {
        "event": message.reason,
        "page": message.page_ref,
        "title": message.title,
        "note": message.note(500 if short else Webhook.limits.text),
        "state": message.state,
        "urgency": message.urgency,
        "severity": message.severity,
        "service": message.service,
        "team": message.team,
        "triggered_at": message.triggered_at.isoformat(),
        "level": message.level + 1,
        "person": message.person,
        "page_url": message.page_url,
        "ack_url": message.ack_url,
        "alerts": alerts,
        "alerts_omitted": max(message.alert_count, len(message.alerts)) - len(alerts),
        **({"code": message.code} if message.code else {}),
    }


def body_of(message: Message, *, short: bool = False) -> bytes:
    """Return the body: `type`, `timestamp` and `data`, and the fields of `data` beside them as before 0.2."""
    fields = describe(message, short=short)
    kind = f"page.{_TYPES.get(message.reason, message.reason)}" if message.page_ref else message.reason
    whole = {"type": kind, "timestamp": message.composed_at.isoformat(), "data": fields, **fields}
    return json.dumps(whole, ensure_ascii=False).encode()


def _fitting(message: Message) -> list[dict[str, object]]:
    shown, room = [], Webhook.limits.whole // 2 - 4 * Webhook.limits.text // 3
    for alert in message.alerts:
        one = _alert(alert)
        room -= len(json.dumps(one, ensure_ascii=False).encode()) + 2
        if room < 0:
            break
        shown.append(one)
    return shown


def _alert(alert: Alert) -> dict[str, object]:
    return {
        "id": alert.id,
        "dedup_key": alert.dedup_key,
        "status": alert.status,
        "title": alert.title,
        "body": cut(alert.body, _ALERT_BODY_BYTES),
        "severity": alert.severity,
        "labels": alert.labels,
        "links": alert.links,
        "starts_at": alert.starts_at.isoformat(),
    }


def outcome_of(reply: Reply) -> Outcome | ContentRefused:
    """Return the outcome of a response (spec 10.2): only 404, 405 and 410 blame the address."""
    if reply.ok:
        return Accepted(str(reply.status))
    reason = f"{reply.status} {reply.text[:200]}"
    if reply.status in _RETRY or reply.status >= 500:
        wait = reply.retry_after
        seconds = float(wait) if wait.isascii() and wait.isdecimal() and len(wait) < 10 else None
        if reply.status == 429 and seconds and seconds > MAX_WAIT_S:
            return Failed(f"{reason} (retry after {seconds:.0f} s)", suspect=False)
        return Retry(reason, min(MAX_WAIT_S, seconds) if seconds is not None else None)
    if reply.status in _CONTENT:
        return ContentRefused(reason)
    return Failed(reason, suspect=reply.status in _ADDRESS, gone=reply.status == _GONE)


class Webhook:
    """Posts JSON, signed by Standard Webhooks; `webhook-id` and `Idempotency-Key` stay the same on retries.

    `X-Firebell-Signature` is sent until version 0.2 for receivers that check that it is present.
    """

    limits = Limits(title=500, text=60_000, whole=500_000)

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
            message_id, timestamp = f"msg_{key}", int(message.composed_at.timestamp())
            return {
                "Content-Type": "application/json",
                "User-Agent": "Firebell",
                "Idempotency-Key": key,
                "webhook-id": message_id,
                "webhook-timestamp": str(timestamp),
                "webhook-signature": signature(message.signing_secrets, message_id, timestamp, body),
                "X-Firebell-Signature": self._signer.digest("webhook", body),
            }

        return without_secrets(await whole_or_short(attempt), address)
