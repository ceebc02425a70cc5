"""Push messages to a browser, installed as an app or not, by the push service of its vendor (RFC 8030)."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
import jwt
import msgspec

from firebell.channels.base import (
    Accepted,
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
    within,
    without_secrets,
)
from firebell.channels.callbacks import (
    CallbackRequest,
    CallbackResponse,
    ProofStatus,
    Receipt,
    ReceiptState,
    Signal,
    SignalAnswer,
)
from firebell.channels.http_attempts import AttemptOutcome, attempt_outcome
from firebell.channels.response_outcomes import outcome_of
from firebell.kit import push_encryption
from firebell.kit.errors import Invalid, StartupError
from firebell.kit.http_out import OutboundResponse, check_url, post
from firebell.kit.mail.addresses import clean_address
from firebell.kit.push_encryption import MAX_PLAIN_BYTES, from_base64, to_base64
from firebell.kit.signing import Signer
from firebell.kit.truncation import cut, fit

_BASE_URL = "FIREBELL_BASE_URL"
_CONTACT = "FIREBELL_WEB_PUSH_CONTACT"
_SEED = "web-push"
_TOKEN_S = 12 * 3600
"""How long a token is valid; a push service refuses one of more than 24 hours."""
_FRESH_S = 3600
"""A cached token is replaced this long before it expires."""
_TTL_S = {"high": 300, "low": 3600}
"""How long a push service keeps a message for a device that is off (spec 10.5)."""
_LISTED_ITEMS = 5
_TOPIC_BYTES = 24
_BROWSERS = {
    "googleapis.com": "Chrome or a related browser",
    "mozilla.com": "Firefox",
    "apple.com": "Safari or an iPhone app",
    "windows.com": "Edge",
}
_SEEN = "seen"
"""The purpose of the token, and the hook, by which a device says that it shows a message."""
_SEEN_LIFETIME = timedelta(hours=24)
_DEVICE = "device"
_REFUSED_SENDER = (400, 401, 403)
_GONE = (404, 410)


@dataclass(frozen=True, slots=True)
class Subscription:
    """Where a browser gets messages, and the keys that only it can read them with."""

    endpoint: str
    p256dh: bytes
    auth: bytes


def parse(address: str) -> Subscription:
    """Return the subscription of an address; raise ValueError if it is not complete."""
    endpoint, _, keys = address.partition("#")
    values = dict(parse_qsl(keys, strict_parsing=True))
    p256dh, auth = from_base64(values["p256dh"]), from_base64(values["auth"])
    push_encryption.parse_public_key(p256dh)
    if len(auth) != push_encryption.AUTH_BYTES:
        raise ValueError("The secret of a subscription has 16 bytes.")
    return Subscription(endpoint, p256dh, auth)


def check_address(address: str) -> str:
    """Return `https://push.example/…#auth=…&p256dh=…`; raise `Invalid` for what no browser subscribed with."""
    try:
        one = parse(address.strip())
    except (ValueError, KeyError):
        raise Invalid(
            "That is not the push subscription of a browser.",
            fields={"address": "Open this page on the device, and choose “Get pages on this device”."},
        ) from None
    if urlsplit(check_url(one.endpoint)).scheme != "https":
        raise Invalid(
            "A push service has an https address.", fields={"address": "Subscribe again on the device."}
        )
    return f"{one.endpoint}#{urlencode({'auth': to_base64(one.auth), 'p256dh': to_base64(one.p256dh)})}"


def shown_address(address: str) -> str:
    """Return which browsers the push service of an address belongs to."""
    host = urlsplit(address).hostname or ""
    return next((name for end, name in _BROWSERS.items() if host.endswith(end)), host)


def public_key(signer: Signer) -> str:
    """Return the key that browsers subscribe with: messages that another key signed are refused."""
    return to_base64(
        push_encryption.public_bytes(push_encryption.signing_key(signer.seed(_SEED)).public_key())
    )


def contact(settings: Mapping[str, str]) -> str:
    """Return the address at which a push service may reach this sender; empty if no setting has one."""
    if settings.get(_CONTACT):
        return settings[_CONTACT]
    base = settings.get(_BASE_URL, "")
    return base if base.startswith("https://") else ""


def _check_settings(settings: Mapping[str, str]) -> None:
    text = settings.get(_CONTACT, "")
    if not text or text.startswith("https://"):
        return
    try:
        if not text.startswith("mailto:"):
            raise Invalid("no scheme")
        clean_address(text.removeprefix("mailto:"), "contact")
    except Invalid:
        raise StartupError(
            f"{_CONTACT} is {text!r}, which push services refuse.",
            hint="Use mailto:you@example.org or an https address.",
        ) from None


class WebPush:
    """Encrypts each message for its browser, and hands it to the push service of the browser's vendor."""

    limits = MessageLimits(title=200, text=2000, whole=MAX_PLAIN_BYTES)

    def __init__(
        self, http: httpx.AsyncClient, signer: Signer, contact: str, now_s: Callable[[], float] = time.time
    ) -> None:
        self._http = http
        self._signer = signer
        self._contact = contact
        self._now_s = now_s
        self._key = push_encryption.signing_key(signer.seed(_SEED))
        self._public = to_base64(push_encryption.public_bytes(self._key.public_key()))
        self._tokens: dict[str, tuple[float, str]] = {}
        """By origin: until when a token is used, and the token."""

    async def send(self, address: str, message: Message, key: str) -> Outcome:
        """Push one message; one about the same subject replaces it while the device is off."""
        try:
            one = parse(address)
        except (ValueError, KeyError):
            return Failed("The subscription cannot be read.")

        seen = seen_token(self._signer, message)

        async def attempt(short: bool) -> AttemptOutcome:
            return await self._push(one, message, body_of(message, short=short, seen=seen))

        return without_secrets(await whole_or_short(attempt), one.endpoint)

    async def retract(self, address: str, provider_id: str, message: Message) -> Outcome | None:
        """Replace the notification on the device, without a sound, with the outcome of its subject."""
        try:
            one = parse(address)
        except (ValueError, KeyError):
            return None
        outcome = await self._push(one, message, body_of(message, is_quiet=True), purpose="over")
        return without_secrets(final(outcome), one.endpoint)

    async def _push(
        self, one: Subscription, message: Message, plain: bytes, purpose: str = "page"
    ) -> AttemptOutcome:
        body = push_encryption.encrypt(plain, one.p256dh, one.auth)
        headers = self._headers(one, message, purpose)
        return await attempt_outcome(
            post(self._http, one.endpoint, content=body, headers=headers), _outcome_of
        )

    def _headers(self, one: Subscription, message: Message, purpose: str) -> dict[str, str]:
        """Return the headers; a message replaces one of its purpose and subject that waits for the device."""
        urgency = "high" if message.urgency == "high" else "low"
        subject = f"{purpose}|{message.ref or message.delivery_id}|{one.endpoint}"
        return {
            "Authorization": f"vapid t={self._token(one.endpoint)}, k={self._public}",
            "Content-Encoding": "aes128gcm",
            "Content-Type": "application/octet-stream",
            "TTL": str(_TTL_S[urgency]),
            "Urgency": "high" if urgency == "high" else "normal",
            "Topic": to_base64(
                bytes.fromhex(self._signer.digest(_SEED, subject.encode())[3:])[:_TOPIC_BYTES]
            ),
        }

    def _token(self, endpoint: str) -> str:
        parts, now = urlsplit(endpoint), self._now_s()
        origin = f"{parts.scheme}://{parts.netloc}"
        until, token = self._tokens.get(origin, (0.0, ""))
        if now >= until:
            claims = {"aud": origin, "exp": int(now) + _TOKEN_S, "sub": self._contact}
            token = jwt.encode(claims, self._key, algorithm="ES256")
            self._tokens[origin] = now + _TOKEN_S - _FRESH_S, token
        return token


def body_of(message: Message, *, short: bool = False, is_quiet: bool = False, seen: str = "") -> bytes:
    """Return the JSON that the service worker shows, within what a push service takes.

    What is quiet only replaces what is shown; the service worker posts `seen` back when it shows the message.
    """
    limits = WebPush.limits
    fields: dict[str, object] = {
        "title": cut(message.first_line, limits.title // 2 if short else limits.title),
        "ref": message.ref,
        "tag": message.thread or message.ref or f"message-{message.delivery_id}",
        "url": message.url,
        "urgent": message.urgency == "high",
        "at": int(message.composed_at.timestamp() * 1000),
        "actions": [{"label": action.label, "url": action.url} for action in message.actions],
        **({"quiet": True} if is_quiet else {}),
        **({"seen": seen} if seen else {}),
    }
    return within(
        limits.whole,
        300 if short else limits.text,
        lambda room: msgspec.json.encode({**fields, "body": _text(message, room)}),
    )


def seen_token(signer: Signer, message: Message) -> str:
    """Return the token by which a device says that it shows a message; empty for one that is not a delivery."""
    value = {"d": message.delivery_id, "t": int(message.composed_at.timestamp())}
    return signer.sign(_SEEN, value, message.composed_at + _SEEN_LIFETIME) if message.delivery_id else ""


class SeenReceipts:
    """Reads what service workers post: the token of the message that they show."""

    def __init__(self, signer: Signer) -> None:
        self._signer = signer

    def proof(self, request: CallbackRequest) -> ProofStatus:
        """Return whether the token is of a message that was sent in the last day."""
        if request.hook != _SEEN or not request.body:
            return ProofStatus.ABSENT
        return ProofStatus.GOOD if self._shown(request) else ProofStatus.BAD

    def read(self, request: CallbackRequest) -> Sequence[Signal]:
        """Return that the device has shown the message."""
        delivery_id, composed_at = self._shown(request) or (0, None)
        return [Receipt(delivery_id, _DEVICE, ReceiptState.SEEN, composed_at=composed_at)]

    def respond(self, request: CallbackRequest, answers: Sequence[SignalAnswer]) -> CallbackResponse:
        """Return an empty response: there is nothing to show."""
        return CallbackResponse()

    def postponed(self, request: CallbackRequest) -> CallbackResponse | None:
        """Return None: a device does not repeat what it reports, and nothing rests on it."""
        return None

    def _shown(self, request: CallbackRequest) -> tuple[int, datetime | None] | None:
        """Return the delivery of the message that a device shows, and when it was composed; None for no such token."""
        try:
            value = self._signer.open(_SEEN, request.body.decode("ascii"), request.at)
            composed_at = datetime.fromtimestamp(value["t"], UTC) if "t" in value else None
            return int(value["d"]), composed_at
        except (Invalid, ValueError, KeyError, TypeError):
            return None


def _text(message: Message, limit_bytes: int) -> str:
    if message.is_text:
        return message.text(limit_bytes, with_url=False)
    lines = [message.lead, *message.item_lines(_LISTED_ITEMS, after=1)]
    return fit([line for line in lines if line], "", limit_bytes)


def _outcome_of(reply: OutboundResponse) -> AttemptOutcome:
    reason = f"{reply.status} {reply.text[:200]}"
    if reply.ok:
        return Accepted(reply.headers.get("location", "")[-200:] or str(reply.status))
    if reply.status in _GONE:
        return Failed(reason, gone=True)
    if reply.status in _REFUSED_SENDER:
        # the sender's key or contact, which no other message to this service would mend
        return Failed(reason, suspect=False)
    return outcome_of(reply)


def _open(edges: Edges) -> WebPush:
    return WebPush(edges.http, edges.signer, contact(edges.settings))


CHANNEL = Channel(
    kind="web_push",
    rank=20,
    label="Push on a device",
    icon="smartphone",
    address_label="push subscription",
    address_help="“Get pages on this device”",
    limits=WebPush.limits,
    open=_open,
    check_address=check_address,
    shown_address=shown_address,
    is_typed=False,
    settings=(Setting(_BASE_URL), Setting(_CONTACT)),
    check_settings=_check_settings,
    is_ready=lambda settings: bool(contact(settings)),
    off_text=f"Set {_BASE_URL} to an https address, or {_CONTACT} to a mailto address.",
    rate=SendRate(per_s=200, burst=200),
    retracts=True,
    callbacks=lambda edges: SeenReceipts(edges.signer),
    shared_hosts=frozenset(("fcm.googleapis.com", "updates.push.services.mozilla.com", "web.push.apple.com")),
)
