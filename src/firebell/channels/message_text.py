"""The text of a message for channels without a layout of their own (pure).

The order is what happened, how to answer, where, and then the details, which alone are cut.
"""

from collections.abc import Callable

from firebell.channels.base import Message, within
from firebell.kit.truncation import cut, fit

REPLIES = "Reply {code}a ack, {code}e escalate."
"""How a message is answered by a text with its code."""
REPLIES_TO_ALL = "Reply {code}aa to acknowledge all."
"""How a message about several pages is answered by a text with its code."""
LISTED_ITEMS = 10
LEAD_BYTES = 1000
_LEAST_BYTES = 60
"""Details of fewer bytes are left out: there is no room for a line and the number of the others."""


def plain_link(label: str, url: str) -> str:
    """Return a link as text without markup."""
    return f"{label}: {url}"


def markdown_link(label: str, url: str) -> str:
    """Return a link in Markdown, as text if its address would end it."""
    return plain_link(label, url) if set(url) & set("() ") else f"[{label}]({url})"


def details(message: Message, limit_bytes: int) -> str:
    """Return a text, or the lead, facts and items of a message, within a limit; lines that do not fit are counted."""
    if limit_bytes < _LEAST_BYTES:
        return ""
    if message.is_text:
        return message.text(limit_bytes, with_url=False)
    lines = [
        cut(message.lead, LEAD_BYTES),
        *(f"{name}: {value}" for name, value in message.facts),
        *message.item_lines(LISTED_ITEMS),
    ]
    return fit([line for line in lines if line], "", limit_bytes)


def links(message: Message, *, short: bool) -> list[tuple[str, str]]:
    """Return the label and address of each way to answer, and of the screen; a short message has only the screen."""
    answers = [] if short else [(action.label, action.url) for action in message.actions]
    return [*answers, *([(message.word("Open"), message.url)] if message.url else [])]


def compose(
    message: Message,
    title_bytes: int,
    limit_bytes: int,
    *,
    escape: Callable[[str], str] = str,
    link: Callable[[str, str], str] | None = plain_link,
    short: bool = False,
) -> str:
    """Return the whole text within a limit; without `title_bytes` without its title, without `link` without links."""
    title = [escape(cut(message.subject, title_bytes))] if title_bytes else []
    ways = [] if link is None else [link(*one) for one in links(message, short=short)]
    replies = [escape(message.word(REPLIES, code=message.reply_code))] if message.reply_code else []
    head = "\n".join([*title, *replies, *ways])

    def encoded(room: int) -> bytes:
        rest = "" if short else escape(details(message, room))
        return "\n\n".join(part for part in (head, rest) if part).encode()

    return within(limit_bytes, limit_bytes, encoded).decode()
