"""The words by which the owner of a number stops text messages and starts them again (pure)."""

import re
import unicodedata

STOP_WORDS = frozenset({"stop", "stopall", "unsubscribe", "cancel", "end", "quit"})
START_WORDS = frozenset({"start", "unstop"})
_IGNORED = re.compile(r"[\"'“”„«»‘’#.,!]")
_TONES = re.compile("[\U0001f3fb-\U0001f3ff\ufe0f]")


def cleaned(text: str) -> str:
    """Return a text in lower case, without quotes, signs and the color of an emoji."""
    folded = _TONES.sub("", unicodedata.normalize("NFKC", text)).casefold()
    return " ".join(_IGNORED.sub(" ", folded).split())
