"""Secrets of other servers, encrypted in the database with a key derived from the installation's secret."""

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from firebell.kit.errors import Invalid

_NONCE_BYTES = 12


class Sealer:
    """Seals bytes with AES-256-GCM; `context` names what they belong to, and only it opens them."""

    def __init__(self, secret: bytes, purpose: str) -> None:
        key = HKDF(hashes.SHA256(), 32, salt=None, info=purpose.encode()).derive(secret)
        self._cipher = AESGCM(key)

    def seal(self, value: bytes, context: str) -> bytes:
        """Return the sealed value, different each time."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, value, context.encode())

    def open(self, sealed: bytes, context: str) -> bytes:
        """Return the value; raise `Invalid` if it was sealed with another secret, or for something else."""
        try:
            return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], context.encode())
        except (InvalidTag, ValueError) as exc:
            raise Invalid("A stored secret cannot be read. Enter it again.") from exc
