"""ntfy: push messages to a phone through a public or self-hosted server."""

import json
from collections.abc import Mapping
from urllib.parse import urlsplit

import httpx

from firebell.channels.base import (
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
from firebell.channels.webhook import outcome_of
from firebell.kit.fitting import cut, fit
from firebell.kit.http_out import Reply, post

_BODY_BYTES = 1500
_LISTED_ITEMS = 20
_QUOTA = (42908, 42910)
"""The ntfy error codes for an exhausted daily quota: a retry does not help."""


class Ntfy:
    """Publishes to a topic, given as a name or as the URL of a topic on another server."""

    limits = Limits(title=200, text=4000, whole=8192)
    """A server refuses more than 4,096 bytes of text, or turns it into an attachment that phones do not show."""

    def __init__(self, http: httpx.AsyncClient, server: str) -> None:
        self._http = http
        self._server = server.rstrip("/")

    async def send(self, address: str, message: Message, key: str) -> Outcome:
        """Publish one message; urgent ones have the highest priority."""
        server, topic = self._server, address
        if "://" in address:
            parts = urlsplit(address)
            server, topic = f"{parts.scheme}://{parts.netloc}", parts.path.strip("/")
        if not topic:
            return Failed("The ntfy address has no topic.")

        async def attempt(short: bool) -> Outcome | ContentRefused:
            body = body_of(topic, message, short=short)
            headers = {"Content-Type": "application/json", "X-Idempotency-Key": key}
            try:
                return _outcome_of(await post(self._http, server, content=body, headers=headers))
            except httpx.InvalidURL:
                return Failed("The ntfy address is not a valid URL.")
            except httpx.HTTPError as exc:
                return not_sent(exc, f"{type(exc).__name__}: {exc}")

        return without_secrets(await whole_or_short(attempt), address)


def body_of(topic: str, message: Message, *, short: bool = False) -> bytes:
    """Return the JSON of one message, within the default limits of a server."""
    limits = Ntfy.limits
    fields: dict[str, object] = {
        "topic": topic,
        "title": cut(message.subject, limits.title // 2 if short else limits.title),
        "priority": 5 if message.urgency == "high" else 3,
        "tags": ["rotating_light" if message.urgency == "high" else "bell"],
    }
    if message.url:
        fields["click"] = message.url
    if message.actions and not short:
        fields["actions"] = [{"action": "view", "label": a.label, "url": a.url} for a in message.actions]
    room = 500 if short else limits.text
    while True:
        body = _encoded({**fields, "message": _text(message, room, short=short)})
        # quotes and line breaks take two bytes in JSON
        if len(body) <= limits.whole or room <= 0:
            return body
        room -= len(body) - limits.whole


def _encoded(fields: Mapping[str, object]) -> bytes:
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()


def _text(message: Message, limit_bytes: int, *, short: bool) -> str:
    if short:
        return cut(message.url or message.title, limit_bytes)
    if message.lines:
        return message.text(limit_bytes)
    lines = [cut(message.lead, _BODY_BYTES)]
    lines += [f"- {item.title}" for item in message.items[1:_LISTED_ITEMS]]
    if more := message.more_than(_LISTED_ITEMS):
        lines.append(f"And {more} more")
    return fit([line for line in lines if line], "", limit_bytes) or message.title


def _outcome_of(reply: Reply) -> Outcome | ContentRefused:
    answer = _json(reply.text)
    if reply.ok:
        # a captive portal answers 200 too
        return (
            Accepted(str(answer["id"]))
            if "id" in answer
            else Retry(f"{reply.status} without a message id: is this an ntfy server?")
        )
    if reply.status == 429 and answer.get("code") in _QUOTA:
        return Failed(f"429 {reply.text[:200]}", suspect=False)
    return outcome_of(reply)


def _json(text: str) -> dict[str, object]:
    try:
        document = json.loads(text)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}
