"""Remove secrets from the output of commands before it is kept or sent (pure).

Secret values are recognized raw, base64, URL-encoded and JSON-escaped, and common credentials by their shape.
"""

import json
import re
from base64 import b64encode
from collections.abc import Collection, Iterable
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import quote, quote_plus

MIN_SECRET_CHARS = 6
"""A shorter value occurs in ordinary output too often to be removed."""
_ANSI = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]{0,4096}(?:\x07|\x1b\\)|[@-Z\\-_])")
_PATTERNS = (
    (
        "private-key",
        rb"-----BEGIN [A-Z ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
        rb"(?s:.*?)(?:-----END [A-Z ]{0,40}PRIVATE KEY(?: BLOCK)?-----|\Z)",
    ),
    (
        "header",
        rb"(?<=authorization:)[^\r\n]+|(?<=authorization\":)[^\r\n]+|(?<=cookie:)[^\r\n]+"
        rb"|(?<=cookie\":)[^\r\n]+",
    ),
    ("aws-key", rb"(?-i:AKIA[0-9A-Z]{16})"),
    ("github-token", rb"gh[pousr]_[A-Za-z0-9_]{16,}"),
    ("gitlab-token", rb"glpat-[A-Za-z0-9_.-]{16,}"),
    ("slack-token", rb"xox[abprs]-[A-Za-z0-9-]{8,}"),
    ("jwt", rb"(?-i:eyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]*)"),
    ("url-password", rb"(?<=://)[^\s/@:'\"]{0,256}:[^\s/@'\"]{1,1024}(?=@)"),
    (
        "password",
        rb"(?:(?<=password)|(?<=secret)|(?<=token)|(?<=api_key)|(?<=apikey))"
        rb"(?P<sign>[\"']?\s{0,8}[=:]\s{0,8})(?:\"[^\"\r\n]*\"?|'[^'\r\n]*'?|[^\s\"']+)",
    ),
)


class Redacted(NamedTuple):
    """Output without its secrets, and how many were replaced."""

    output: bytes
    replaced: int


def redacted(output: bytes, secrets: Collection[str], start: int = 0, stop: int | None = None) -> Redacted:
    """Return `output[start:stop]` with secrets replaced by `[redacted:kind]`.

    The whole output is searched, so that a secret that is cut at either end is removed, too. Terminal escape
    sequences that could split a secret must be gone: see `plain`.
    """
    end = len(output) if stop is None else min(stop, len(output))
    parts: list[bytes] = []
    at, count = start, 0
    for match in _pattern(frozenset(secrets)).finditer(output):
        if match.end() <= start:
            continue
        if match.start() >= end:
            break
        assert match.lastgroup
        parts += (output[at : max(match.start(), at)], match["sign"] or b"")
        parts.append(b"[redacted:%s]" % match.lastgroup.replace("_", "-").encode())
        at, count = min(match.end(), end), count + 1
    return Redacted(b"".join([*parts, output[at:end]]), count)


def plain(output: bytes) -> bytes:
    """Return output without terminal escape sequences."""
    return _ANSI.sub(b"", output)


def readable(output: bytes) -> str:
    """Return output as text; bytes that are not UTF-8, and control characters, become visible ones."""
    text = output.decode(errors="replace").replace("\r\n", "\n")
    return "".join(
        char if char in "\n\t" or ord(char) > 0x9F or 0x20 <= ord(char) < 0x7F else _picture(char)
        for char in text
    )


def _picture(char: str) -> str:
    code = ord(char)
    if code < 0x20:
        return chr(0x2400 + code)
    return "\u2421" if code == 0x7F else "\ufffd"


@lru_cache(maxsize=4)
def _pattern(secrets: frozenset[str]) -> re.Pattern[bytes]:
    values = "|".join(
        dict.fromkeys(
            pattern
            for secret in sorted(secrets, key=len, reverse=True)
            if len(secret) >= MIN_SECRET_CHARS
            for pattern in _encodings(secret)
        )
    )
    kinds = [rb"(?P<%s>%s)" % (kind.replace("-", "_").encode(), regex) for kind, regex in _PATTERNS]
    if values:
        kinds.insert(0, b"(?P<variable>(?-i:%s))" % values.encode("latin-1"))
    return re.compile(b"|".join(kinds), re.I)


def _encodings(secret: str) -> Iterable[str]:
    """Yield patterns of a value as tools print it, each character one byte."""
    raw = secret.encode()
    for text in (
        raw,
        json.dumps(secret).encode()[1:-1],
        json.dumps(secret, ensure_ascii=False).encode()[1:-1],
        json.dumps(secret, ensure_ascii=False).replace("/", "\\/").encode()[1:-1],
    ):
        yield re.escape(text.decode("latin-1"))
    for encoded in (quote(secret, safe=""), quote(secret), quote_plus(secret)):
        yield re.sub(r"%([0-9A-F]{2})", _either_case, re.escape(encoded).replace(r"\%", "%"))
    for shift in range(3):
        inner = _base64_inner(raw, shift)
        if len(inner) >= MIN_SECRET_CHARS:
            # tools break base64 into lines
            yield r"(?:\r?\n)?".join(_BASE64_URL.get(char, re.escape(char)) for char in inner)


_BASE64_URL = {"+": "[+-]", "/": "[/_]"}


def _either_case(match: re.Match[str]) -> str:
    return "%" + "".join(f"[{c}{c.lower()}]" if c.isalpha() else c for c in match[1])


def _base64_inner(raw: bytes, shift: int) -> str:
    """Return the base64 characters that depend on `raw` alone when `shift` bytes stand before it."""
    encoded = b64encode(b"\0" * shift + raw).decode().rstrip("=")
    return encoded[-(-8 * shift // 6) : (shift + len(raw)) * 8 // 6]
