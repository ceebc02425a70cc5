"""Whether a push notification of a Git host is signed with the secret of a source (pure, spec 11.2)."""

import hmac
from base64 import b64decode, b64encode
from binascii import Error
from collections.abc import Mapping

TOLERANCE_S = 300
"""How old a signed timestamp may be."""


def is_signed(headers: Mapping[str, str], body: bytes, secret: str, now_s: float) -> bool:
    """Return True if a request carries the signature of GitHub, Gitea or GitLab, or GitLab's token.

    `headers` has lower-case names. A header that is there must be right: a wrong signature is not saved by a token.
    """
    key = secret.encode()
    checks = [
        hmac.compare_digest(given.encode(), wanted.encode())
        for given, wanted in (
            (headers.get("x-hub-signature-256"), f"sha256={hmac.digest(key, body, 'sha256').hex()}"),
            (headers.get("x-gitea-signature"), hmac.digest(key, body, "sha256").hex()),
            (headers.get("x-gitlab-token"), secret),
        )
        if given is not None
    ]
    if "webhook-signature" in headers:
        checks.append(_is_standard(headers, body, secret, now_s))
    return bool(secret) and bool(checks) and all(checks)


def _is_standard(headers: Mapping[str, str], body: bytes, secret: str, now_s: float) -> bool:
    """Return True for a signature of Standard Webhooks, which GitLab's signing tokens use."""
    message_id, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not timestamp.isascii() or not timestamp.isdigit() or len(timestamp) > 12:
        return False
    if abs(now_s - int(timestamp)) > TOLERANCE_S:
        return False
    try:
        key = b64decode(secret.removeprefix("whsec_"), validate=True)
    except Error:
        return False
    signed = f"{message_id}.{timestamp}.".encode() + body
    wanted = f"v1,{b64encode(hmac.digest(key, signed, 'sha256')).decode()}".encode()
    return any(hmac.compare_digest(each.encode(), wanted) for each in headers["webhook-signature"].split())
