"""The codes by which owners of numbers confirm, and how often one can be typed (pure; spec 7.10)."""

import hmac

from firebell.kit.text import ascii_digits

CODE_DIGITS = 6
MAX_ATTEMPTS = 5
"""How often the code of one request can be typed."""
SEED = "subscriber.code"
"""The purpose of the secret that codes are made with."""


def code_of(seed: bytes, subscriber_id: int, generation: int) -> str:
    """Return the code of a request, always the same; a new request of the subscriber has another one."""
    digest = hmac.digest(seed, f"{subscriber_id}.{generation}".encode(), "sha256")
    return f"{int.from_bytes(digest[:8]) % 10**CODE_DIGITS:0{CODE_DIGITS}d}"


def is_code(typed: str, code: str) -> bool:
    """Return True if someone typed the code, in the digits of any script, with or without spaces and hyphens."""
    digits = ascii_digits("".join(character for character in typed if character not in " -\u00a0\u3000\t"))
    return hmac.compare_digest(digits.encode("utf-8", "surrogatepass"), code.encode())
