"""Masks CSRF tokens differently in every response, so that compression does not leak them."""

import base64
import binascii
import secrets


def mask(token: str) -> str:
    """Return a freshly masked form of a token that `matches` accepts."""
    value = token.encode()
    pad = secrets.token_bytes(len(value))
    return base64.urlsafe_b64encode(pad + _xor(value, pad)).decode()


def matches(submitted: object, token: str) -> bool:
    """Return True if `submitted` is the token of a session, masked or plain; never for a session without a token."""
    if not token or not isinstance(submitted, str) or not submitted.isascii():
        return False
    return secrets.compare_digest(submitted, token) or secrets.compare_digest(
        _unmasked(submitted), token.encode()
    )


def _unmasked(submitted: str) -> bytes:
    try:
        data = base64.urlsafe_b64decode(submitted)
    except (binascii.Error, ValueError):
        return b""
    return _xor(data[: len(data) // 2], data[len(data) // 2 :])


def _xor(left: bytes, right: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(left, right, strict=False))
