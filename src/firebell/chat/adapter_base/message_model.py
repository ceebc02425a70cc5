"""A message without the markup of any chat (pure); each adapter renders it within its limits."""

import hashlib
from dataclasses import dataclass, field, replace

import msgspec


@dataclass(frozen=True, slots=True)
class Button:
    """A button: with `url` it opens a page, else the chat sends `action` and `value` back."""

    label: str
    action: str
    value: str = ""
    url: str = ""
    style: str = ""
    """Primary, danger, or empty."""
    confirm: str = ""
    """The question that is asked before it acts."""


@dataclass(frozen=True, slots=True)
class Link:
    """A link with its words."""

    label: str
    url: str


@dataclass(frozen=True, slots=True)
class Quote:
    """A quoted text with an optional heading."""

    text: str
    heading: str = ""


@dataclass(frozen=True, slots=True)
class Content:
    """What a message says, from top to bottom; `text` is the whole message for notifications and plain chats."""

    text: str
    title: str = ""
    status: str = ""
    """One line below the title, such as SEV1 · mitigating since 03:01."""
    fields: tuple[tuple[str, str], ...] = ()
    paragraphs: tuple[str, ...] = ()
    quote: Quote | None = None
    links: tuple[Link, ...] = ()
    buttons: tuple[Button, ...] = ()
    menu: tuple[Button, ...] = ()
    """More actions, behind one button where the chat has such a menu."""
    footer: str = ""
    mentions: tuple[str, ...] = ()
    """The ids of the users who are to be notified by name."""

    def without_actions(self) -> "Content":
        """Return the message without what only a chat that sends buttons back can have."""
        return replace(self, buttons=tuple(b for b in self.buttons if b.url), menu=())


@dataclass(frozen=True, slots=True)
class Rendered:
    """A message as an adapter sends it."""

    text: str
    payload: dict[str, object] = field(default_factory=dict)


def digest(value: object) -> str:
    """Return a short hash of a value of plain data; equal values have equal hashes in every process."""
    return hashlib.sha256(msgspec.json.encode(value)).hexdigest()[:20]


def utf16_length(text: str) -> int:
    """Return the length in UTF-16 units, the larger of the ways in which chats may count."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def clip(text: str, limit: int) -> str:
    """Return the text within `limit` UTF-16 units, with an ellipsis where it was cut."""
    if utf16_length(text) <= limit:
        return text
    room = max(0, limit - 1)
    kept = text[:room]
    while (excess := utf16_length(kept) - room) > 0:
        # a character has at most two units
        kept = kept[: -((excess + 1) // 2)]
    return kept.rstrip() + "…"
