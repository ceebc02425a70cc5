"""The published document of a status page's keys, and keys as readers give them (pure)."""

import base64
import json
from collections.abc import Sequence
from datetime import UTC

from firebell.status_pages.signing.model import KEY_BYTES, PublishedKey

MAX_KEYS = 1000


def document(page: str, keys: Sequence[PublishedKey]) -> str:
    """Return the keys of a page as JSON, oldest first; without a key, the log is not signed yet."""
    listed = [
        {
            "public_key": key.public_key,
            "first_entry": key.first_entry,
            "created_at": key.created_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        for key in keys
    ]
    return json.dumps({"v": 1, "page": page, "algorithm": "Ed25519", "keys": listed}, indent=2) + "\n"


def parse(text: str) -> list[bytes]:
    """Return the public keys of a document, or the one key that a text is in Base64; raise `ValueError`."""
    text = text.strip()
    if not text.startswith("{"):
        return [_key(text)]
    try:
        listed = json.loads(text)["keys"]
        keys = [_key(each["public_key"]) for each in listed[:MAX_KEYS]]
    except (KeyError, TypeError, RecursionError) as error:
        raise ValueError("It is not a list of keys.") from error
    if not keys:
        raise ValueError("It has no key: the log is not signed yet.")
    return keys


def _key(text: str) -> bytes:
    if not isinstance(text, str):
        raise ValueError("A key is not a string.")
    try:
        key = base64.b64decode(text, validate=True)
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise ValueError(f"{text[:60]!r} is not an Ed25519 key in Base64.")
    return key
