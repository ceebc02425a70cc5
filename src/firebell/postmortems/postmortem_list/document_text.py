"""The text of a document as it is searched: its words by weight, and where a search matches (pure, spec 11.8)."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from firebell.kit.search_terms import fold
from firebell.postmortems.blameless.language import ENGLISH, language_of
from firebell.postmortems.document import whys
from firebell.postmortems.document.factors import label
from firebell.postmortems.document.sections import DocumentSection, split

PART_MAX_CHARS = 60_000
"""Number of characters of each part that are searched: what PostgreSQL stores of one document is limited."""
LANGUAGE_SAMPLE_CHARS = 20_000
MARK_START, MARK_END = "\ue000", "\ue001"
"""What surrounds a matching word in an excerpt; no text that people type has them."""
_SECOND = ("summary", "root cause")
_THIRD = ("factors", "action items", "what we change")
_BLOCK = re.compile(r"^\s*\{\{ *\w+(?: +\w+=[^\s{}]*)* *\}\}\s*$", re.MULTILINE)
_LINE_START = re.compile(
    r"^[ \t]*(?:#{1,6}|>|[-*+]|\d{1,3}[.)])[ \t]+(?:\[[ xX]\][ \t]+)?(?:(?:effect|why|root|open):)?"
    r"|^[ \t]*\|?[ \t:|-]*-{3,}[ \t:|-]*$",  # the rule under the head of a table
    re.MULTILINE,
)
# Each alternative begins with a character, not with a repetition, so that a search skips the letters between.
_MARK = re.compile(
    r"\[[a-z]:\d+(?:\.\d+)?\](?:\([^()\s]*\))?"  # evidence
    r"|\]\([^()\s]*\)"  # where a link leads
    r"|\(factor:[^()\n]*\)|->[ \t]*ACT-[\d, ACT-]+"
    r"|<!--|-->|\*\*?\*?|``*|\||~~"
)
_UNDERSCORE = re.compile(r"_+(?!\w)|(?<!\w)_+")


@dataclass(frozen=True, slots=True)
class IndexedText:
    """A document as it is stored for searches: four parts by weight, the first for the title, and its factors."""

    language: str
    """The configuration of PostgreSQL's text search."""
    parts: tuple[str, str, str, str]
    factors: tuple[str, ...]

    @property
    def folded(self) -> tuple[str, ...]:
        """The parts without accents, so that a query without them matches."""
        return tuple(map(fold, self.parts))


def plain(text: str) -> str:
    """Return Markdown as running text, without evidence, live blocks and marks."""
    clean = text.replace(MARK_START, "").replace(MARK_END, "")
    unmarked = _MARK.sub(_without_mark, _LINE_START.sub(" ", _BLOCK.sub(" ", clean)))
    return " ".join((_UNDERSCORE.sub(" ", unmarked) if "_" in unmarked else unmarked).split())


def _without_mark(mark: re.Match[str]) -> str:
    return "] " if mark[0].startswith("]") else " "


def indexed(title: str, body: str, factors: Sequence[str] | None = None) -> IndexedText:
    """Return what is stored of a document for searches; `factors` are those of its tree unless given."""
    sections = split(body)
    codes = tuple(whys.tree_of(sections).factors if factors is None else dict.fromkeys(factors))
    second, third, rest = list[str](), [label(code) for code in codes], list[str]()
    for part in sections:
        name = part.title.casefold()
        chosen = second if name in _SECOND else third if name in _THIRD else rest
        chosen.append(plain(part.text))
        if name not in (*_SECOND, *_THIRD):
            rest.append(part.title)
    language = "english" if language_of(body[:LANGUAGE_SAMPLE_CHARS]) == ENGLISH else "simple"
    first, b, c, d = (" ".join(texts)[:PART_MAX_CHARS] for texts in ([title], second, third, rest))
    return IndexedText(language, (first, b, c, d), codes)


def pieces(excerpt: str) -> Iterator[tuple[str, bool]]:
    """Yield the parts of an excerpt, each with True if it matched the search."""
    for number, part in enumerate(re.split(f"[{MARK_START}{MARK_END}]", excerpt)):
        if part:
            yield part, number % 2 == 1


def section_texts(sections: Iterable[DocumentSection]) -> list[tuple[str, str]]:
    """Return the title and the running text of each section."""
    return [(part.title, plain(part.text)) for part in sections]


def places(title: str, sections: Iterable[tuple[str, str]], excerpt: str) -> list[str]:
    """Return where the words that matched stand: "Title" or titles of sections, those with all of them first.

    If no place has all of them, every place with one of them counts. At most three.
    """
    marked = {fold(word).casefold() for word, matched in pieces(excerpt) if matched}
    if not marked:
        return []
    texts = [("Title", title), *(section for section in sections if section[0])]
    present = [
        (name, sum(word in text for word in marked))
        for name, text in ((name, fold(text).casefold()) for name, text in texts)
    ]
    best = [name for name, count in present if count == len(marked)]
    return (best or [name for name, count in present if count])[:3]
