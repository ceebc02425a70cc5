"""Mail headers built from literal text, without parsing values (pure, RFC 5322 and 2047)."""

import re
import unicodedata
from base64 import b64encode
from collections.abc import Iterator, Sequence

from firebell.kit.mail.addresses import Mailbox

LINE_CHARACTERS = 76
"""Maximum length of a line with an encoded word (RFC 2047, section 2)."""
_FRAME = len("=?utf-8?b??=")
_PLAIN_WORD_CHARACTERS = 60
_HEADER = re.compile(r"[A-Za-z][A-Za-z-]*: [\x20-\x7e]+(?:\r\n [\x20-\x7e]+)*")
_PLAIN_NAME = re.compile(r"[A-Za-z0-9 !#$%&'*+/=?^_`{|}~.,;:@()-]+")


class UnsafeHeaderError(ValueError):
    """A header that a mail client could parse as several; the message must not be sent."""


def one_line(text: str) -> str:
    """Return the text with control characters and runs of white space replaced by one space."""
    spaced = "".join(" " if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") else c for c in text)
    return " ".join(spaced.split())


def unstructured(name: str, text: str) -> str:
    """Return a folded header whose value is exactly `one_line(text)`, or `-` if that is empty."""
    return "\r\n ".join(_folded(f"{name}:", one_line(text) or "-"))


def mailbox(name: str, value: Mailbox) -> str:
    """Return a folded address header with one mailbox."""
    if not value.name:
        return f"{name}: {value.address}"
    text = one_line(value.name)
    if _PLAIN_NAME.fullmatch(text) and "=?" not in text and len(text) <= _PLAIN_WORD_CHARACTERS:
        return f'{name}: "{text}"\r\n <{value.address}>'
    return "\r\n ".join([*_encoded(f"{name}:", text), f"<{value.address}>"])


def head(lines: Sequence[str]) -> bytes:
    """Return the header block of these headers; raise `UnsafeHeaderError` unless each is one header."""
    for line in lines:
        if not _HEADER.fullmatch(line) or any(len(part) > 998 for part in line.split("\r\n")):
            raise UnsafeHeaderError(f"The header {line.partition(':')[0][:40]!r} cannot be written safely.")
    return "".join(f"{line}\r\n" for line in lines).encode("ascii")


def _folded(start: str, text: str) -> Iterator[str]:
    parts = text.split(" ")
    if not text.isascii() or "=?" in text or max(map(len, parts)) > _PLAIN_WORD_CHARACTERS:
        yield from _encoded(start, text)
        return
    line = start
    for word in parts:
        if len(line) + 1 + len(word) > LINE_CHARACTERS and line != start:
            yield line
            line = word
        else:
            line = f"{line} {word}"
    yield line


def _encoded(start: str, text: str) -> Iterator[str]:
    """Yield lines of one encoded word each, cut between characters; readers join them without a space."""
    line, room = f"{start} ", LINE_CHARACTERS - len(start) - 1
    chunk = b""
    for character in text:
        more = character.encode()
        if (len(chunk) + len(more) + 2) // 3 * 4 + _FRAME > room:
            yield f"{line}=?utf-8?b?{b64encode(chunk).decode()}?="
            line, room, chunk = "", LINE_CHARACTERS - 1, b""
        chunk += more
    yield f"{line}=?utf-8?b?{b64encode(chunk).decode()}?="
