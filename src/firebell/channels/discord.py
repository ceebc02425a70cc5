"""Discord: a message by the webhook of a channel, without mentions."""

import re
from urllib.parse import urlsplit

import httpx
import msgspec

from firebell.channels.base import (
    Channel,
    Failed,
    Message,
    MessageLimits,
    Outcome,
    SendRate,
    final,
    whole_or_short,
    without_secrets,
)
from firebell.channels.http_attempts import AttemptOutcome, accepted_with_id, attempt_outcome, json_object
from firebell.channels.message_text import compose, markdown_link
from firebell.channels.response_outcomes import outcome_of, wait_or_failed
from firebell.kit.errors import Invalid
from firebell.kit.http_out import OutboundResponse, check_url, post, send
from firebell.kit.markup import escape_markdown

_PATH = re.compile(r"/api(?:/v\d+)?/webhooks/(\d{5,20})/([\w-]{20,100})")
_NO_EMBEDS = 4
_JSON = {"Content-Type": "application/json"}
_REFUSED_TOKEN = (401, 403)
_UNKNOWN_WEBHOOK = 404


class Discord:
    """Posts by a webhook, and waits for the id of the stored message."""

    limits = MessageLimits(title=200, text=2000, whole=8000)

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def send(self, address: str, message: Message, key: str) -> Outcome:
        """Post one message."""

        async def attempt(short: bool) -> AttemptOutcome:
            body = body_of(message, short=short)
            # without `wait`, Discord answers before it has stored anything
            url = f"{address}?wait=true"
            return await attempt_outcome(post(self._http, url, content=body, headers=_JSON), _outcome)

        return without_secrets(await whole_or_short(attempt), address)

    async def retract(self, address: str, provider_id: str, message: Message) -> Outcome | None:
        """Replace a message by the one that says how its subject ended."""
        url = f"{address}/messages/{provider_id}"
        outcome = await attempt_outcome(
            send(self._http, "PATCH", url, content=body_of(message), headers=_JSON), _outcome
        )
        return without_secrets(final(outcome), address)


def body_of(message: Message, *, short: bool = False) -> bytes:
    """Return the JSON of one message; nothing in it formats or mentions."""
    limits = Discord.limits
    text = compose(
        message, limits.title, limits.text, escape=escape_markdown, link=markdown_link, short=short
    )
    return msgspec.json.encode({"content": text, "allowed_mentions": {"parse": []}, "flags": _NO_EMBEDS})


def _outcome(reply: OutboundResponse) -> AttemptOutcome:
    answer = json_object(reply)
    if reply.ok:
        return accepted_with_id(reply, "Discord", answer.get("id"))
    reason = f"{reply.status} {reply.text[:200]}"
    if reply.status == _UNKNOWN_WEBHOOK:
        return Failed(reason, gone=True)
    if reply.status in _REFUSED_TOKEN:
        # the token is part of the address
        return Failed(reason)
    if reply.status == 429:
        return wait_or_failed(reason, answer.get("retry_after") or reply.retry_after)
    return outcome_of(reply)


def check_address(address: str) -> str:
    """Return the address of a webhook; raise `Invalid` if it is not one."""
    parts = urlsplit(check_url(address))
    match = _PATH.fullmatch(parts.path.rstrip("/"))
    if not match or parts.scheme != "https":
        raise Invalid(
            "That is not the address of a Discord webhook.",
            fields={"address": "Copy it from the settings of the channel: Integrations, Webhooks."},
        )
    return f"https://{parts.netloc}/api/webhooks/{match[1]}/{match[2]}"


CHANNEL = Channel(
    kind="discord",
    label="Discord",
    icon="message-square",
    address_label="Discord webhook",
    address_help="https://discord.com/api/webhooks/…",
    limits=Discord.limits,
    open=lambda edges: Discord(edges.http),
    check_address=check_address,
    # a webhook takes five messages in two seconds
    rate=SendRate(per_s=20, burst=32),
    retracts=True,
    shared_hosts=frozenset({"discord.com", "discordapp.com"}),
)
