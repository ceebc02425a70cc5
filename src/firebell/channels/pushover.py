"""Pushover: push messages to phones, repeated by Pushover until an urgent page is acknowledged."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from urllib.parse import urlencode

import httpx

from firebell.channels.base import (
    Channel,
    Edges,
    Failed,
    Message,
    MessageLimits,
    Outcome,
    SendRate,
    Setting,
    final,
    whole_or_short,
    without_secrets,
)
from firebell.channels.callbacks import PageAction, Press, SignalAnswer
from firebell.channels.http_attempts import (
    AttemptOutcome,
    accepted_with_id,
    attempt_outcome,
    check_token,
    json_object,
)
from firebell.channels.message_text import details
from firebell.channels.polling import Fetched, Update, WaitingMessage
from firebell.channels.response_outcomes import outcome_of
from firebell.kit.errors import Invalid
from firebell.kit.findings import CheckResult
from firebell.kit.http_out import OutboundResponse, post, send
from firebell.kit.truncation import cut

_TOKEN = "FIREBELL_PUSHOVER_TOKEN"  # noqa: S105 - the name of a variable
"""The token of the application that sends, from pushover.net."""
_API_URL = "FIREBELL_PUSHOVER_API_URL"
"""Another address of Pushover's API, such as that of a proxy."""
_DEFAULT_API_URL = "https://api.pushover.net/1/"
_USER = re.compile(r"[A-Za-z0-9]{30}")
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}
_EMERGENCY = 2
_REPEAT_S = 60
"""How often Pushover repeats an emergency; it refuses less than 30 seconds."""
_EXPIRE_S = 1800
"""For how long Pushover repeats an emergency, at most three hours."""
_RECEIPT = "receipt:"
"""What the provider's id of an emergency begins with: only these have a receipt, which can be canceled."""
_OWNED = "ack_ending"
"""The message to the owner of a page that its acknowledgment runs out: a link answers it, and no receipt is read."""
_URL_CHARS = 512
_RECEIPTS_A_ROUND = 20
"""Number of receipts that are read at once."""


class Pushover:
    """Sends to a user key. A page of high urgency is an emergency: the app asks to acknowledge it."""

    limits = MessageLimits(title=250, text=1024, whole=8192)

    def __init__(self, http: httpx.AsyncClient, token: str, api_url: str) -> None:
        self._http = http
        self._token = token
        self._api = api_url.rstrip("/")

    async def send(self, address: str, message: Message, key: str) -> Outcome:
        """Send one message."""
        if not self._token:
            return Failed(f"{_TOKEN} is not set.", suspect=False)

        async def attempt(short: bool) -> AttemptOutcome:
            fields = {"token": self._token, "user": address, **fields_of(message, short=short)}
            url = f"{self._api}/messages.json"
            return await attempt_outcome(
                post(self._http, url, content=urlencode(fields).encode(), headers=_FORM), _outcome
            )

        return without_secrets(without_secrets(await whole_or_short(attempt), address), self._token)

    async def retract(self, address: str, provider_id: str, message: Message) -> Outcome | None:
        """Stop the repetition of an emergency; other messages stay as they are."""
        if not provider_id.startswith(_RECEIPT):
            return None
        url = f"{self._api}/receipts/{provider_id.removeprefix(_RECEIPT)}/cancel.json"
        body = urlencode({"token": self._token}).encode()
        outcome = await attempt_outcome(post(self._http, url, content=body, headers=_FORM), _outcome)
        return without_secrets(final(outcome), self._token)


class PushoverPoller:
    """Reads the receipt of each emergency that still waits: it says who acknowledged it in the app."""

    pause_s = 15.0
    """Pushover allows a request every 5 seconds for each receipt."""
    waits_for = timedelta(seconds=_EXPIRE_S + 120)

    def __init__(self, http: httpx.AsyncClient, token: str, api_url: str) -> None:
        self._http = http
        self._token = token
        self._api = api_url
        self._last_read = 0
        """The delivery whose receipt was read last: a round begins after it, so that all have their turn."""

    async def fetch(self, cursor: str, waiting: Sequence[WaitingMessage]) -> Fetched:
        """Return the acknowledgments of the messages whose turn it is; there is no cursor."""
        emergencies = self.next_round([each for each in waiting if each.provider_id.startswith(_RECEIPT)])
        replies = await asyncio.gather(*map(self._receipt, emergencies))
        problem = next((reply for reply in replies if isinstance(reply, str)), "")
        is_partial = not all(isinstance(reply, str) for reply in replies)
        presses = [
            Update(Press(each.provider_id, each.delivery_id, PageAction.ACK, each.address))
            for each, reply in zip(emergencies, replies, strict=True)
            # a key of a group has many people, of whom only one is this one
            if not isinstance(reply, str)
            and reply.get("acknowledged") == 1
            and reply.get("acknowledged_by") == each.address
        ]
        return Fetched(presses, cursor, problem, is_partial=is_partial)

    def next_round(self, emergencies: Sequence[WaitingMessage]) -> Sequence[WaitingMessage]:
        """Return the messages whose receipts are read next: those after the last one that was, then the others."""
        in_turn = sorted(
            emergencies, key=lambda each: (each.delivery_id <= self._last_read, each.delivery_id)
        )
        current = in_turn[:_RECEIPTS_A_ROUND]
        if current:
            self._last_read = current[-1].delivery_id
        return current

    async def _receipt(self, each: WaitingMessage) -> Mapping[str, object] | str:
        """Return what a receipt says, or why it cannot be read."""
        receipt = each.provider_id.removeprefix(_RECEIPT)
        url = f"{self._api}/receipts/{receipt}.json?{urlencode({'token': self._token})}"
        try:
            reply = await send(self._http, "GET", url)
        except httpx.HTTPError as exc:
            return type(exc).__name__
        return json_object(reply) if reply.ok else str(reply.status)

    async def answer(self, answers: Sequence[tuple[str, SignalAnswer]]) -> None:
        """Show nothing: the app shows by itself that it was acknowledged."""


def fields_of(message: Message, *, short: bool = False) -> dict[str, str]:
    """Return the fields of one message beside the token and the user."""
    limits = Pushover.limits
    # a code is urgent too, and nothing to acknowledge
    is_emergency = message.urgency == "high" and bool(message.actions) and message.event != _OWNED
    priority = _EMERGENCY if is_emergency else int(message.urgency == "high")
    answer = message.actions[0] if message.actions and not is_emergency and not short else None
    label, url = (answer.label, answer.url) if answer else (message.open_label, message.url)
    text = "" if short else details(message, limits.text)
    fields = {
        "title": cut(message.subject, limits.title // 2 if short else limits.title),
        "message": text or cut(message.title, limits.text),
        "priority": str(priority),
        "timestamp": str(int(message.composed_at.timestamp())),
    }
    if url and len(url) <= _URL_CHARS:
        fields |= {"url": url, "url_title": cut(label, 100)}
    if is_emergency:
        fields |= {"retry": str(_REPEAT_S), "expire": str(_EXPIRE_S)}
    return fields


def _outcome(reply: OutboundResponse) -> AttemptOutcome:
    answer = json_object(reply)
    if reply.ok:
        receipt = answer.get("receipt")
        proof = f"{_RECEIPT}{receipt}" if receipt else answer.get("request")
        return accepted_with_id(reply, "Pushover", proof if answer.get("status") == 1 else None)
    reason = f"{reply.status} {reply.text[:200]}"
    if reply.status == 429:
        # the month's messages are used up, which no retry changes
        return Failed(reason, suspect=False)
    if answer.get("token") == "invalid":
        return Failed(f"{reason}: replace {_TOKEN}.", suspect=False)
    if answer.get("user") == "invalid":
        return Failed(reason)
    return outcome_of(reply)


def check_address(address: str) -> str:
    """Return a user or group key; raise `Invalid` if it is neither."""
    text = address.strip()
    if not _USER.fullmatch(text):
        raise Invalid(
            "That is not a Pushover user key.",
            fields={
                "address": "Copy your user key from pushover.net: 30 letters and digits, not your email."
            },
        )
    return text


async def check_health(
    http: httpx.AsyncClient, settings: Mapping[str, str], addresses: Sequence[str] | None
) -> list[CheckResult]:
    """Return whether Pushover accepts the token, and how many messages are left this month."""
    token = settings[_TOKEN]
    if not token:
        return []
    url = f"{_api_of(settings)}/apps/limits.json?{urlencode({'token': token})}"
    return [*await check_token("pushover", send(http, "GET", url), _left, f"Check {_TOKEN}.")]


def _left(answer: Mapping[str, object]) -> str:
    left = f" {answer['remaining']} messages are left this month." if "remaining" in answer else ""
    return f"Pushover accepts the token.{left}" if answer.get("status") == 1 else ""


def _api_of(settings: Mapping[str, str]) -> str:
    return (settings[_API_URL] or _DEFAULT_API_URL).rstrip("/")


def _poller(edges: Edges) -> PushoverPoller:
    return PushoverPoller(edges.http, edges.settings[_TOKEN], _api_of(edges.settings))


def _open(edges: Edges) -> Pushover:
    return Pushover(edges.http, edges.settings[_TOKEN], _api_of(edges.settings))


CHANNEL = Channel(
    kind="pushover",
    rank=40,
    label="Pushover",
    icon="smartphone",
    address_label="Pushover user key",
    address_help="30 letters and digits from pushover.net",
    limits=Pushover.limits,
    open=_open,
    check_address=check_address,
    settings=(Setting(_TOKEN), Setting(_API_URL)),
    is_ready=lambda settings: bool(settings[_TOKEN]),
    off_text=f"Set {_TOKEN} to the token of an application at pushover.net.",
    check_health=check_health,
    rate=SendRate(per_s=10, burst=32),
    retracts=True,
    poller=_poller,
    shared_hosts=frozenset({"api.pushover.net"}),
)
