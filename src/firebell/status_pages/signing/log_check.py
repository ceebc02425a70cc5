"""Checks the signatures of a downloaded log against keys that a reader trusts (pure; spec 7.7)."""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from firebell.status_pages.published_log import chain as published_log_chain
from firebell.status_pages.published_log.chain import KEY_KIND


class LogProblem(StrEnum):
    """What is wrong with the line at which a check stopped."""

    CHANGED = "changed"
    """It is not as it was published, or a line before it is missing."""
    UNSIGNED = "unsigned"
    """It has no signature, though one before it has."""
    FORGED = "forged"
    """Its signature is not by the key that signs at this point."""
    NO_SIGNATURE = "no_signature"
    """No line is signed by a key that the reader trusts."""


@dataclass(frozen=True, slots=True)
class LogCheck:
    """What a check of a log found; `line` is the number of the line that is wrong, if it is about one."""

    entries: int
    last_hash: str
    """The hash of the last entry, which includes all others; empty without an entry."""
    signatures: int = 0
    """How many entries are signed by a trusted key, or one that a trusted key announced."""
    unsigned: int = 0
    """How many of the last entries no signature covers."""
    problem: LogProblem | None = None
    line: int | None = None


def check(lines: Sequence[str], trusted: Sequence[bytes] = ()) -> LogCheck:
    """Check the hashes of a log and, with keys to trust, its signatures.

    A signature covers all entries before it, so what was published before the page had a key is covered too.
    A key that was announced by a trusted key is trusted from then on; so one old key is enough to check a log.
    """
    entries, last_hash = len(lines), ""
    broken = published_log_chain.first_broken(lines)
    if broken is not None:
        return LogCheck(entries, last_hash, problem=LogProblem.CHANGED, line=broken)
    if lines:
        last_hash = json.loads(lines[-1])["hash"]
    if not trusted:
        return LogCheck(entries, last_hash, unsigned=entries)
    current: bytes | None = None
    signatures = last_signed = 0
    for number, text in enumerate(lines, start=1):
        fields = json.loads(text)
        announced = _decoded(fields.get("key")) if fields["kind"] == KEY_KIND else None
        sig, message = _decoded(fields.get("sig")), fields["hash"].encode()
        if current is None:
            current = next((key for key in trusted if _is_signed(key, sig, message)), None)
            is_signed = current is not None
        else:
            is_signed = _is_signed(current, sig, message)
        # a key that the reader trusts needs no announcement by the one before, which may be lost
        if current is not None and not is_signed and announced not in trusted:
            problem = LogProblem.FORGED if sig else LogProblem.UNSIGNED
            return LogCheck(entries, last_hash, signatures, entries - last_signed, problem, number)
        if is_signed:
            signatures, last_signed = signatures + 1, number
        if announced and current is not None:
            current = announced
    missing = LogProblem.NO_SIGNATURE if lines and not signatures else None
    return LogCheck(entries, last_hash, signatures, entries - last_signed, missing)


def _decoded(text: object) -> bytes:
    """Return the bytes of a text in Base64, empty if it is invalid."""
    try:
        return base64.b64decode(text, validate=True) if isinstance(text, str) else b""
    except ValueError:
        return b""


def _is_signed(key: bytes, signature: bytes, message: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True
