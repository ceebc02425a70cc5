"""Text of Slack as text for `commands.parse`, and text of people as text that Slack does not format (pure)."""

import re

_MARKUP = re.compile(r"<([^<>]*)>")
_BRACKETS = str.maketrans("⟦⟧", "〚〛")


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
