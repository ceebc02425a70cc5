"""A signed JSON request to an address of the person's choice."""

import json

import httpx

from firebell.kit.http_out import Reply, post
from firebell.kit.signing import Signer
from firebell.paging.channels import Accepted, Failed, Message, Outcome, Retry, not_sent

_RETRY = (408, 425, 429)


def describe(message: Message) -> dict[str, object]:
    """Return what a webhook says of a page; `alerts` are the newest hundred at most."""
    return {
        "event": message.reason,
        "page": message.page_ref,
        "title": message.title,
        "note": message.note,
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
        "alerts": [
            {
                "id": alert.id,
                "dedup_key": alert.dedup_key,
                "status": alert.status,
                "title": alert.title,
                "body": alert.body[:2000],
                "severity": alert.severity,
                "labels": alert.labels,
                "links": alert.links,
                "starts_at": alert.starts_at.isoformat(),
            }
            for alert in message.alerts
        ],
    }


def outcome_of(reply: Reply) -> Outcome:
    """Return what an answer means: 2xx arrived, 408, 425, 429 and 5xx may be repeated, the rest not."""
    if reply.ok:
        return Accepted(str(reply.status))
    reason = f"{reply.status} {reply.text[:200]}"
    if reply.status in _RETRY or reply.status >= 500:
        wait = reply.retry_after
        return Retry(reason, min(60.0, float(wait)) if wait.isdigit() else None)
    return Failed(reason)


class Webhook:
    """Posts JSON; `X-Firebell-Signature` proves who sent it, `Idempotency-Key` that it is a repeat."""

    def __init__(self, http: httpx.AsyncClient, signer: Signer) -> None:
        self._http = http
        self._signer = signer

    async def send(self, address: str, message: Message, key: str) -> Outcome:
        """Post one message."""
        body = json.dumps(describe(message), ensure_ascii=False).encode()
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "Firebell",
            "Idempotency-Key": key,
            "X-Firebell-Signature": self._signer.digest("webhook", body),
        }
        try:
            reply = await post(self._http, address, content=body, headers=headers)
        except httpx.InvalidURL as exc:
            return Failed(str(exc))
        except httpx.HTTPError as exc:
            return not_sent(exc, f"{type(exc).__name__}: {exc}")
        return outcome_of(reply)
