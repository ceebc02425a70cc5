"""Neutral words for some blaming ones, where the sentence stays true (pure)."""

import re

_DID_NOT = re.compile(r"\b(?:(?:has|have|had) +)?(?:failed|forgot(?:ten)?|neglected) +to\b", re.I)
_FAT_FINGERED = re.compile(r"\bfat[- ]?fingered\b", re.I)


def replacement(code: str, quote: str) -> str:
    """Return what can stand for the quoted characters; empty if only the author knows."""
    match code:
        case "B3" if _DID_NOT.search(quote):
            return _DID_NOT.sub("did not", quote, count=1)
        case "B2" if _FAT_FINGERED.search(quote):
            return _FAT_FINGERED.sub("mistyped", quote)
        case _:
            return ""
