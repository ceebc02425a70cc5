"""Text of Mattermost as text for `intents.commands.parse` (pure)."""

import re
from collections.abc import Mapping

_BRACKETS = str.maketrans("⟦⟧", "〚〛")
_MENTION = re.compile(r"(?<![\w@])@([a-z0-9][a-z0-9._-]{0,63})", re.IGNORECASE)


def tokens(text: str, users: Mapping[str, str]) -> str:
    """Return text with mentions of known users as `⟦user:ID|name⟧`; `users` is the id of each username."""
    return _MENTION.sub(lambda match: _reference(match[1], users), text.translate(_BRACKETS))


def mentioned(text: str) -> list[str]:
    """Return the usernames that a text mentions, without punctuation at their ends, each once."""
    return list(dict.fromkeys(match[1].lower().rstrip(".-_") for match in _MENTION.finditer(text)))


def _reference(name: str, users: Mapping[str, str]) -> str:
    """Return a mention as a reference, with the punctuation that follows it; other names stay as they are."""
    known = name
    while known and known.lower() not in users:
        if known[-1] not in ".-_":
            return f"@{name}"
        known = known[:-1]
    return f"⟦user:{users[known.lower()]}|{known}⟧{name[len(known) :]}" if known else f"@{name}"
