"""The search of a list: matchers in Alertmanager's syntax, and words, in one text (pure)."""

import re
from dataclasses import dataclass, replace

from firebell.kit import matchers
from firebell.kit.errors import Invalid
from firebell.kit.matchers import Matcher, MatcherError, Op
from firebell.kit.storable_json import storable_text

MAX_MATCHERS = 20
EXAMPLE = 'Use matchers such as region="eu-north", and words.'
_QUOTED = r'"(?:[^"\\]|\\.)*"'
_NAME = rf"(?:{_QUOTED}|[^\s{{}}!=~,\\\"'`]+)"
_RESERVED = re.compile(r'[=!{},"\\]')
_PARTS = re.compile(
    rf"(?P<matcher>{_NAME}?\s*(?:=~|!~|!=|=)\s*(?:{_QUOTED}|[^\s{{}},]+)?)|(?P<quoted>{_QUOTED})|(?P<word>[^\s{{}},]+)"
)


@dataclass(frozen=True, slots=True)
class MatcherQuery:
    """What a list shows: all conditions must hold, and each word must begin a word of the text that is searched."""

    conditions: tuple[Matcher, ...] = ()
    words: str = ""

    def __str__(self) -> str:
        """Return the query as text that parses to the same query."""
        listed = ", ".join(map(str, self.conditions))
        words = matchers.quoted(self.words) if _RESERVED.search(self.words) else self.words
        return f"{listed} {words}".strip()

    def with_value(self, name: str, value: str) -> "MatcherQuery":
        """Return the query for only what has this value of a label."""
        wanted = Matcher(name, Op.EQUAL, value)
        return replace(self, conditions=(*self.without(wanted).conditions, wanted))

    def without(self, condition: Matcher) -> "MatcherQuery":
        """Return the query without a condition."""
        return replace(self, conditions=tuple(each for each in self.conditions if each != condition))


def parse(text: str, example: str = EXAMPLE) -> MatcherQuery:
    """Return the query in a text such as `severity="critical", env=~"prod.*" disk full`.

    Words in quotes are never matchers, so that any deduplication key can be searched. Raise Invalid, at the field `q`,
    with the first matcher that cannot be read and an `example`.
    """
    if storable_text(text) != text:
        raise Invalid("The search contains an invalid character.", fields={"q": "Remove the NUL character."})
    conditions: list[Matcher] = []
    words: list[str] = []
    for part in _PARTS.finditer(text):
        if part["matcher"] is None:
            words.append(part["word"] or _unquoted(part["quoted"]))
            continue
        try:
            conditions += matchers.parse(part["matcher"])
        except MatcherError as error:
            message = f"{part['matcher']}: {error.message}. {example}"
            raise Invalid("A matcher can’t be read.", fields={"q": message}) from None
    if len(conditions) > MAX_MATCHERS:
        raise Invalid("There are too many matchers.", fields={"q": f"Use at most {MAX_MATCHERS} matchers."})
    if not conditions and len(words) != 1:
        # a key may have any characters
        return MatcherQuery(words=text.strip())
    return MatcherQuery(tuple(dict.fromkeys(conditions)), " ".join(words))


def _unquoted(text: str) -> str:
    try:
        return matchers.parse(f"words={text}")[0].value
    except MatcherError:
        return text[1:-1]
