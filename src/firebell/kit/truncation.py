"""Text cut to a channel's limit in bytes, never inside a character (pure)."""

import unicodedata
from collections.abc import Sequence

_JOINER = "\u200d"


def size(text: str) -> int:
    """Return the length of the text in bytes of UTF-8."""
    return len(text.encode())


def cut(text: str, limit_bytes: int) -> str:
    """Return the text, or its beginning and an ellipsis, in at most `limit_bytes` bytes."""
    if size(text) <= limit_bytes:
        return text
    start = text.encode()[: max(0, limit_bytes - size("…"))].decode(errors="ignore")
    end = len(start)
    # keep a base character with its marks, and a joined emoji whole
    while 0 < end < len(text) and (_continues(text[end]) or text[end - 1] == _JOINER):
        end -= 1
    return f"{start[:end].rstrip()}…" if limit_bytes >= size("…") else ""


def _continues(character: str) -> bool:
    return character == _JOINER or unicodedata.category(character) in ("Mn", "Mc", "Me", "Sk")


def fit(lines: Sequence[str], url: str, limit_bytes: int) -> str:
    """Return the lines and the URL; lines that do not fit are replaced by "And 12 more"."""
    whole = "\n".join(lines).strip() + (f"\n\n{url}" if url else "")
    if size(whole) <= limit_bytes:
        return whole
    text, fitted = "", 0
    for number, line in enumerate(lines, 1):
        longer = f"{text}\n{line}" if number > 1 else line
        if size(longer.rstrip() + _rest(lines, number, url)) > limit_bytes:
            break
        text, fitted = longer, number
    if text.strip():
        return text.strip() + _rest(lines, fitted, url)
    rest = _rest(lines, 1, url)
    return cut(next((line for line in lines if line.strip()), "").strip(), limit_bytes - size(rest)) + rest


def _rest(lines: Sequence[str], fitted: int, url: str) -> str:
    more = sum(1 for line in lines[fitted:] if line.strip())
    parts = [f"And {more} more" if more else "", url]
    return "".join(f"\n\n{': '.join(p for p in parts if p)}" if any(parts) else "")
