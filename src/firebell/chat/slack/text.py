"""Text of Slack as text for `intents.commands.parse`, and text of people as Slack shows it (pure).

What people wrote is shown unformatted and cut to fit.
Lengths are counted in UTF-16 units, which is never less than Slack counts.
"""

import re

_MARKUP = re.compile(r"<([^<>]*)>")
_BRACKETS = str.maketrans("⟦⟧", "〚〛")
_ELLIPSIS = "…"


def tokens(text: str) -> str:
    """Return text with Slack's references as `⟦user:ID|label⟧`, links as plain text, and entities unescaped."""
    parts = _MARKUP.split(text.translate(_BRACKETS))
    return "".join(_reference(part) if i % 2 else _unescape(part) for i, part in enumerate(parts))


def escape(text: str) -> str:
    """Return text in which Slack finds no mention, link or reference."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _unescape(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _reference(inner: str) -> str:
    address, has_label, label = inner.partition("|")
    label = _unescape(label)
    if address[:1] == "@":
        return f"⟦user:{address[1:]}|{label}⟧"
    if address[:1] == "#":
        return f"⟦channel:{address[1:]}|{label}⟧"
    if address.startswith("!subteam^"):
        return f"⟦group:{address.removeprefix('!subteam^')}|{label}⟧"
    if address[:1] == "!":
        return label or f"@{address[1:].partition('^')[0]}"
    address = _unescape(address)
    if not has_label:
        return address
    return label if label in address else f"{label} ({address})"


def length(text: str) -> int:
    """Return the length of text in UTF-16 units."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def clip(text: str, limit: int) -> str:
    """Return text of at most `limit` UTF-16 units; what was cut ends in an ellipsis."""
    if length(text) <= limit:
        return text
    cut = text[: limit - 1]
    while length(cut) > limit - 1:
        cut = cut[:-1]
    return f"{cut.rstrip()}{_ELLIPSIS}"
