"""How long a text message is: GSM-7 or UCS-2, units and segments (3GPP 23.038); pure.

An extension character of GSM-7 counts two units, a character beyond the basic plane of Unicode two of UCS-2; neither is
split between two segments.
"""

import re
import unicodedata
from collections.abc import Iterator

from anyascii import anyascii

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENSION = frozenset("\f^{}\\[~]|€")
_GSM = _BASIC | _EXTENSION
GSM_ONE, GSM_EACH = 160, 153
"""Number of units of a message of one segment, and of each segment of a longer one."""
UCS_ONE, UCS_EACH = 70, 67
ELLIPSIS = "..."
_MAPPED = str.maketrans(
    {
        **dict.fromkeys("‘’‚‛`´′", "'"),
        **dict.fromkeys("“”„‟″«»", '"'),
        **dict.fromkeys("‐‑‒–—―−", "-"),
        **dict.fromkeys("\t\u00a0\u2007\u2009\u202f", " "),
        "…": ELLIPSIS,
        "•": "-",
        "×": "x",
    }
)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")


def is_gsm(text: str) -> bool:
    """Return True if every character is one of GSM-7."""
    return _GSM.issuperset(text)


def _widths(text: str) -> Iterator[int]:
    if is_gsm(text):
        return (2 if character in _EXTENSION else 1 for character in text)
    return (2 if ord(character) > 0xFFFF else 1 for character in text)


def units(text: str) -> int:
    """Return the length of a text in units of its encoding."""
    return sum(_widths(text))


def segments(text: str) -> int:
    """Return the number of segments of a text, which is what a message costs; 0 for an empty one."""
    one, each = (GSM_ONE, GSM_EACH) if is_gsm(text) else (UCS_ONE, UCS_EACH)
    total = units(text)
    if total <= one:
        return 1 if text else 0
    count, room = 1, each
    for width in _widths(text):
        if width > room:
            count, room = count + 1, each
        room -= width
    return count


def plain(text: str) -> str:
    """Return a text on one line, in GSM-7 if its words survive that: Latin letters lose marks that GSM-7 has not.

    A text with a letter of another script stays as it is, because no one could read its transliteration.
    """
    clean = " ".join(_CONTROL.sub("", text.translate(_MAPPED)).split())
    composed = unicodedata.normalize("NFC", clean)
    if any(_is_foreign_letter(character) for character in composed):
        return composed
    return " ".join("".join(map(_gsm_character, composed)).split())


def _is_foreign_letter(character: str) -> bool:
    if character in _GSM or not unicodedata.category(character).startswith("L"):
        return False
    return "LATIN" not in unicodedata.name(character, "")


def _gsm_character(character: str) -> str:
    if character in _GSM:
        return character
    if unicodedata.category(character).startswith(("M", "C", "So")):
        # marks, and emoji, whose names would take the room of words
        return ""
    replacement = anyascii(character)
    return replacement if is_gsm(replacement) and len(replacement) <= 4 else ""


def cut(text: str, fits: int, around: str = "") -> str:
    """Return the text, or its beginning and "...", so that with the text `around` it it has at most `fits` segments."""
    if segments(text + around) <= fits:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if segments(text[:middle].rstrip() + ELLIPSIS + around) <= fits:
            low = middle
        else:
            high = middle - 1
    while low and (unicodedata.combining(text[low]) or text[low - 1] == "\u200d"):
        low -= 1
    return text[:low].rstrip() + ELLIPSIS if low else ""
