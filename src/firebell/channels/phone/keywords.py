"""The words by which the owner of a number stops text messages and starts them again (pure)."""

import re
import unicodedata

from firebell.kit.text import ascii_digits

STOP_WORDS = frozenset({"stop", "stopall", "unsubscribe", "cancel", "end", "quit"})
START_WORDS = frozenset({"start", "unstop"})
_IGNORED = re.compile(r"[\"'“”„«»‘’#.,!]")
_TONES = re.compile("[\U0001f3fb-\U0001f3ff\ufe0f]")


def cleaned(text: str) -> str:
    """Return a text in lower case, without quotes, signs and the color of an emoji.

    The digits of all scripts become those of ASCII, and so does the Arabic question mark.
    """
    folded = ascii_digits(_TONES.sub("", unicodedata.normalize("NFKC", text))).casefold().replace("؟", "?")
    return " ".join(_IGNORED.sub(" ", folded).split())
