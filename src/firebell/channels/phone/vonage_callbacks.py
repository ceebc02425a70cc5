"""The requests that Vonage makes: their signature, what they say, and how they are answered; pure."""

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import urlencode

import jwt

from firebell.channels.base import Failed
from firebell.channels.callbacks import (
    PATH,
    CallbackRequest,
    CallbackResponse,
    ProofStatus,
    Receipt,
    ReceiptState,
    Signal,
    SignalAnswer,
    TextReply,
)
from firebell.channels.phone import calls, ncco, vonage

MAX_AGE_S = 300
_MESSAGE_STATES = {
    "submitted": ReceiptState.SENT,
    "delivered": ReceiptState.DELIVERED,
    "read": ReceiptState.SEEN,
    "rejected": ReceiptState.FAILED,
    "undeliverable": ReceiptState.FAILED,
}
_CALL_STATES = {
    "started": ReceiptState.ACCEPTED,
    "ringing": ReceiptState.SENT,
    # a machine may have answered, which a later request says
    "answered": ReceiptState.SENT,
    "human": ReceiptState.DELIVERED,
    # a machine may have talked to itself: only a person proves arrival
    "completed": ReceiptState.SENT,
    "machine": ReceiptState.FAILED,
    "busy": ReceiptState.FAILED,
    "timeout": ReceiptState.FAILED,
    "unanswered": ReceiptState.FAILED,
    "rejected": ReceiptState.FAILED,
    "cancelled": ReceiptState.FAILED,
    "failed": ReceiptState.FAILED,
}


def payload_hash(body: bytes) -> str:
    """Return what the token of a request says of its body."""
    return hashlib.sha256(body).hexdigest()


class VonageCallbacks:
    """Reads what Vonage posts about messages or calls; a token is accepted for 5 minutes."""

    def __init__(self, channel: str, secret: str, public_url: str) -> None:
        self._channel = channel
        self._secret = secret
        self._public_url = public_url

    def proof(self, request: CallbackRequest) -> ProofStatus:
        """Return whether Vonage signed the body: the signature alone says nothing of it."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token or not self._secret:
            return ProofStatus.ABSENT
        options: Any = {"verify_exp": False, "verify_nbf": False, "verify_iat": False, "verify_aud": False}
        try:
            claims = jwt.decode(token, self._secret, algorithms=["HS256"], options=options)
            age = request.at.timestamp() - float(claims.get("iat", 0))
        except (jwt.PyJWTError, TypeError, ValueError):
            return ProofStatus.BAD
        given = str(claims.get("payload_hash", "")).encode()
        is_body = hmac.compare_digest(given, payload_hash(request.body).encode())
        return ProofStatus.GOOD if is_body and abs(age) <= MAX_AGE_S else ProofStatus.BAD

    def read(self, request: CallbackRequest) -> Sequence[Signal]:
        """Return what a request says."""
        fields = _fields(request)
        match self._channel, request.hook:
            case "sms", "status":
                return _message_receipt(request, fields)
            case "sms", "reply" if _text(fields, "message_uuid") and _text(fields, "from"):
                sender = f"+{_text(fields, 'from').removeprefix('+')}"
                key, text = _text(fields, "message_uuid"), _text(fields, "text")
                recipient = f"+{_text(fields, 'to').removeprefix('+')}"
                return (TextReply(key, sender, text, is_answered_by_message=True, recipient=recipient),)
            case "voice", "status":
                return _call_receipt(request, fields)
            case "voice", "input" if _text(fields, "uuid"):
                number = f"+{_text(fields, 'to').removeprefix('+')}"
                return calls.signals_of(request.query, _key(request, fields), _text(fields, "uuid"), number)
        return ()

    def respond(self, request: CallbackRequest, answers: Sequence[SignalAnswer]) -> CallbackResponse:
        """Return an NCCO where something is said."""
        if (self._channel, request.hook) != ("voice", "input"):
            return CallbackResponse()
        turn = calls.turn_after(request.query, _key(request, _fields(request)), answers)
        return self._ncco(turn)

    def postponed(self, request: CallbackRequest) -> CallbackResponse | None:
        """Return what a call says when its key could not be stored; None to let Vonage know of the failure."""
        if (self._channel, request.hook) != ("voice", "input"):
            return None
        return self._ncco(calls.turn_unstored(request.query, _key(request, _fields(request))))

    def _ncco(self, turn: calls.Turn) -> CallbackResponse:
        actions = ncco.of_turn(turn, self._input_url)
        return CallbackResponse(200, "application/json", json.dumps(actions).encode())

    def _input_url(self, query: Mapping[str, str]) -> str:
        return f"{self._public_url}{PATH}/voice/{vonage.NAME}/input?{urlencode(query)}"


def _fields(request: CallbackRequest) -> Mapping[str, Any]:
    try:
        document = json.loads(request.body)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _text(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    return value[:2000] if isinstance(value, str) else ""


def _key(request: CallbackRequest, fields: Mapping[str, Any]) -> str:
    dtmf = fields.get("dtmf")
    digits = dtmf.get("digits") if isinstance(dtmf, dict) else dtmf
    return (str(digits or "") or request.query.get("k", ""))[:1]


def _message_receipt(request: CallbackRequest, fields: Mapping[str, Any]) -> Sequence[Signal]:
    # the reference is signed, the address is not
    delivery = calls.number_in({"d": _text(fields, "client_ref").partition(".")[0]}, "d")
    provider_id, word = _text(fields, "message_uuid")[:64], _text(fields, "status")
    state = _MESSAGE_STATES.get(word)
    if not delivery or not provider_id or state is None:
        return ()
    error, usage = fields.get("error"), fields.get("usage")
    title = str(error.get("title", ""))[:64] if isinstance(error, dict) else ""
    failure = Failed(f"{word} {title}".strip(), suspect=False) if state is ReceiptState.FAILED else None
    price, currency = _price(usage if isinstance(usage, dict) else {})
    return (Receipt(delivery, provider_id, state, failure, title or word, price=price, currency=currency),)


def _call_receipt(request: CallbackRequest, fields: Mapping[str, Any]) -> Sequence[Signal]:
    delivery = calls.number_in(request.query, "d")
    provider_id, word = _text(fields, "uuid")[:64], _text(fields, "status")
    state = _CALL_STATES.get(word)
    if not delivery or not provider_id or state is None:
        return ()
    failure = None
    if state is ReceiptState.FAILED:
        reasons = {"machine": "A machine answered.", "failed": "The call failed."}
        failure = Failed(
            reasons.get(word, "No one answered."),
            suspect=word == "failed" and calls.blames_number(str(fields.get("sip_code") or "")),
        )
    price, currency = _price(fields)
    return (Receipt(delivery, provider_id, state, failure, word, price=price, currency=currency),)


def _price(fields: Mapping[str, Any]) -> tuple[str | None, str]:
    """Return what Vonage charged and its currency; euros if it does not say so."""
    try:
        price = Decimal(str(fields.get("price", "")))
    except InvalidOperation:
        return None, ""
    if not price.is_finite() or not 0 <= price < 10_000:
        return None, ""
    return str(price), str(fields.get("currency") or "EUR")[:3]
