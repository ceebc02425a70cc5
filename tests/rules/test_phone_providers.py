"""Providers of text messages and calls: proofs, outcomes, what they post, and the course of a call."""

import itertools
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from urllib.parse import urlencode

import jwt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firebell.channels.base import Accepted, ContentRefused, Failed, Retry
from firebell.channels.callbacks import (
    CallbackRequest,
    OptOut,
    PageAction,
    Press,
    ProofStatus,
    Receipt,
    ReceiptState,
    RepeatRequest,
    SignalAnswer,
    TextReply,
)
from firebell.channels.phone import calls, ncco, twilio, vonage
from firebell.channels.phone.calls import Next
from firebell.channels.phone.provider import Misconfigured, Paused
from firebell.channels.phone.twilio_callbacks import TwilioCallbacks, signature_of
from firebell.channels.phone.voice_script import Script
from firebell.channels.phone.vonage_callbacks import VonageCallbacks, payload_hash
from firebell.kit.http_out import OutboundResponse
from firebell.notify.receipts.rules import later

NOW = datetime(2026, 11, 24, 3, 14, tzinfo=UTC)
TOKEN = "12345678901234567890123456789012"
SECRET = "a signature secret of thirty-two b"
BASE = "https://fb.example"


def posted(url: str, body: bytes = b"", hook: str = "status", **headers: str) -> CallbackRequest:
    query = dict(pair.split("=") for pair in url.partition("?")[2].split("&") if pair)
    return CallbackRequest("twilio", hook, url, query, headers, body, NOW)


SMS_FORM = (
    ("AccountSid", "AC" + "1" * 32),
    ("Body", "4711a"),
    ("From", "+15005550006"),
    ("MessageSid", "SM" + "0" * 31 + "1"),
    ("To", "+15005550001"),
)
CALL_FORM = (
    ("CallSid", "CA" + "0" * 31 + "1"),
    ("CallStatus", "in-progress"),
    ("Digits", "4"),
    ("From", "+15005550001"),
    ("To", "+15005550006"),
)
GATHER = "https://fb.example/in/twilio/voice/gather?d=42&n=1"


@pytest.mark.parametrize(
    ("url", "form", "signature", "proof"),
    [
        ("https://fb.example/in/twilio/sms?d=42", SMS_FORM, "AjI5qAqMRn7kc7vh7CVVpAH/jBA=", ProofStatus.GOOD),
        (GATHER, CALL_FORM, "H4UjSkRsNRfGBUcpaKNEe5NXPQY=", ProofStatus.GOOD),
        (
            GATHER.replace("example/", "example:443/"),
            CALL_FORM,
            "H4UjSkRsNRfGBUcpaKNEe5NXPQY=",
            ProofStatus.GOOD,
        ),
        (GATHER.replace("https", "http"), CALL_FORM, "H4UjSkRsNRfGBUcpaKNEe5NXPQY=", ProofStatus.BAD),
        (GATHER.replace("d=42", "d=43"), CALL_FORM, "H4UjSkRsNRfGBUcpaKNEe5NXPQY=", ProofStatus.BAD),
        (GATHER, (*CALL_FORM, ("Digits", "6")), "H4UjSkRsNRfGBUcpaKNEe5NXPQY=", ProofStatus.BAD),
        (GATHER, CALL_FORM, "H4UjSkRsNRfGBUcpaKNEe5NXPQY", ProofStatus.BAD),
        (GATHER, CALL_FORM, "ä", ProofStatus.BAD),
        (GATHER, CALL_FORM, "", ProofStatus.ABSENT),
    ],
)
def test_twilio_signs_the_address_and_the_form(
    url: str, form: Sequence[tuple[str, str]], signature: str, proof: ProofStatus
) -> None:
    request = posted(url, urlencode(form).encode(), **{"x-twilio-signature": signature})
    assert TwilioCallbacks("voice", TOKEN, BASE).proof(request) is proof
    assert TwilioCallbacks("voice", "", BASE).proof(request) is ProofStatus.ABSENT


BODY = b'{"message_uuid":"aaaaaaaa-bbbb-4ccc-8ddd-0123456789ab","status":"delivered"}'


def bearer(body: bytes = BODY, age_s: int = 0, secret: str = SECRET, algorithm: str = "HS256") -> str:
    claims = {"iat": int(NOW.timestamp()) - age_s, "jti": "1", "payload_hash": payload_hash(body)}
    return f"Bearer {jwt.encode(claims, secret if algorithm != 'none' else '', algorithm=algorithm)}"


def test_vonage_signs_the_body() -> None:
    assert payload_hash(BODY) == "d5ecbc7ab77b376b2cf635a6869d4dbb15322175f95b5c19260a27f6217e4eff"
    proofs = {
        bearer(): ProofStatus.GOOD,
        bearer(age_s=299): ProofStatus.GOOD,
        bearer(age_s=301): ProofStatus.BAD,
        bearer(b"{}"): ProofStatus.BAD,
        bearer(secret="another secret of thirty-two bytes"): ProofStatus.BAD,
        bearer(algorithm="none"): ProofStatus.BAD,
        "Bearer x": ProofStatus.BAD,
        "": ProofStatus.ABSENT,
    }
    for header, proof in proofs.items():
        request = posted(f"{BASE}/x", BODY, authorization=header)
        assert VonageCallbacks("sms", SECRET, BASE).proof(request) is proof, header
    assert (
        VonageCallbacks("sms", "", BASE).proof(posted(f"{BASE}/x", BODY, authorization=bearer()))
        is ProofStatus.ABSENT
    )


def answer(status: int, retry_after: str = "", **fields: object) -> OutboundResponse:
    return OutboundResponse(status, retry_after, json.dumps(fields) if fields else "<html>")


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (answer(201, sid="SM1", num_segments="2"), Accepted("SM1", "twilio", parts=2)),
        (answer(200), Retry),
        (answer(400, code=21211, message="no"), Failed("21211 no")),
        (answer(400, code=21610, message="no"), Failed("21610 no", gone=True)),
        (answer(400, code=30007, message="no"), ContentRefused("30007 no")),
        (answer(403, code=21408, message="no"), ContentRefused("21408 no")),
        (answer(400, code=21215, message="no"), ContentRefused("21215 no")),
        (answer(400, code=21219, message="no"), ContentRefused("21219 no")),
        (answer(401, code=20003, message="no"), Misconfigured("20003 no")),
        (answer(403), Misconfigured),
        (answer(302), Misconfigured),
        (answer(429, code=20429, message="slow"), Retry("20429 slow")),
        (answer(429, "5", code=20429, message="slow"), Retry("20429 slow", 5)),
        (answer(429, "3600"), Paused),
        (answer(500), Retry),
        (answer(400), ContentRefused),
    ],
)
def test_what_an_answer_of_twilio_means(reply: OutboundResponse, expected: object) -> None:
    outcome = twilio.outcome_of(reply)
    assert outcome == expected or (isinstance(expected, type) and isinstance(outcome, expected))


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (answer(202, message_uuid="u"), Accepted("u", "vonage")),
        (answer(202), Retry),
        (answer(422, title="bad", invalid_parameters=[{"name": "to"}]), Failed("422 bad")),
        (answer(422, title="bad", invalid_parameters=[{"name": "text"}]), ContentRefused("422 bad")),
        (answer(402, title="broke"), Misconfigured("402 broke")),
        (answer(401), Misconfigured),
        (answer(429, "90"), Paused),
        (answer(503), Retry),
    ],
)
def test_what_an_answer_of_vonage_means(reply: OutboundResponse, expected: object) -> None:
    outcome = vonage.outcome_of(reply, "message_uuid")
    assert outcome == expected or (isinstance(expected, type) and isinstance(outcome, expected))


def test_what_providers_post_is_read() -> None:
    sms, voice = TwilioCallbacks("sms", TOKEN, BASE), TwilioCallbacks("voice", TOKEN, BASE)
    other = VonageCallbacks("sms", SECRET, BASE)
    to = f"{BASE}/x?d=42"

    def form(**fields: str) -> bytes:
        return urlencode(fields).encode()

    failed = form(MessageSid="SM1", MessageStatus="undelivered", ErrorCode="30005")
    receipt = Receipt(42, "SM1", ReceiptState.FAILED, Failed("undelivered 30005"), "30005")
    assert sms.read(posted(to, failed)) == (receipt,)
    assert sms.read(posted(to, form(MessageSid="SM1", MessageStatus="delivered"))) == (
        Receipt(42, "SM1", ReceiptState.DELIVERED, code="delivered"),
    )
    (busy,) = voice.read(posted(to, form(CallSid="CA1", CallStatus="busy")))
    assert isinstance(busy, Receipt)
    assert busy.failure == Failed("No one answered.", suspect=False)
    assert sms.read(posted(to, form(**dict(SMS_FORM)), hook="reply")) == (
        TextReply("SM" + "0" * 31 + "1", "+15005550006", "4711a", recipient="+15005550001"),
    )
    text = {"message_uuid": "u", "from": "15005550006", "to": "15005550001", "text": "STOP"}
    assert other.read(posted(f"{BASE}/x", json.dumps(text).encode(), hook="reply")) == (
        TextReply("u", "+15005550006", "STOP", is_answered_by_message=True, recipient="+15005550001"),
    )
    delivered = {"message_uuid": "u", "status": "delivered", "client_ref": "42.k", "usage": {"price": "0.07"}}
    assert other.read(posted(f"{BASE}/x?d=7", json.dumps(delivered).encode())) == (
        Receipt(42, "u", ReceiptState.DELIVERED, code="delivered", price="0.07", currency="EUR"),
    )
    for nonsense in (
        b"",
        b"[1]",
        b"\xff",
        b"{" * 5000,
        form(MessageStatus="delivered"),
        form(MessageSid="x"),
    ):
        assert sms.read(posted(to, nonsense)) == ()
        assert other.read(posted(to, nonsense)) == ()
    assert sms.read(posted(f"{BASE}/x?d=%D9%A3", failed)) == ()


def test_a_voicemail_that_takes_the_call_never_counts_as_a_person() -> None:
    def of_twilio(**fields: str) -> ReceiptState:
        body = urlencode({"CallSid": "CA1", **fields}).encode()
        (receipt,) = TwilioCallbacks("voice", TOKEN, BASE).read(posted(f"{BASE}/x?d=42", body))
        assert isinstance(receipt, Receipt)
        return receipt.state

    def of_vonage(word: str) -> ReceiptState:
        body = json.dumps({"uuid": "u", "status": word}).encode()
        (receipt,) = VonageCallbacks("voice", SECRET, BASE).read(posted(f"{BASE}/x?d=42", body))
        assert isinstance(receipt, Receipt)
        return receipt.state

    # the report of who answered has no status, and comes before or after the end of the call
    calls_of_machines = [
        (of_twilio(AnsweredBy="machine_start"), of_twilio(CallStatus="completed")),
        (of_twilio(AnsweredBy="fax"), of_twilio(CallStatus="completed")),
        (of_vonage("machine"), of_vonage("completed")),
    ]
    for machine, completed in calls_of_machines:
        assert later(machine, completed) is later(completed, machine) is ReceiptState.FAILED
    people = (of_twilio(AnsweredBy="human"), of_vonage("human"))
    assert {later(one, of_vonage("completed")) for one in people} == {ReceiptState.DELIVERED}


@pytest.mark.parametrize(
    ("fields", "suspect"),
    [
        ({"CallStatus": "failed"}, False),
        ({"CallStatus": "failed", "SipResponseCode": "503"}, False),
        ({"CallStatus": "failed", "ErrorCode": "31005", "SipResponseCode": "503"}, False),
        ({"CallStatus": "failed", "SipResponseCode": "404"}, True),
        ({"CallStatus": "failed", "ErrorCode": "31005", "SipResponseCode": "404"}, True),
        ({"CallStatus": "failed", "ErrorCode": "13224"}, True),
        ({"CallStatus": "failed", "ErrorCode": "x" * 20, "SipResponseCode": "604"}, True),
        ({"CallStatus": "busy", "SipResponseCode": "486"}, False),
        ({"uuid": "u", "status": "failed"}, False),
        ({"uuid": "u", "status": "failed", "sip_code": 503}, False),
        ({"uuid": "u", "status": "failed", "sip_code": 404}, True),
        ({"uuid": "u", "status": "unanswered", "sip_code": 480}, False),
    ],
)
def test_calls_go_on_after_a_network_failed_twice(fields: dict[str, object], suspect: bool) -> None:
    to = f"{BASE}/x?d=42"
    if "uuid" in fields:
        [receipt] = VonageCallbacks("voice", SECRET, BASE).read(posted(to, json.dumps(fields).encode()))
    else:
        body = urlencode({"CallSid": "CA1", **fields}).encode()
        [receipt] = TwilioCallbacks("voice", TOKEN, BASE).read(posted(to, body))
    assert isinstance(receipt, Receipt)
    assert receipt.failure
    assert receipt.failure.suspect is suspect


@given(st.lists(st.sampled_from(ReceiptState), min_size=1, max_size=8))
@settings(max_examples=60)
def test_a_receipt_never_moves_back_and_its_order_does_not_matter(states: list[ReceiptState]) -> None:
    reached = list(itertools.accumulate(states, later))
    for before, after in itertools.pairwise(reached):
        assert later(before, after) is after
    arrived = {ReceiptState.DELIVERED, ReceiptState.SEEN, ReceiptState.ANSWERED}
    assert (reached[-1] in arrived) == bool(arrived & set(states))
    assert all(later(a, b) is later(b, a) for a, b in itertools.product(ReceiptState, repeat=2))


@pytest.mark.parametrize(
    ("query", "key", "signals", "says", "then"),
    [
        ({"d": "42", "n": "1"}, "4", (Press("C:1:4", 42, PageAction.ACK, "+1"),), "done", Next.HANG_UP),
        ({"d": "42", "n": "2"}, "5", (Press("C:2:5", 42, PageAction.ESCALATE, "+1"),), "done", Next.HANG_UP),
        ({"d": "42", "n": "1"}, "6", (), "Press 6 again to resolve.", Next.LISTEN),
        (
            {"d": "42", "n": "2", "c": "6"},
            "6",
            (Press("C:2:6", 42, PageAction.RESOLVE, "+1"),),
            "done",
            Next.HANG_UP,
        ),
        ({"d": "42", "n": "2", "c": "1"}, "6", (), "Press 6 again to resolve.", Next.LISTEN),
        ({"d": "42", "n": "2", "c": "1"}, "1", (OptOut("+1"),), calls.STOPPED, Next.HANG_UP),
        ({"d": "42", "n": "1"}, "*", (RepeatRequest(42, "+1"),), "done", Next.HANG_UP),
        ({"d": "42", "n": "1"}, "", (RepeatRequest(42, "+1", is_asked_for=False),), "done", Next.HANG_UP),
        (
            {"d": "42", "n": "1", "l": "de"},
            "6",
            (),
            "Drücke noch einmal 6, wenn es behoben ist.",
            Next.LISTEN,
        ),
        ({"d": "42", "n": "3"}, "", (), "Goodbye.", Next.HANG_UP),
        # about several pages, 5 and 6 do nothing: it says once more what it is about
        (
            {"d": "42", "n": "1", "b": "1"},
            "4",
            (Press("C:1:4", 42, PageAction.ACK, "+1", is_for_all=True),),
            "done",
            Next.HANG_UP,
        ),
        (
            {"d": "42", "t": f"{NOW.timestamp():.0f}", "n": "1"},
            "4",
            (Press("C:1:4", 42, PageAction.ACK, "+1", composed_at=NOW),),
            "done",
            Next.HANG_UP,
        ),
        (
            {"d": "42", "t": "9" * 18, "n": "1"},
            "4",
            (Press("C:1:4", 42, PageAction.ACK, "+1"),),
            "done",
            Next.HANG_UP,
        ),
        ({"d": "42", "n": "1", "b": "1"}, "5", (RepeatRequest(42, "+1"),), "done", Next.HANG_UP),
        ({"d": "42", "n": "1", "b": "1"}, "6", (RepeatRequest(42, "+1"),), "done", Next.HANG_UP),
    ],
)
def test_the_course_of_a_call(
    query: dict[str, str], key: str, signals: tuple[object, ...], says: str, then: Next
) -> None:
    read = calls.signals_of(query, key, "C", "+1")
    turn = calls.turn_after(query, key, [SignalAnswer("done")] * len(read))
    assert (read, turn.text, turn.then) == (signals, says, then)


def test_an_answering_machine_hears_no_details_and_a_person_does() -> None:
    script = Script(
        "You have a severity 1 page.", "Press 4 to acknowledge.", "Checkout. Card 4242 fails.", "de"
    )
    first = calls.first_turn(script, 42, NOW)
    assert "Card" not in first.text
    assert (first.query, first.listen_s) == (
        {"d": "42", "t": f"{NOW.timestamp():.0f}", "n": "1", "l": "de"},
        calls.FIRST_LISTEN_S,
    )
    # nothing was pressed, and the provider has reported a machine by now
    machine = calls.turn_after(first.query, "", [SignalAnswer(is_done=False)])
    assert (machine.text, machine.then, machine.language) == ("Auf Wiederhören.", Next.HANG_UP, "de")
    spoken = [ncco.of_turn(turn, lambda query: "https://f.e")[0]["language"] for turn in (first, machine)]
    assert spoken == ["de-DE", "de-DE"]


def test_a_key_that_cannot_be_stored_is_never_confirmed() -> None:
    query = {"d": "42", "n": "1"}
    for tried in range(3):
        turn = calls.turn_unstored({**query, "r": str(tried)}, "4")
        assert (turn.then, turn.query["k"], turn.query["r"]) == (Next.RETRY, "4", str(tried + 1))
    assert calls.turn_unstored({**query, "r": "3"}, "4").text == calls.NOT_STORED


def test_a_signature_has_each_field_once() -> None:
    assert signature_of("t", BASE, [("a", "1"), ("a", "1")]) == signature_of("t", BASE, [("a", "1")])
