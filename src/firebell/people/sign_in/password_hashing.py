"""Password hashes: argon2id with the parameters that argon2-cffi recommends (RFC 9106)."""

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

hasher = PasswordHasher()


def hash_password(password: str) -> str:
    """Return a salted hash of `password`; takes tens of milliseconds of CPU, so call it on a thread."""
    return hasher.hash(password)


def verify(stored: str, password: str) -> bool:
    """Return True if `stored` is the hash of `password`; a malformed hash matches nothing."""
    try:
        return hasher.verify(stored, password)
    except (VerificationError, InvalidHashError):
        return False
