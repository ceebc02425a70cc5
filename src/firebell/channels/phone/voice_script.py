"""What a call says, so that a sleepy person understands it (spec 10.4); pure."""

import re
import unicodedata
from dataclasses import dataclass

from firebell.channels.base import Message

MAX_CHARS = 450
KEYS = "Press 4 to acknowledge, 5 to escalate, 6 to resolve, star to repeat."
_URL = re.compile(r"\S*://\S+|\bwww\.\S+")
_ID = re.compile(
    r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"
    r"|\b(?=[0-9a-f]*[0-9])(?=[0-9a-f]*[a-f])[0-9a-f]{8,}\b",
    re.IGNORECASE,
)
_REFERENCE = re.compile(r"\b(?:PG|INC)-[0-9]+\b")
_STATUS_CLASS = re.compile(r"\b([1-5])xx\b", re.IGNORECASE)
_CAMEL_CASE = re.compile(r"(?<=[a-z])(?=[A-Z])")
_SEPARATORS = re.compile(r"(?<=\w)[_.\-/\\:]+(?=\w)|[_/\\|#*~^<>{}\[\]()=+`\"“”]+")
_ACRONYM = re.compile(r"\b[A-Z]{2,4}\b")
_NUMBER = re.compile(r"(?<![.\d])\d{5,}(?![.\d])")
_DECIMAL = re.compile(r"(?<=\d)\.(?=\d)")
_SYMBOLS = {"%": " percent ", "&": " and ", "@": " at ", "°": " degrees ", "€": " euro ", "$": " dollar "}
_SEVERITIES = {0: "zero", 1: "one", 2: "two", 3: "three"}


@dataclass(frozen=True, slots=True)
class Script:
    """The sentences of a call: what comes first, how to answer, and the details; `keys` is empty if it asks nothing."""

    first: str
    keys: str
    details: str

    @property
    def text(self) -> str:
        """The whole script."""
        return " ".join(part for part in (self.first, self.keys, self.details) if part)

    @property
    def twice(self) -> str:
        """The script and its details once more, for a call that asks for no key."""
        return f"{self.text} Once more: {self.details or self.first}"


def script_of(message: Message, *, takes_keys: bool) -> Script:
    """Return what a call says within 450 characters; the details are cut first.

    The first second says how severe it is and where. Without `takes_keys`, it asks to open Firebell instead.
    """
    if message.code:
        # the whole message is said twice, so that a code can be written down
        return Script("This is Firebell.", "", f"Your code is {', '.join(message.code)}.")
    if message.is_text:
        note = message.text(2000, with_url=False)
        return _fitted(f"{_sentence(message.title)}", "", speakable(note))
    severity = message.data.get("severity")
    service = str(message.data.get("service") or "")
    opening = [
        f"Severity {_SEVERITIES[severity]}." if isinstance(severity, int) and severity in _SEVERITIES else "",
        _sentence(service),
    ]
    first = " ".join(part for part in opening if part) or "You have a page."
    can_answer = bool(message.actions)
    keys = KEYS if takes_keys and can_answer else "Open Firebell to answer." if can_answer else ""
    count = max(message.item_count, len(message.items))
    details = f"{_sentence(message.title)}{f' {count} alerts.' if count > 1 else ''}"
    return _fitted(first, keys, details)


def _fitted(first: str, keys: str, details: str) -> Script:
    first = _cut(first, MAX_CHARS // 3)
    return Script(first, keys, _cut(details, MAX_CHARS - len(first) - len(keys) - 2))


def _cut(text: str, limit: int) -> str:
    """Return a text, or its beginning up to a word's end."""
    if len(text) <= limit:
        return text
    return text[: limit - 1].rsplit(" ", 1)[0].rstrip(",;: ") + "."


def _sentence(text: str) -> str:
    spoken = speakable(text)
    return f"{spoken.rstrip('.')}." if spoken else ""


def speakable(text: str) -> str:
    """Return a text as it is read aloud: without addresses and ids, with signs as words and names split."""
    clean = "".join(" " if unicodedata.category(c).startswith("C") else c for c in text)
    for pattern in (_URL, _ID, _REFERENCE):
        clean = pattern.sub(" ", clean)
    clean = _STATUS_CLASS.sub(r"\1 x x", clean)
    clean = _DECIMAL.sub(" point ", clean)
    clean = _CAMEL_CASE.sub(" ", clean)
    clean = _SEPARATORS.sub(" ", clean)
    for sign, word in _SYMBOLS.items():
        clean = clean.replace(sign, word)
    clean = _NUMBER.sub(lambda match: " ".join(match.group()), clean)
    clean = _ACRONYM.sub(lambda match: " ".join(match.group()), clean)
    clean = "".join(c for c in clean if unicodedata.category(c) != "So")
    return re.sub(r"\s+([.,;:!?])", r"\1", " ".join(clean.split()))
