"""Sentences of a text, and the patterns that several rules of the tone check need (pure).

Each pattern takes linear time: it begins at a word boundary, and its repetitions are bounded.
"""

import re
from dataclasses import dataclass
from functools import cached_property

_END = re.compile(r"[.!?](?=\s|$)|\n(?![^\S\n]{0,9}[a-z])")
CLOCK_TIME = re.compile(r"(?<![\d:])\d{1,2}:\d{2}(?![\d:])|(?<!\w)\d{1,2} ?[ap]m\b", re.IGNORECASE)
ZONE = re.compile(
    r"\b(?:UTC|GMT|CES?T|WES?T|EES?T|BST|IST|JST|SGT|HKT|MSK|NZ[SD]?T|A[CEW]?[SD]?T|[ECMP][SD]?T)\b"
    r"|\d(?:Z\b|[+-]\d{2}:?\d{2}\b)|\b(?:local|central european|eastern|central|mountain|pacific) time\b"
)
_NUMBER = re.compile(
    r"\d|%|\b(?:half|third|quarter|tenth|one|two|three|four|five|six|seven|eight|nine|ten|dozen|hundred)\b",
    re.IGNORECASE,
)


_CONDITION = re.compile(
    r"\b(?:until|till|once|when|if|before|after|whether|confirm|ensure|verify)\b", re.IGNORECASE
)
_WORD = re.compile(r"[a-z0-9]+")


@dataclass(frozen=True)
class Sentence:
    """A sentence of a text, with the place of its first character."""

    text: str
    start: int

    @cached_property
    def has_number(self) -> bool:
        """True if it says how many; a clock time is no number."""
        return _NUMBER.search(CLOCK_TIME.sub(" ", self.text)) is not None

    @cached_property
    def condition_at(self) -> int:
        """Where a condition begins, such as “until”; its length if there is none."""
        match = _CONDITION.search(self.text)
        return match.start() if match else len(self.text)


def sentences(text: str) -> list[Sentence]:
    """Return the sentences in order. A line break ends one too, unless the next line starts in lower case."""
    begins_at, parts = 0, []
    for match in _END.finditer(text):
        parts.append(Sentence(text[begins_at : match.end()], begins_at))
        begins_at = match.end()
    parts.append(Sentence(text[begins_at:], begins_at))
    return [part for part in parts if part.text.strip()]


def vocabulary(text: str) -> frozenset[str]:
    """Return the words of a text, in lower case: a rule whose words do not occur need not search."""
    return frozenset(_WORD.findall(text.lower()))
