"""Microsoft Teams: an Adaptive Card by the address of a workflow."""

from urllib.parse import urlsplit

import httpx
import msgspec

from firebell.channels.base import (
    Accepted,
    Channel,
    Failed,
    Message,
    MessageLimits,
    Outcome,
    Retry,
    SendRate,
    whole_or_short,
    within,
    without_secrets,
)
from firebell.channels.http_attempts import AttemptOutcome, attempt_outcome
from firebell.channels.message_text import details, links
from firebell.channels.response_outcomes import outcome_of
from firebell.kit.errors import Invalid
from firebell.kit.http_out import OutboundResponse, check_url, post
from firebell.kit.markup import escape_markdown
from firebell.kit.truncation import cut

_RETIRED = (".webhook.office.com", "outlook.office.com")
_QUEUED = 202
_RUN = "x-ms-workflow-run-id"
_STOPPED = (400, 404)
_REFUSED_SIGNATURE = (401, 403)
_MAX_ACTIONS = 5
_LABEL_BYTES = 60


class Teams:
    """Posts a card to a workflow, which a flow then shows: accepted says that it is queued there."""

    limits = MessageLimits(title=300, text=4000, whole=25_000)
    """A workflow accepts any card, and fails unseen if it has more than about 28 KB."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def send(self, address: str, message: Message, key: str) -> Outcome:
        """Post one card."""

        async def attempt(short: bool) -> AttemptOutcome:
            body, headers = body_of(message, short=short), {"Content-Type": "application/json"}
            return await attempt_outcome(post(self._http, address, content=body, headers=headers), _outcome)

        return without_secrets(await whole_or_short(attempt), address)


def body_of(message: Message, *, short: bool = False) -> bytes:
    """Return the JSON of one message with a card; text that people wrote neither formats nor mentions."""
    limits = Teams.limits
    title = {"weight": "Bolder", "size": "Medium"}

    def encoded(room: int) -> bytes:
        text = "" if short else details(message, room)
        lines = [line for line in text.split("\n") if line.strip()]
        card = {
            "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
            "type": "AdaptiveCard",
            "version": "1.4",
            "body": [_text(cut(message.subject, limits.title), **title), *map(_text, lines)],
            "actions": [
                {"type": "Action.OpenUrl", "title": cut(label, _LABEL_BYTES), "url": url}
                for label, url in links(message, short=short)[:_MAX_ACTIONS]
            ],
            "msteams": {"width": "Full"},
        }
        kind = "application/vnd.microsoft.card.adaptive"
        attachment = {"contentType": kind, "contentUrl": None, "content": card}
        return msgspec.json.encode({"type": "message", "attachments": [attachment]})

    return within(limits.whole, limits.text, encoded)


def _text(text: str, **more: str) -> dict[str, object]:
    return {"type": "TextBlock", "text": escape_markdown(text), "wrap": True, **more}


def _outcome(reply: OutboundResponse) -> AttemptOutcome:
    if reply.ok:
        # a page of a proxy answers 200
        run = reply.headers.get(_RUN, "")
        return (
            Accepted(run or "202")
            if run or reply.status == _QUEUED
            else Retry(f"{reply.status} instead of 202")
        )
    reason = f"{reply.status} {reply.text[:200]}"
    if reply.status in _STOPPED:
        return Failed(f"{reason}: the workflow is off, or its owner left.", suspect=False)
    if reply.status in _REFUSED_SIGNATURE:
        # the signature is part of the address
        return Failed(reason)
    return outcome_of(reply)


def check_address(address: str) -> str:
    """Return the address of a workflow; raise `Invalid` for that of a connector, which Microsoft has retired."""
    text = check_url(address)
    parts = urlsplit(text)
    host = (parts.hostname or "").lower()
    if host.endswith(_RETIRED):
        raise Invalid(
            "Microsoft has retired the connectors of Teams.",
            fields={
                "address": "In Teams, add the workflow “Send webhook alerts to a chat”, and use its address."
            },
        )
    if parts.scheme != "https" or parts.fragment or not parts.query:
        raise Invalid(
            "That is not the address of a Teams workflow.",
            fields={"address": "Copy the whole address of the workflow; it ends with sig=…"},
        )
    return text


CHANNEL = Channel(
    kind="teams",
    label="Microsoft Teams",
    icon="message-square",
    address_label="Teams workflow",
    address_help="https://….logic.azure.com/workflows/…",
    limits=Teams.limits,
    open=lambda edges: Teams(edges.http),
    check_address=check_address,
    rate=SendRate(per_s=5, burst=32),
    # that a workflow started says nothing about its message
    wakes=False,
)
