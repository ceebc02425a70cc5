"""Checks that a mail provider signed what was posted in its name, where it signs (pure)."""

import base64
import hmac
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key

MAX_AGE = timedelta(hours=1)
"""How old a signed report may be: providers repeat a webhook with a new signature."""
_SNS_HOST = re.compile(r"sns\.[a-z0-9-]{1,40}\.amazonaws\.com(\.cn)?")
_SNS_FIELDS = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": (
        *("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
    ),
}
_SNS_HASHES = {"1": hashes.SHA1, "2": hashes.SHA256}


def is_mailgun(signature: Mapping[str, Any], key: str, now: datetime) -> bool:
    """Return True if Mailgun signed a report with this key recently."""
    timestamp, token = str(signature.get("timestamp", "")), str(signature.get("token", ""))
    if not _is_recent(timestamp, now):
        return False
    expected = hmac.digest(key.encode(), f"{timestamp}{token}".encode(), "sha256").hex()
    return hmac.compare_digest(expected.encode(), str(signature.get("signature", "")).encode())


def is_sendgrid(body: bytes, signature: str, timestamp: str, public_key: str, now: datetime) -> bool:
    """Return True if SendGrid signed a body recently; the key is as its settings show it."""
    if not _is_recent(timestamp, now):
        return False
    try:
        key = load_der_public_key(base64.b64decode(public_key, validate=True))
        if not isinstance(key, ec.EllipticCurvePublicKey):
            return False
        signed = timestamp.encode() + body
        key.verify(base64.b64decode(signature, validate=True), signed, ec.ECDSA(hashes.SHA256()))
    except (InvalidSignature, ValueError):
        return False
    return True


def _is_recent(timestamp: str, now: datetime) -> bool:
    if not (timestamp.isascii() and timestamp.isdecimal() and len(timestamp) <= 12):
        return False
    return abs(now.timestamp() - int(timestamp)) <= MAX_AGE.total_seconds()


def is_sns_url(url: str) -> bool:
    """Return True if an address is one of Amazon SNS: its certificates and confirmations come from nowhere else."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return False
    is_plain = port is None and not parts.username and not parts.fragment
    return parts.scheme == "https" and is_plain and bool(_SNS_HOST.fullmatch(host))


def is_sns(message: Mapping[str, Any], certificate: bytes) -> bool:
    """Return True if the key of a certificate of Amazon SNS signed this message."""
    fields = _SNS_FIELDS.get(str(message.get("Type")))
    algorithm = _SNS_HASHES.get(str(message.get("SignatureVersion")))
    if fields is None or algorithm is None:
        return False
    signed = "".join(f"{name}\n{message[name]}\n" for name in fields if name in message)
    try:
        key = x509.load_pem_x509_certificate(certificate).public_key()
        if not isinstance(key, rsa.RSAPublicKey):
            return False
        signature = base64.b64decode(str(message.get("Signature", "")), validate=True)
        key.verify(signature, signed.encode(), padding.PKCS1v15(), algorithm())
    except (InvalidSignature, ValueError):
        return False
    return True
