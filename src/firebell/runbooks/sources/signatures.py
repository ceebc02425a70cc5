"""Whether a push notification of a Git host is signed with the secret of a source (pure, spec 11.2)."""

import hmac
from collections.abc import Mapping

from firebell.kit import standard_webhooks


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
        checks.append(standard_webhooks.is_signed(headers, body, secret, now_s))
    return bool(secret) and bool(checks) and all(checks)
