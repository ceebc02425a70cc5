"""Checks that Slack signed a request, before anything in it is believed."""

import re
from collections.abc import Iterable
from datetime import datetime

_TIMESTAMP = re.compile(r"[0-9]{1,12}", re.ASCII)
_SIGNATURE = re.compile(r"v0=[0-9a-f]{64}", re.ASCII)


class _Instant:
    """The clock of a verifier: the instant of the request."""

    def __init__(self, now: datetime) -> None:
        self._seconds = now.timestamp()

    def now(self) -> float:
        """Return the instant in epoch seconds."""
        return self._seconds


def is_signed(body: bytes, timestamp: str, signature: str, secrets: Iterable[str], now: datetime) -> bool:
    """Return True if one of the secrets signed this body within five minutes of `now`.

    The library's verifier raises on timestamps, signatures and bodies of other forms, so they are refused first.
    """
    if not _TIMESTAMP.fullmatch(timestamp) or not _SIGNATURE.fullmatch(signature):
        return False
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    # imported late: only an installation with an account needs it
    from slack_sdk.signature import SignatureVerifier

    return any(
        SignatureVerifier(secret, _Instant(now)).is_valid(body, timestamp, signature)  # type: ignore[arg-type]
        for secret in secrets
        if secret.strip()
    )
