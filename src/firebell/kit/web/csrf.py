"""CSRF tokens as pages carry them: different in every response, so that compression reveals nothing of them."""

import base64
import binascii
import secrets


def mask(token: str) -> str:
    """Return a token in a form that differs each time and that `matches` accepts."""
    value = token.encode()
    pad = secrets.token_bytes(len(value))
    return base64.urlsafe_b64encode(pad + _xor(value, pad)).decode()


def matches(given: object, token: str) -> bool:
    """Return True if `given` is the token of a session, masked or plain; never for a session without a token."""
    if not token or not isinstance(given, str) or not given.isascii():
        return False
    return secrets.compare_digest(given, token) or secrets.compare_digest(_unmasked(given), token.encode())


def _unmasked(given: str) -> bytes:
    try:
        data = base64.urlsafe_b64decode(given)
    except (binascii.Error, ValueError):
        return b""
    return _xor(data[: len(data) // 2], data[len(data) // 2 :])


def _xor(left: bytes, right: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(left, right, strict=False))
