"""Gotify: push messages through a server of one's own, to an application that each person creates there."""

import re
from urllib.parse import parse_qs, urlsplit

import httpx
import msgspec

from firebell.channels.base import (
    Channel,
    Failed,
    Message,
    MessageLimits,
    Outcome,
    SendRate,
    whole_or_short,
    within,
    without_secrets,
)
from firebell.channels.http_attempts import AttemptOutcome, accepted_with_id, attempt_outcome, json_object
from firebell.channels.message_text import compose
from firebell.channels.response_outcomes import outcome_of
from firebell.kit.errors import Invalid
from firebell.kit.http_out import OutboundResponse, check_url, post
from firebell.kit.truncation import cut

_TOKEN = re.compile(r"[A-Za-z0-9._-]{10,64}")
_PRIORITY = {"high": 8, "low": 4}
"""From 8 on, the app rings and stays on the screen; from 4 on, it makes a sound."""
_REFUSED_TOKEN = (401, 403)


class Gotify:
    """Posts to the application whose token is in the address."""

    limits = MessageLimits(title=200, text=4000, whole=16_000)

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def send(self, address: str, message: Message, key: str) -> Outcome:
        """Post one message."""
        parts = urlsplit(address)
        url = f"{parts.scheme}://{parts.netloc}{parts.path}"
        token = "".join(parse_qs(parts.query).get("token", []))
        if not token:
            return Failed("The Gotify address has no token.")

        async def attempt(short: bool) -> AttemptOutcome:
            headers = {"Content-Type": "application/json", "X-Gotify-Key": token}
            body = body_of(message, short=short)
            return await attempt_outcome(post(self._http, url, content=body, headers=headers), _outcome)

        return without_secrets(without_secrets(await whole_or_short(attempt), token), address)


def body_of(message: Message, *, short: bool = False) -> bytes:
    """Return the JSON of one message; its text is plain, and a tap opens the screen."""
    limits = Gotify.limits
    urgency = "high" if message.urgency == "high" else "low"
    fields: dict[str, object] = {
        "title": cut(message.subject, limits.title),
        "priority": _PRIORITY[urgency],
        "extras": {
            "client::display": {"contentType": "text/plain"},
            **({"client::notification": {"click": {"url": message.url}}} if message.url else {}),
        },
    }
    return within(
        limits.whole,
        limits.text,
        lambda room: msgspec.json.encode(
            {**fields, "message": compose(message, 0, room, short=short) or cut(message.title, limits.title)}
        ),
    )


def _outcome(reply: OutboundResponse) -> AttemptOutcome:
    if reply.ok:
        return accepted_with_id(reply, "a Gotify server", json_object(reply).get("id"))
    if reply.status in _REFUSED_TOKEN:
        # the token is part of the address: its owner deleted the application
        return Failed(f"{reply.status} {reply.text[:200]}")
    return outcome_of(reply)


def check_address(address: str) -> str:
    """Return `https://server/message?token=…`; raise `Invalid` for an address without a token."""
    parts = urlsplit(check_url(address))
    tokens = parse_qs(parts.query).get("token", [])
    if len(tokens) != 1 or not _TOKEN.fullmatch(tokens[0]):
        raise Invalid(
            "The Gotify address has no application token.",
            fields={"address": "Use https://gotify.example.org/message?token=… with the token of an app."},
        )
    path = parts.path.rstrip("/")
    path = path if path.endswith("/message") else f"{path}/message"
    return f"{parts.scheme}://{parts.netloc}{path}?token={tokens[0]}"


CHANNEL = Channel(
    kind="gotify",
    label="Gotify",
    icon="smartphone",
    address_label="Gotify address",
    address_help="https://gotify.example.org/message?token=…",
    limits=Gotify.limits,
    open=lambda edges: Gotify(edges.http),
    check_address=check_address,
    rate=SendRate(per_s=50, burst=100),
)
