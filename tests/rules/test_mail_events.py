"""What mail providers and mail servers report about mails is understood, and nothing forged is believed."""

import base64
import contextlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from firebell.kit.errors import Invalid
from firebell.kit.signing import Signer
from firebell.subscribers.deliveries import dead_addresses
from firebell.subscribers.mail_events import bounce_mail_parsing
from firebell.subscribers.mail_events import provider_parsing as mail_event_parsing
from firebell.subscribers.mail_events import signatures as mail_signatures
from firebell.subscribers.mail_events.provider_parsing import MailEventKind

NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
SIGNER = Signer(b"secret")
TOKEN = SIGNER.mail_token(42)
ID = f"<{TOKEN}.0a1b@status.example>"
_K = MailEventKind


def ses(kind: str, **detail: Any) -> dict[str, Any]:
    """Return a report of SES about the mail, with the headers that it was asked to include."""
    headers = [{"name": "X-Firebell-Mail", "value": TOKEN}]
    return {"notificationType": kind, "mail": {"messageId": "0102", "headers": headers}, kind.lower(): detail}


def bounce(kind: str, subtype: str, status: str = "") -> dict[str, Any]:
    """Return a bounce of SES."""
    recipients = [{"emailAddress": "a@b.example", "status": status, "diagnosticCode": f"smtp; 550 {status}"}]
    return ses("Bounce", bounceType=kind, bounceSubType=subtype, bouncedRecipients=recipients)


def mailgun(severity: str, **more: Any) -> dict[str, Any]:
    """Return a failure of Mailgun."""
    data = {"event": "failed", "severity": severity, "message": {"headers": {"message-id": ID.strip("<>")}}}
    return {"signature": {}, "event-data": {**data, **more}}


CASES: list[tuple[Any, MailEventKind | None]] = [
    (bounce("Permanent", "General", "5.1.1"), _K.BOUNCED),
    (bounce("Permanent", "ContentRejected", "5.6.1"), _K.REFUSED),
    (bounce("Transient", "MailboxFull", "4.2.2"), _K.DELAYED),
    (bounce("Undetermined", "Undetermined", "5.0.0"), _K.DELAYED),
    (ses("Complaint", complaintFeedbackType="abuse"), _K.COMPLAINED),
    (ses("Complaint", complaintFeedbackType="not-spam"), None),
    (ses("Delivery"), None),
    (
        {"RecordType": "Bounce", "Type": "HardBounce", "Metadata": {"firebell": TOKEN}, "Details": "no such"},
        _K.BOUNCED,
    ),
    ({"RecordType": "Bounce", "Type": "SoftBounce", "Metadata": {"firebell": TOKEN}}, _K.DELAYED),
    ({"RecordType": "Bounce", "Type": "Blocked", "Metadata": {"firebell": TOKEN}}, _K.REFUSED),
    ({"RecordType": "Bounce", "Type": "AutoResponder", "Metadata": {"firebell": TOKEN}}, None),
    ({"RecordType": "SpamComplaint", "Metadata": {"firebell": TOKEN}}, _K.COMPLAINED),
    ({"RecordType": "Delivery"}, None),
    (mailgun("permanent", **{"delivery-status": {"code": 550, "message": "5.1.1 no such user"}}), _K.BOUNCED),
    (mailgun("permanent", **{"delivery-status": {"code": 550, "message": "5.7.1 spam"}}), _K.REFUSED),
    (mailgun("permanent", reason="suppress-bounce"), _K.BOUNCED),
    (mailgun("temporary", **{"delivery-status": {"code": 421}}), _K.DELAYED),
    (mailgun("permanent", event="complained"), _K.COMPLAINED),
    (mailgun("permanent", event="opened"), None),
    ([{"event": "bounce", "type": "bounce", "status": "5.1.1", "smtp-id": ID}], _K.BOUNCED),
    ([{"event": "bounce", "type": "blocked", "status": "5.7.1", "smtp-id": ID}], _K.REFUSED),
    ([{"event": "dropped", "reason": "Bounced Address", "smtp-id": ID}], _K.BOUNCED),
    ([{"event": "spamreport", "smtp-id": ID}], _K.COMPLAINED),
    ([{"event": "delivered", "smtp-id": ID}, "x", 3], None),
]


@pytest.mark.parametrize(("body", "kind"), CASES)
def test_the_reports_of_providers(body: Any, kind: MailEventKind | None) -> None:
    events = mail_event_parsing.read(json.dumps(body).encode())
    assert [each.kind for each in events] == ([kind] if kind else [])
    for event in events:
        assert [SIGNER.is_mail_token(*token) for token in event.tokens] == [True]


def test_a_report_of_ses_arrives_in_an_envelope_of_sns() -> None:
    message = json.dumps(bounce("Permanent", "General", "5.1.1"))
    envelope = {"Type": "Notification", "TopicArn": "arn:aws:sns:x", "Message": message}
    assert [each.kind for each in mail_event_parsing.read(json.dumps(envelope).encode())] == [_K.BOUNCED]


def report(status: str, action: str = "failed", *, to: str = "bounces@status.example") -> bytes:
    """Return a bounce message as RFC 3464 has it."""
    return (
        f"From: MAILER-DAEMON@mx.example\r\nTo: {to}\r\nAuto-Submitted: auto-replied\r\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n'
        "--b\r\nContent-Type: text/plain\r\n\r\nSorry.\r\n"
        "--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example\r\n\r\n"
        f"Final-Recipient: rfc822; a@b.example\r\nAction: {action}\r\nStatus: {status}\r\n"
        f"Diagnostic-Code: smtp; 550 {status}\r\n no such user\r\n\r\n"
        f"--b\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: {ID}\r\n\r\n--b--\r\n"
    ).encode()


def complaint(kind: str) -> bytes:
    """Return a complaint as RFC 5965 has it."""
    return (
        'Content-Type: multipart/report; report-type=feedback-report; boundary="b"\r\n\r\n'
        "--b\r\nContent-Type: message/feedback-report\r\n\r\n"
        f"Feedback-Type: {kind}\r\nUser-Agent: x/1\r\nVersion: 1\r\n\r\n"
        f"--b\r\nContent-Type: message/rfc822\r\n\r\nX-Firebell-Mail: {TOKEN}\r\n\r\nHello\r\n--b--\r\n"
    ).encode()


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (report("5.1.1"), _K.BOUNCED),
        (report("5.2.2"), _K.REFUSED),
        (report("4.4.1"), _K.DELAYED),
        (report("4.4.1", "delayed"), _K.DELAYED),
        (report("2.0.0", "delivered"), None),
        (complaint("abuse"), _K.COMPLAINED),
        (complaint("not-spam"), None),
    ],
)
def test_the_reports_of_mail_servers(body: bytes, kind: MailEventKind | None) -> None:
    events = bounce_mail_parsing.read(body)
    assert [each.kind for each in events] == ([kind] if kind else [])
    for event in events:
        assert [SIGNER.is_mail_token(*token) for token in event.tokens] == [True]


def test_a_return_address_names_the_mail_whatever_a_server_does_to_its_case() -> None:
    body = report("5.1.1", to=f"Bounces+{TOKEN.upper()}@status.example").replace(ID.encode(), b"<x@y>")
    [event] = bounce_mail_parsing.read(body)
    assert [SIGNER.is_mail_token(*token) for token in event.tokens] == [True]


@pytest.mark.parametrize(
    "body", [b"", b"Subject: Out of office\r\n\r\nI am away.\r\n", b"{}", b"[1", b'"x"', b"{"]
)
def test_a_body_that_is_not_a_report_is_refused(body: bytes) -> None:
    with pytest.raises(Invalid):
        bounce_mail_parsing.read(body)
    with pytest.raises(Invalid):
        mail_event_parsing.read(body)


NAMES = ["event", "event-data", "RecordType", "Type", "notificationType", "bounce", "mail", "Message"]
NAMES += ["TopicArn", "delivery-status", "bouncedRecipients", "severity", "reason"]
VALUES = ["Bounce", "bounce", "failed", "Complaint", "Notification", "{}", "5.1.1", ""]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(VALUES),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(NAMES), inner),
)


@given(JSON)
def test_no_json_breaks_the_reader(value: Any) -> None:
    with contextlib.suppress(Invalid):
        assert len(mail_event_parsing.read(json.dumps(value).encode())) <= mail_event_parsing.MAX_EVENTS


def test_a_token_of_another_installation_is_not_genuine() -> None:
    [(number, code)] = mail_event_parsing.tokens_in(f"x {TOKEN} {TOKEN}")
    assert (number, SIGNER.is_mail_token(number, code)) == (42, True)
    assert not SIGNER.is_mail_token(43, code)
    assert not Signer(b"other").is_mail_token(number, code)


def test_mailgun_signs_with_a_key_and_a_time() -> None:
    stamp = str(int(NOW.timestamp()))
    signature = {"timestamp": stamp, "token": "abc"}
    signature["signature"] = hmac.digest(b"key", f"{stamp}abc".encode(), "sha256").hex()
    assert mail_signatures.is_mailgun(signature, "key", NOW)
    assert not mail_signatures.is_mailgun(signature, "other", NOW)
    assert not mail_signatures.is_mailgun(signature, "key", NOW + timedelta(hours=2))
    assert not mail_signatures.is_mailgun({}, "key", NOW)


def test_sendgrid_signs_with_its_private_key() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    public = base64.b64encode(
        key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    ).decode()
    stamp, body = str(int(NOW.timestamp())), b"[]"
    signature = base64.b64encode(key.sign(stamp.encode() + body, ec.ECDSA(hashes.SHA256()))).decode()
    assert mail_signatures.is_sendgrid(body, signature, stamp, public, NOW)
    assert not mail_signatures.is_sendgrid(b"[1]", signature, stamp, public, NOW)
    assert not mail_signatures.is_sendgrid(body, signature, stamp, "x", NOW)
    assert not mail_signatures.is_sendgrid(body, "", "soon", public, NOW)


def certified() -> tuple[rsa.RSAPrivateKey, bytes]:
    """Return a key and its certificate, as Amazon publishes one."""
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    return key, certificate.public_bytes(serialization.Encoding.PEM)


def signed_by_sns(key: rsa.RSAPrivateKey, **more: str) -> dict[str, str]:
    """Return a message that Amazon SNS signed."""
    message = {
        "Type": "Notification",
        "MessageId": "1",
        "TopicArn": "arn:x",
        "Message": "{}",
        "Timestamp": "t",
        **more,
    }
    names = ("Message", "MessageId", "SubscribeURL", "Subject", "Timestamp", "Token", "TopicArn", "Type")
    text = "".join(f"{name}\n{message[name]}\n" for name in names if name in message)
    signature = key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
    return {**message, "SignatureVersion": "2", "Signature": base64.b64encode(signature).decode()}


def test_sns_signs_with_the_key_of_its_certificate() -> None:
    key, certificate = certified()
    message = signed_by_sns(key)
    assert mail_signatures.is_sns(message, certificate)
    confirmation = signed_by_sns(key, Type="SubscriptionConfirmation", Token="t", SubscribeURL="https://x")
    assert mail_signatures.is_sns(confirmation, certificate)
    for changed in ({"Message": "x"}, {"SignatureVersion": "3"}, {"Signature": "x"}, {"Type": "Other"}):
        assert not mail_signatures.is_sns({**message, **changed}, certificate)
    assert not mail_signatures.is_sns(message, b"no certificate")


@pytest.mark.parametrize(
    ("url", "is_ours"),
    [
        ("https://sns.eu-north-1.amazonaws.com/x.pem", True),
        ("https://sns.cn-north-1.amazonaws.com.cn/x.pem", True),
        ("http://sns.eu-north-1.amazonaws.com/x.pem", False),
        ("https://sns.eu-north-1.amazonaws.com.evil.example/x.pem", False),
        ("https://sns.eu-north-1.amazonaws.com:8443/x.pem", False),
        ("https://me@sns.eu-north-1.amazonaws.com/x.pem", False),
        ("https://evil.example/sns.eu-north-1.amazonaws.com", False),
        ("https://[", False),
    ],
)
def test_certificates_come_from_amazon_alone(url: str, is_ours: bool) -> None:
    assert mail_signatures.is_sns_url(url) is is_ours


def test_complaints_pause_a_broadcast_above_three_in_a_thousand() -> None:
    assert [dead_addresses.is_unwanted(1000, n) for n in (0, 1, 2, 3, 4)] == [
        False,
        False,
        False,
        False,
        True,
    ]
    assert [dead_addresses.is_unwanted(5, n) for n in (1, 2)] == [False, True]
