"""The mail addresses of integrations: `<name>-<key>@<mail domain>` (pure, spec 9.6)."""

import re
from collections.abc import Iterable

from firebell.kit.text import slugify

KEY_LENGTH = 32
_LOCAL_CHARS = 64
_KEY = re.compile(rf"(?:.*[-+.])?([0-9a-f]{{{KEY_LENGTH}}})", re.IGNORECASE | re.DOTALL)
_ADDRESS = re.compile(r"[^\s<>@,;:\"]{1,64}@[^\s<>@,;:\"]{1,255}")


def address_of(name: str, key: str, domain: str) -> str:
    """Return the address of an integration; the key is the secret in it, the name is for people."""
    room = _LOCAL_CHARS - KEY_LENGTH - 1
    label = slugify(name)[:room].strip("-")
    return f"{label}-{key}@{domain}" if label else f"{key}@{domain}"


def key_of(address: str, domain: str) -> str | None:
    """Return the integration key in an address of the domain, None if it is not one.

    Mail servers may change the case of an address, and may put a mailbox and + before it.
    """
    local, _, host = address.strip().strip("<>").rpartition("@")
    if host.casefold().rstrip(".") != domain or not domain:
        return None
    match = _KEY.fullmatch(local)
    return match[1].lower() if match else None


def keys_in(texts: Iterable[str], domain: str) -> list[str]:
    """Return the keys in the addresses of headers, each once, in order."""
    keys = (key_of(address, domain) for text in texts for address in _ADDRESS.findall(text))
    return list(dict.fromkeys(key for key in keys if key is not None))
