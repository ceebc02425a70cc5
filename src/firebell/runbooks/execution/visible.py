"""Make characters visible that would change what a person reads before they run it (pure)."""

import unicodedata

_KEPT = "\n\t"


def visible(text: str) -> str:
    """Return text with control, format and bidirectional characters as `<U+202E>`."""
    return "".join(char if char in _KEPT or not _is_hidden(char) else f"<U+{ord(char):04X}>" for char in text)


def _is_hidden(char: str) -> bool:
    return unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")
