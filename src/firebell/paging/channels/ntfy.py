"""ntfy: a push message to a phone through a public or own server."""

from urllib.parse import urlsplit

import httpx

from firebell.kit.http_out import post
from firebell.paging.channels import Failed, Message, Outcome, not_sent
from firebell.paging.channels.webhook import outcome_of


class Ntfy:
    """Publishes to a topic, given alone or as the address of a topic on another server."""

    def __init__(self, http: httpx.AsyncClient, server: str) -> None:
        self._http = http
        self._server = server.rstrip("/")

    async def send(self, address: str, message: Message, key: str) -> Outcome:
        """Publish one message; urgent ones ring through with the highest priority."""
        server, topic = self._server, address
        if "://" in address:
            parts = urlsplit(address)
            server, topic = f"{parts.scheme}://{parts.netloc}", parts.path.strip("/")
        if not topic:
            return Failed(f"{address} names no topic.")
        body: dict[str, object] = {
            "topic": topic,
            "title": message.subject[:250],
            "message": _text(message),
            "priority": 5 if message.urgency == "high" else 3,
            "tags": ["rotating_light" if message.urgency == "high" else "bell"],
        }
        if message.page_url:
            body["click"] = message.page_url
            body["actions"] = [{"action": "view", "label": "Acknowledge", "url": message.ack_url}]
        try:
            reply = await post(self._http, server, json=body, headers={"X-Idempotency-Key": key})
        except httpx.InvalidURL as exc:
            return Failed(str(exc))
        except httpx.HTTPError as exc:
            return not_sent(exc, f"{type(exc).__name__}: {exc}")
        return outcome_of(reply)


def _text(message: Message) -> str:
    if message.note:
        return message.note
    first = message.alerts[0].body[:500] if message.alerts else ""
    return "\n".join(line for line in (message.service, first) if line) or message.title
