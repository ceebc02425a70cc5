"""Text that people wrote, escaped so that it neither formats nor mentions in a chat (pure)."""

import re

_MARKDOWN = str.maketrans({character: f"\\{character}" for character in "\\`*_{}[]<>#|~"})
_MENTION = re.compile(r"@(?<!\w@)(?=\w)")
_ZERO_WIDTH = "\u200b"
_GOOGLE_CHAT = str.maketrans({character: f"{character}{_ZERO_WIDTH}" for character in "*_~`<>"})


def escape_markdown(text: str) -> str:
    """Return text that Markdown shows as it was written."""
    return _MENTION.sub(f"@{_ZERO_WIDTH}", text.translate(_MARKDOWN))


def escape_google_chat(text: str) -> str:
    """Return text that formats and mentions nothing in Google Chat's markup."""
    return text.translate(_GOOGLE_CHAT)
