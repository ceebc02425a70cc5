"""Parses search queries: each word must be a prefix of a word in the searched text (pure)."""

import re
import string
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

LONGEST_QUERY = 200
"""Maximum length of a query in characters; the rest is ignored."""
NEWEST_SEARCHED = 2_000
"""Number of the newest rows of a table that are searched before its index.

The index is not ordered: it would read every match of a common word, but such a word is in the newest rows.
"""
MOST_WORDS = 20
"""Maximum number of words in a query; the rest is ignored."""
_ACCENT = re.compile("[\u0300-\u036f]")
_SEPARATOR = "\u0000-\u002f\u003a-\u0040\u005b-\u0060\u007b-\u00bf\u2000-\u206f\u3000-\u303f\ud800-\udfff"
_WORD = re.compile(f"[^{_SEPARATOR}]+")
_LETTERS = str.maketrans(
    {
        **dict(zip("łŁøØđĐħĦı", "lLoOdDhHi", strict=True)),
        "ß": "ss",
        "æ": "ae",
        "Æ": "AE",
        "œ": "oe",
        "Œ": "OE",
    }
)
_ASCII_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
_REFERENCE = re.compile(r"\s*(?:(pg|inc|act)[\s-]*)?([0-9]{1,18})\s*", re.IGNORECASE)


def fold(text: str) -> str:
    """Return `text` without accents, like `search_vector` in the database; keeps case."""
    return _ACCENT.sub("", unicodedata.normalize("NFKD", text)).translate(_LETTERS)


def words(text: str) -> list[str]:
    """Return the folded words of a text in lower case."""
    return _WORD.findall(fold(text).casefold())


def tsquery(words: Sequence[str]) -> str:
    """Return the query for `to_tsquery`: all words, each as a prefix; of no words, one that matches nothing."""
    # the database folds case like that of the text, but in some of its languages not that of ASCII
    return " & ".join(f"'{word.translate(_ASCII_LOWER)}':*" for word in words)


@dataclass(frozen=True, slots=True)
class Terms:
    """The folded words of a query; empty if there is nothing to search for."""

    words: tuple[str, ...]
    text: str = ""
    """The query as typed, without unprintable characters."""

    @property
    def tsquery(self) -> str:
        """The query for `to_tsquery`: all words, each as a prefix."""
        return tsquery(self.words)

    @property
    def prefixes(self) -> tuple[str, ...]:
        """The words in lower case."""
        return tuple(word.casefold() for word in self.words)

    @property
    def reference(self) -> tuple[str, int] | None:
        """The reference in the query as `("PG", 12)`, `("INC", 5)`, or `("", 5)` without a prefix."""
        match = _REFERENCE.fullmatch(self.text)
        return ((match[1] or "").upper(), int(match[2])) if match else None

    def match(self, text: str) -> bool:
        """Return True if each word of the query begins a word of `text`."""
        present = words(text)
        return bool(self.words) and all(any(w.startswith(p) for w in present) for p in self.prefixes)

    def rank(self, title: str) -> int:
        """Return the rank of a title: 0 equals the query, 1 starts with it, 2 contains it, 3 does not."""
        present, wanted = words(title), list(self.prefixes)
        if present == wanted:
            return 0
        head = present[: len(wanted)]
        if len(head) == len(wanted) and all(w.startswith(p) for w, p in zip(head, wanted, strict=True)):
            return 1
        return 2 if self.match(title) else 3

    def pieces(self, text: str) -> Iterator[tuple[str, bool]]:
        """Yield the parts of `text`, each with True if the query matched it."""
        at = 0
        for word in _WORD.finditer(text):
            if length := self._matched(word[0]):
                if word.start() > at:
                    yield text[at : word.start()], False
                at = word.start() + length
                yield text[word.start() : at], True
        if at < len(text):
            yield text[at:], False

    def _matched(self, word: str) -> int:
        """Return the length of the longest query word that is a prefix of this word."""
        folded = fold(word).casefold()
        longest = max((len(p) for p in self.prefixes if folded.startswith(p)), default=0)
        return next((n for n in range(len(word) + 1) if len(fold(word[:n]).casefold()) >= longest), 0)


def parse(query: str) -> Terms:
    """Return the terms of a query; never raises."""
    text = "".join(c if c.isprintable() else " " for c in query[: 4 * LONGEST_QUERY])
    text = " ".join(text.split())[:LONGEST_QUERY]
    unique = dict.fromkeys(_WORD.findall(fold(text)))
    return Terms(tuple(unique)[:MOST_WORDS], text)
