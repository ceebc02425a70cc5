"""The requests that Twilio makes: their signature, what they say, and how they are answered; pure."""

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from urllib.parse import parse_qsl, urlencode, urlsplit

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
from firebell.channels.phone import calls, twilio, twiml

SIGNATURE = "x-twilio-signature"
_MESSAGE_STATES = {
    "queued": ReceiptState.ACCEPTED,
    "accepted": ReceiptState.ACCEPTED,
    "scheduled": ReceiptState.ACCEPTED,
    "sending": ReceiptState.SENT,
    "sent": ReceiptState.SENT,
    "delivered": ReceiptState.DELIVERED,
    "read": ReceiptState.SEEN,
    "undelivered": ReceiptState.FAILED,
    "failed": ReceiptState.FAILED,
    "canceled": ReceiptState.FAILED,
}
_CALL_STATES = {
    "queued": ReceiptState.ACCEPTED,
    "initiated": ReceiptState.ACCEPTED,
    "ringing": ReceiptState.SENT,
    # a machine may have answered, which a later request says
    "in-progress": ReceiptState.SENT,
    # a machine may have talked to itself: only a person proves arrival
    "completed": ReceiptState.SENT,
    "busy": ReceiptState.FAILED,
    "no-answer": ReceiptState.FAILED,
    "canceled": ReceiptState.FAILED,
    "failed": ReceiptState.FAILED,
}
_NO_ONE_ANSWERED = frozenset({"busy", "no-answer", "canceled"})


def signature_of(token: str, url: str, form: Sequence[tuple[str, str]]) -> str:
    """Return the signature of a request: HMAC-SHA1 over the address and the sorted fields of its form."""
    signed = url + "".join(f"{name}{value}" for name, value in sorted(set(form)))
    return base64.b64encode(hmac.digest(token.encode(), signed.encode(), hashlib.sha1)).decode()


def _urls(url: str) -> tuple[str, ...]:
    """Return the spellings of an address that Twilio may have signed: with and without its usual port."""
    parts = urlsplit(url)
    if parts.scheme != "https":
        return (url,)
    host = parts.netloc.removesuffix(":443")
    return tuple(parts._replace(netloc=netloc).geturl() for netloc in (host, f"{host}:443"))


class TwilioCallbacks:
    """Reads what Twilio posts about messages or calls."""

    def __init__(self, channel: str, token: str, public_url: str) -> None:
        self._channel = channel
        self._token = token
        self._public_url = public_url

    def proof(self, request: CallbackRequest) -> ProofStatus:
        """Return whether Twilio signed the address and the form."""
        given = request.headers.get(SIGNATURE, "")
        if not given or not self._token:
            return ProofStatus.ABSENT
        form = _form(request)
        known = [signature_of(self._token, url, form) for url in _urls(request.url)]
        is_good = [hmac.compare_digest(given.encode(), each.encode()) for each in known]
        return ProofStatus.GOOD if any(is_good) else ProofStatus.BAD

    def read(self, request: CallbackRequest) -> Sequence[Signal]:
        """Return what a request says."""
        fields = dict(_form(request))
        match self._channel, request.hook:
            case "sms", "status":
                return _message_receipt(request, fields)
            case "sms", "reply" if fields.get("MessageSid") and fields.get("From"):
                key, sender, text = fields["MessageSid"], fields["From"], fields.get("Body", "")
                return (TextReply(key, sender, text, recipient=fields.get("To", "")),)
            case "voice", "status":
                return _call_receipt(request, fields)
            case "voice", "gather" if fields.get("CallSid"):
                key = _key(request, fields)
                return calls.signals_of(request.query, key, fields["CallSid"], fields.get("To", ""))
        return ()

    def respond(self, request: CallbackRequest, answers: Sequence[SignalAnswer]) -> CallbackResponse:
        """Return TwiML where something is said."""
        fields = dict(_form(request))
        match self._channel, request.hook:
            case "sms", "reply":
                return _xml(twiml.of_reply(" ".join(answer.text for answer in answers if answer.text)))
            case "voice", "gather":
                turn = calls.turn_after(request.query, _key(request, fields), answers)
                return _xml(twiml.of_turn(turn, self._gather_url))
        return CallbackResponse()

    def postponed(self, request: CallbackRequest) -> CallbackResponse | None:
        """Return what a call says when its key could not be stored; None to let Twilio know of the failure."""
        if (self._channel, request.hook) != ("voice", "gather"):
            return None
        turn = calls.turn_unstored(request.query, _key(request, dict(_form(request))))
        return _xml(twiml.of_turn(turn, self._gather_url))

    def _gather_url(self, query: Mapping[str, str]) -> str:
        return f"{self._public_url}{PATH}/voice/{twilio.NAME}/gather?{urlencode(query)}"


def _form(request: CallbackRequest) -> list[tuple[str, str]]:
    return parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True)


def _key(request: CallbackRequest, fields: Mapping[str, str]) -> str:
    return (fields.get("Digits") or request.query.get("k", ""))[:1]


def _xml(text: str) -> CallbackResponse:
    return CallbackResponse(200, twiml.CONTENT_TYPE, text.encode())


def _message_receipt(request: CallbackRequest, fields: Mapping[str, str]) -> Sequence[Signal]:
    delivery, sid = calls.number_in(request.query, "d"), fields.get("MessageSid", "")
    word = fields.get("MessageStatus", "")
    state = _MESSAGE_STATES.get(word)
    if not delivery or not sid or state is None:
        return ()
    code = fields.get("ErrorCode", "")
    failure = None
    if state is ReceiptState.FAILED:
        reason = f"{word} {code}".strip()
        failure = twilio.failure_of(_error_code(fields), reason) or Failed(reason, suspect=False)
    return (Receipt(delivery, sid[:64], state, failure, code[:64] or word, price=_price(fields)),)


def _call_receipt(request: CallbackRequest, fields: Mapping[str, str]) -> Sequence[Signal]:
    delivery, sid = calls.number_in(request.query, "d"), fields.get("CallSid", "")
    if not delivery or not sid:
        return ()
    # the report of who answered has no status
    answered_by, price = fields.get("AnsweredBy", ""), _price(fields)
    if answered_by.startswith(("machine", "fax")):
        machine = Failed("A machine answered.", suspect=False)
        return (Receipt(delivery, sid[:64], ReceiptState.FAILED, machine, "machine", price=price),)
    if answered_by == "human":
        return (Receipt(delivery, sid[:64], ReceiptState.DELIVERED, code="human", price=price),)
    word = fields.get("CallStatus", "")
    state = _CALL_STATES.get(word)
    if state is None:
        return ()
    failure = None
    if state is ReceiptState.FAILED:
        reason = "No one answered." if word in _NO_ONE_ANSWERED else "The call failed."
        known = twilio.failure_of(_error_code(fields), reason)
        blames_number = word == "failed" and calls.blames_number(fields.get("SipResponseCode", ""))
        failure = known if known and known.suspect else Failed(reason, suspect=blames_number)
    return (Receipt(delivery, sid[:64], state, failure, word, price=price),)


def _error_code(fields: Mapping[str, str]) -> int:
    """Return the code by which Twilio names an error; 0 for none."""
    code = fields.get("ErrorCode", "")
    return int(code) if code.isdecimal() and len(code) < 10 else 0


def _price(fields: Mapping[str, str]) -> str | None:
    """Return what Twilio charged, which it writes as a negative amount; None if it does not say so."""
    try:
        price = abs(Decimal(fields.get("Price", "")))
    except InvalidOperation:
        return None
    return str(price) if price.is_finite() and price < 10_000 else None
