"""What a call says, so that a sleepy person understands it (spec 10.4); pure."""

import re
import unicodedata
from dataclasses import dataclass, replace

from firebell.channels.base import Message
from firebell.channels.languages import text
from firebell.kit.language_catalogs import DEFAULT

MAX_CHARS = 450
READ_PAGES = 3
"""Number of pages that a call about several pages reads aloud; the others it only counts."""
KEYS = "Press 4 to acknowledge, 5 to escalate, 6 to resolve, star to repeat."
KEYS_FOR_ALL = "Press 4 to acknowledge all, star to repeat."
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
_SYMBOLS = {"%": "percent", "&": "and", "@": "at", "°": "degrees", "€": "euro", "$": "dollar"}
_HIGHEST_SEVERITY, _LOWEST_SEVERITY = 0, 3


@dataclass(frozen=True, slots=True)
class Script:
    """The sentences of a call: what an answering machine may hear, how to answer, and what only a person hears.

    `keys` is empty if it asks nothing: then a machine cannot be told from a person, and the details are neutral too.
    """

    opening: str
    keys: str
    details: str
    language: str = DEFAULT
    is_for_all: bool = False
    """True if it is about several pages, which can only be acknowledged, and only together."""

    @property
    def first(self) -> str:
        """What a call says before anyone has shown that they are there."""
        return f"{self.opening} {self.keys}".strip()

    @property
    def rest(self) -> str:
        """What it says to a person: the details, and how to answer."""
        return f"{self.details} {self.keys}".strip()

    @property
    def twice(self) -> str:
        """Everything, twice, for a call that asks for no key."""
        once = " ".join(part for part in (self.opening, self.keys, self.details) if part)
        return f"{once} {text(self.language, 'Once more: {text}', text=once)}"


def script_of(message: Message, *, takes_keys: bool) -> Script:
    """Return what a call says within 450 characters; the details are cut first.

    It begins with how severe the page is. What the page is about follows only where a machine that answered is known,
    which takes the same requests of the provider as keys do (decision 0095).
    """
    word, code = message.word, message.language
    if message.code:
        # the whole message is said twice, so that a code can be written down
        digits = ", ".join(message.code)
        return Script(word("This is Firebell."), "", word("Your code is {code}.", code=digits), code)
    if message.is_text:
        if not message.is_neutral:
            return Script(word("You have a message."), "", word("Open Firebell to read it."), code)
        note = speakable(message.text(2000, with_url=False), code)
        return _fitted(_sentence(message.title, code), "", note, code)
    severity = message.data.get("severity")
    has_severity = isinstance(severity, int) and _HIGHEST_SEVERITY <= severity <= _LOWEST_SEVERITY
    if message.pages:
        opening = word("You have {count} pages.", count=len(message.pages))
        if has_severity:
            opening += " " + word("The most severe has severity {severity}.", severity=severity)
    elif has_severity:
        opening = word("You have a severity {severity} page.", severity=severity)
    else:
        opening = word("You have a page.")
    if not message.actions or not takes_keys:
        return Script(opening, "", word("Open Firebell to answer."), code)
    if message.pages:
        return _of_pages(message, opening)
    service = _sentence(str(message.data.get("service") or ""), code)
    title = "" if message.title_hidden else _sentence(message.title, code)
    count = max(message.item_count, len(message.items))
    alerts = word("{count} alerts.", count=count) if count > 1 else ""
    details = " ".join(part for part in (service, title, alerts) if part)
    return _fitted(opening, word(KEYS), details, code)


def _of_pages(message: Message, opening: str) -> Script:
    """Return what a call about several pages says: the most severe ones, each with its share of the time."""
    keys, listed = message.word(KEYS_FOR_ALL), message.pages[:READ_PAGES]
    more = len(message.pages) - len(listed)
    rest = f"{message.word('And {count} more', count=more)}." if more else ""
    share = (MAX_CHARS - len(opening) - len(keys) - len(rest) - 4) // len(listed) - 1
    spoken = [
        _cut(
            " ".join(
                part
                for part in (
                    _sentence(str(page.data.get("service") or ""), message.language),
                    "" if page.title_hidden else _sentence(page.title, message.language),
                )
                if part
            ),
            share,
        )
        for page in listed
    ]
    script = _fitted(opening, keys, " ".join(part for part in (*spoken, rest) if part), message.language)
    return replace(script, is_for_all=True)


def _fitted(opening: str, keys: str, details: str, code: str) -> Script:
    opening = _cut(opening, MAX_CHARS // 3)
    return Script(opening, keys, _cut(details, MAX_CHARS - len(opening) - len(keys) - 2), code)


def _cut(spoken: str, limit: int) -> str:
    """Return a text, or its beginning up to a word's end."""
    if len(spoken) <= limit:
        return spoken
    return spoken[: limit - 1].rsplit(" ", 1)[0].rstrip(",;: ") + "."


def _sentence(written: str, code: str) -> str:
    spoken = speakable(written, code)
    return f"{spoken.rstrip('.')}." if spoken else ""


def speakable(written: str, code: str = DEFAULT) -> str:
    """Return a text as it is read aloud: without addresses and ids, with signs as words and names split."""
    clean = "".join(" " if unicodedata.category(c).startswith("C") else c for c in written)
    for pattern in (_URL, _ID, _REFERENCE):
        clean = pattern.sub(" ", clean)
    clean = _STATUS_CLASS.sub(r"\1 x x", clean)
    clean = _DECIMAL.sub(f" {text(code, 'point')} ", clean)
    clean = _CAMEL_CASE.sub(" ", clean)
    clean = _SEPARATORS.sub(" ", clean)
    for sign, word in _SYMBOLS.items():
        clean = clean.replace(sign, f" {text(code, word)} ")
    clean = _NUMBER.sub(lambda match: " ".join(match.group()), clean)
    clean = _ACRONYM.sub(lambda match: " ".join(match.group()), clean)
    clean = "".join(c for c in clean if unicodedata.category(c) != "So")
    return re.sub(r"\s+([.,;:!?])", r"\1", " ".join(clean.split()))
