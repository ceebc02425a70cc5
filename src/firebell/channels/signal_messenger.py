"""Signal: a message to a phone number through a gateway of one's own (signal-cli-rest-api)."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import httpx
import msgspec

from firebell.channels.base import (
    Channel,
    Edges,
    Failed,
    Message,
    MessageLimits,
    Outcome,
    SendRate,
    Setting,
    whole_or_short,
    without_secrets,
)
from firebell.channels.callbacks import SignalAnswer, TextReply
from firebell.channels.http_attempts import (
    AttemptOutcome,
    accepted_with_id,
    attempt_outcome,
    check_token,
    json_object,
)
from firebell.channels.message_text import compose
from firebell.channels.phone import numbers
from firebell.channels.polling import Fetched, Update, WaitingMessage
from firebell.channels.response_outcomes import outcome_of
from firebell.kit.errors import Invalid, StartupError
from firebell.kit.findings import CheckResult
from firebell.kit.http_out import OutboundResponse, check_url, post, send

_REPLIES = "FIREBELL_SIGNAL_REPLIES"
_URL = "FIREBELL_SIGNAL_URL"
_NUMBER = "FIREBELL_SIGNAL_NUMBER"
_RECEIVE_LIMIT_S = 20.0
"""A gateway starts a program for each request unless it runs in native mode."""
_RECEIVE_BYTES = 4 * 1024 * 1024
"""What was not read is lost, because the gateway gives it once."""
_MAX_MS = 10**14
CLOCK_SKEW = timedelta(minutes=2)
"""How much the clock of a phone may be slow: an old gateway reports only when the phone sent a text."""
_PHONE = re.compile(r"\+[1-9]\d{6,14}")
_UNREGISTERED = re.compile(r"unregistered", re.IGNORECASE)
_UNTRUSTED = re.compile(r"untrusted", re.IGNORECASE)
_OUR_NUMBER = re.compile(r"not registered|number is not|invalid account", re.IGNORECASE)


class SignalMessenger:
    """Sends from the number of the gateway to a phone number."""

    limits = MessageLimits(title=200, text=2000, whole=16_000)
    """The app turns what has more than 2,000 bytes into an attachment."""

    def __init__(self, http: httpx.AsyncClient, url: str, number: str) -> None:
        self._http = http
        self._base = url.rstrip("/")
        self._number = number

    async def send(self, address: str, message: Message, key: str) -> Outcome:
        """Send one message."""
        if not self._base or not self._number:
            return Failed(f"{_URL} and {_NUMBER} are not both set.", suspect=False)

        async def attempt(short: bool) -> AttemptOutcome:
            text = compose(message, self.limits.title, self.limits.text, short=short)
            return await _send(self._http, self._base, self._number, address, text)

        return without_secrets(await whole_or_short(attempt), address)


class SignalReplies:
    """Reads what people write to the number of the gateway, which gives each message once."""

    pause_s = 3.0
    waits_for = timedelta(0)

    def __init__(self, http: httpx.AsyncClient, url: str, number: str) -> None:
        self._http = http
        self._base = url.rstrip("/")
        self._number = number

    async def fetch(self, cursor: str, waiting: Sequence[WaitingMessage]) -> Fetched:
        """Return the texts that arrived since the last fetch."""
        url = f"{self._base}/v1/receive/{quote(self._number, safe='')}?timeout=1"
        try:
            reply = await send(self._http, "GET", url, limit_s=_RECEIVE_LIMIT_S, max_bytes=_RECEIVE_BYTES)
        except httpx.HTTPError as exc:
            return Fetched(cursor=cursor, problem=type(exc).__name__)
        if not reply.ok:
            return Fetched(cursor=cursor, problem=f"{reply.status} {reply.text[:200]}")
        try:
            received = msgspec.json.decode(reply.text)
        except (msgspec.DecodeError, UnicodeError, RecursionError) as exc:
            return Fetched(cursor=cursor, problem=f"The answer of the gateway is not JSON: {exc}")
        listed = received if isinstance(received, list) else []
        return Fetched([update for each in listed if (update := read_envelope(each))], cursor)

    async def answer(self, answers: Sequence[tuple[str, SignalAnswer]]) -> None:
        """Write each answer to the number that the text came from."""
        for number, answer in answers:
            if answer.text:
                await _send(self._http, self._base, self._number, number, answer.text)


def read_envelope(received: object) -> Update | None:
    """Return the text that an envelope has for Firebell alone; None for receipts, groups and what makes no sense."""
    envelope = received.get("envelope") if isinstance(received, dict) else None
    data = envelope.get("dataMessage") if isinstance(envelope, dict) else None
    if not isinstance(envelope, dict) or not isinstance(data, dict) or data.get("groupInfo"):
        return None
    number, text, at_ms = envelope.get("sourceNumber"), data.get("message"), envelope.get("timestamp")
    if not isinstance(number, str) or not isinstance(text, str) or not isinstance(at_ms, int):
        return None
    if not _PHONE.fullmatch(number) or not text.strip() or not 0 < at_ms < _MAX_MS:
        return None
    sent_at = datetime.fromtimestamp(at_ms / 1000, UTC) + CLOCK_SKEW
    received_ms = envelope.get("serverReceivedTimestamp")
    if isinstance(received_ms, int) and 0 < received_ms < _MAX_MS:
        sent_at = datetime.fromtimestamp(received_ms / 1000, UTC)
    # Signal identifies a message by its sender and its time
    return Update(TextReply(f"{number}:{at_ms}", number, text, sent_at=sent_at), reply_to=number)


async def _send(http: httpx.AsyncClient, base: str, sender: str, recipient: str, text: str) -> AttemptOutcome:
    body = msgspec.json.encode({"number": sender, "recipients": [recipient], "message": text})
    headers = {"Content-Type": "application/json"}
    return await attempt_outcome(post(http, f"{base}/v2/send", content=body, headers=headers), _outcome)


def _outcome(reply: OutboundResponse) -> AttemptOutcome:
    answer = json_object(reply)
    if reply.ok:
        return accepted_with_id(reply, "signal-cli-rest-api", answer.get("timestamp"))
    error = str(answer.get("error", ""))
    reason = f"{reply.status} {error or reply.text}"[:200]
    if answer.get("challenge_tokens"):
        # Signal wants a captcha, which only an admin can solve
        return Failed(f"{reason}: solve the captcha of the gateway.", suspect=False)
    if _UNREGISTERED.search(error):
        return Failed(reason)
    if _UNTRUSTED.search(error):
        return Failed(f"{reason}: trust the number again in the gateway.", suspect=False)
    if _OUR_NUMBER.search(error):
        return Failed(f"{reason}: check {_NUMBER}.", suspect=False)
    if reply.status in (404, 405, 410):
        return Failed(f"{reason}: is {_URL} the address of signal-cli-rest-api?", suspect=False)
    return outcome_of(reply)


def check_address(address: str) -> str:
    """Return a phone number as +491512345678; raise `Invalid` for one without its country."""
    return numbers.check(address, to_call=True)


def check_settings(settings: Mapping[str, str]) -> None:
    """Raise `StartupError` if the address of the gateway, or its number, is invalid."""
    if settings[_URL]:
        try:
            check_url(settings[_URL])
        except Invalid as error:
            raise StartupError(
                f"{_URL} is not an address.", hint="Use one such as http://signal:8080."
            ) from error
    if settings[_NUMBER] and not _PHONE.fullmatch(settings[_NUMBER]):
        raise StartupError(f"{_NUMBER} is not a phone number.", hint="Use one such as +46701234567.")


async def check_health(
    http: httpx.AsyncClient, settings: Mapping[str, str], addresses: Sequence[str] | None
) -> list[CheckResult]:
    """Return whether the gateway answers."""
    if not settings[_URL] or not settings[_NUMBER]:
        return []
    reply = send(http, "GET", f"{settings[_URL].rstrip('/')}/v1/about")
    return [
        *await check_token("signal", reply, _version, f"The Signal gateway cannot be used. Check {_URL}.")
    ]


def _version(answer: Mapping[str, object]) -> str:
    return f"The Signal gateway answers (version {answer['version']})." if "version" in answer else ""


def _takes_replies(settings: Mapping[str, str]) -> bool:
    return bool(settings[_URL] and settings[_NUMBER] and settings[_REPLIES])


def _open(edges: Edges) -> SignalMessenger:
    return SignalMessenger(edges.http, edges.settings[_URL], edges.settings[_NUMBER])


CHANNEL = Channel(
    kind="signal",
    label="Signal",
    icon="message-square",
    address_label="Signal number",
    address_help="+46 70 123 45 67",
    limits=SignalMessenger.limits,
    open=_open,
    check_address=check_address,
    shown_address=numbers.shown,
    settings=(Setting(_URL), Setting(_NUMBER), Setting(_REPLIES)),
    poller=lambda edges: SignalReplies(edges.http, edges.settings[_URL], edges.settings[_NUMBER]),
    polls=_takes_replies,
    takes_opt_out=True,
    takes_replies=_takes_replies,
    check_settings=check_settings,
    is_ready=lambda settings: bool(settings[_URL] and settings[_NUMBER]),
    off_text=f"Set {_URL} and {_NUMBER} to send by Signal.",
    check_health=check_health,
    rate=SendRate(per_s=2, burst=32),
)
