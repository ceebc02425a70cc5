"""Google Chat: a message in a space by its webhook, in one thread for each subject."""

import re
from urllib.parse import parse_qs, urlencode, urlsplit

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
    without_secrets,
)
from firebell.channels.http_attempts import AttemptOutcome, accepted_with_id, attempt_outcome, json_object
from firebell.channels.message_text import compose, plain_link
from firebell.channels.response_outcomes import outcome_of
from firebell.kit.errors import Invalid
from firebell.kit.http_out import OutboundResponse, check_url, post
from firebell.kit.markup import escape_google_chat

_PATH = re.compile(r"/v1/spaces/[\w-]{3,60}/messages")
_IN_THREAD = {"messageReplyOption": "REPLY_MESSAGE_FALLBACK_TO_NEW_THREAD"}
_REFUSED_ADDRESS = (401, 403)
_GONE = 404


class GoogleChat:
    """Posts by a webhook; a repeated `requestId` returns the first message."""

    limits = MessageLimits(title=200, text=4000, whole=16_000)

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def send(self, address: str, message: Message, key: str) -> Outcome:
        """Post one message."""

        async def attempt(short: bool) -> AttemptOutcome:
            request = {"requestId": f"{key}-short" if short else key}
            query = urlencode({**_IN_THREAD, **request} if message.thread else request)
            headers = {"Content-Type": "application/json; charset=UTF-8"}
            body = body_of(message, short=short)
            return await attempt_outcome(
                post(self._http, f"{address}&{query}", content=body, headers=headers), _outcome
            )

        return without_secrets(await whole_or_short(attempt), address)


def body_of(message: Message, *, short: bool = False) -> bytes:
    """Return the JSON of one message; text that people wrote neither formats nor mentions."""
    limits = GoogleChat.limits
    text = compose(message, limits.title, limits.text, escape=escape_google_chat, link=_link, short=short)
    thread = {"thread": {"threadKey": message.thread}} if message.thread else {}
    return msgspec.json.encode({"text": text, **thread})


def _link(label: str, url: str) -> str:
    return plain_link(label, url) if set(url) & set("|> ") else f"<{url}|{escape_google_chat(label)}>"


def _outcome(reply: OutboundResponse) -> AttemptOutcome:
    if reply.ok:
        return accepted_with_id(reply, "Google Chat", json_object(reply).get("name"))
    reason = f"{reply.status} {reply.text[:200]}"
    if reply.status == _GONE:
        return Failed(reason, gone=True)
    if reply.status in _REFUSED_ADDRESS:
        # the key and the token are part of the address
        return Failed(reason)
    return outcome_of(reply)


def check_address(address: str) -> str:
    """Return the address of a webhook; raise `Invalid` if it is not one."""
    parts = urlsplit(check_url(address))
    query = parse_qs(parts.query)
    names = ("key", "token")
    is_whole = all(len(query.get(name, [])) == 1 for name in names)
    if parts.scheme != "https" or not _PATH.fullmatch(parts.path) or not is_whole:
        raise Invalid(
            "That is not the address of a Google Chat webhook.",
            fields={"address": "Copy it from the space: Apps & integrations, Webhooks."},
        )
    kept = urlencode({name: query[name][0] for name in names})
    return f"https://{parts.netloc}{parts.path}?{kept}"


CHANNEL = Channel(
    kind="google_chat",
    label="Google Chat",
    icon="message-square",
    address_label="Google Chat webhook",
    address_help="https://chat.googleapis.com/v1/spaces/…",
    limits=GoogleChat.limits,
    open=lambda edges: GoogleChat(edges.http),
    check_address=check_address,
    rate=SendRate(per_s=10, burst=32),
    shared_hosts=frozenset({"chat.googleapis.com"}),
)
