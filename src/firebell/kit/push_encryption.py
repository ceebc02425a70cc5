"""Encryption of push messages for one browser (RFC 8291, on RFC 8188), and the key of the sender (RFC 8292)."""

import base64
import os
import struct

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

CURVE = ec.SECP256R1()
RECORD_BYTES = 4096
"""The largest body that every push service takes."""
OVERHEAD_BYTES = 103
"""The header of 86 bytes, the delimiter and the tag."""
MAX_PLAIN_BYTES = RECORD_BYTES - OVERHEAD_BYTES
AUTH_BYTES = 16
_SALT_BYTES = 16
_LAST_RECORD = b"\x02"


def to_base64(data: bytes) -> str:
    """Return bytes in the URL-safe alphabet, without padding, as browsers and push services write them."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def from_base64(text: str) -> bytes:
    """Return the bytes of such a text; raise ValueError if it is invalid."""
    return base64.b64decode(text.encode() + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)


def public_bytes(key: ec.EllipticCurvePublicKey) -> bytes:
    """Return a public key as a point of 65 bytes."""
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def parse_public_key(data: bytes) -> ec.EllipticCurvePublicKey:
    """Return the public key of a point of 65 bytes; raise ValueError if it is not on the curve."""
    return ec.EllipticCurvePublicKey.from_encoded_point(CURVE, data)


def encrypt(
    plain: bytes,
    browser_key: bytes,
    auth: bytes,
    *,
    salt: bytes | None = None,
    sender_key: ec.EllipticCurvePrivateKey | None = None,
) -> bytes:
    """Return the `aes128gcm` body that only the browser with this key and `auth` secret can read.

    `plain` has at most `MAX_PLAIN_BYTES` bytes. `salt` and `sender_key` are fresh unless a test gives them.
    """
    if len(plain) > MAX_PLAIN_BYTES:
        raise ValueError(f"A push message has at most {MAX_PLAIN_BYTES} bytes.")
    salt = salt or os.urandom(_SALT_BYTES)
    sender_key = sender_key or ec.generate_private_key(CURVE)
    sender = public_bytes(sender_key.public_key())
    shared = sender_key.exchange(ec.ECDH(), parse_public_key(browser_key))
    secret = _derived(shared, auth, b"WebPush: info\x00" + browser_key + sender, 32)
    key = _derived(secret, salt, b"Content-Encoding: aes128gcm\x00", 16)
    nonce = _derived(secret, salt, b"Content-Encoding: nonce\x00", 12)
    header = salt + struct.pack("!LB", RECORD_BYTES, len(sender)) + sender
    return header + AESGCM(key).encrypt(nonce, plain + _LAST_RECORD, None)


def _derived(secret: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    return HKDF(hashes.SHA256(), length, salt, info).derive(secret)


def signing_key(seed: bytes) -> ec.EllipticCurvePrivateKey:
    """Return the private key that follows from 32 secret bytes, always the same."""
    # a number of 32 bytes is almost never above the order of the group; the remainder never is
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    return ec.derive_private_key(int.from_bytes(seed) % (order - 1) + 1, CURVE)
