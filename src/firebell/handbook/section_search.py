"""Search of the sections of chapters for the handbook's own search page (pure): ranked, with snippets."""

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

from firebell.handbook.chapter_parser import FIRST, sections
from firebell.handbook.model import Chapter, ChapterSection, SectionHit

SNIPPET_CHARS = 220
_WORD = re.compile(r"\w+", re.UNICODE)


def search(chapters: Sequence[Chapter], query: str, limit: int = 30) -> list[SectionHit]:
    """Return the sections in which some word starts with each word of the query, best match first."""
    wanted = [w.lower() for w in _WORD.findall(query)][:12]
    if not wanted:
        return []
    hits = []
    for candidate in chapters:
        for section in sections(candidate):
            score = _score(candidate, section, wanted)
            if score:
                hits.append(SectionHit(candidate, section.heading, snippet(section.text, wanted), score))
    return sorted(hits, key=lambda h: (-h.score, h.chapter.path != FIRST))[:limit]


@lru_cache(maxsize=2048)
def _words(text: str) -> tuple[str, ...]:
    return tuple(_WORD.findall(text.lower()))


def _score(chapter: Chapter, section: ChapterSection, wanted: Sequence[str]) -> float:
    """Return how well a section matches, 0 for not at all: headings count most, then whole words, then prefixes."""
    heading, text, title = _words(section.heading.text), _words(section.text), _words(chapter.title)
    score = 0.0
    for word in wanted:
        whole = text.count(word)
        prefixed = sum(w.startswith(word) for w in text) - whole
        named = any(w.startswith(word) for w in heading)
        titled = any(w.startswith(word) for w in title)
        if not (whole or prefixed or named):
            return 0
        score += 10 * (word in heading) + 6 * named + 2 * titled
        # damped, so that a long section does not win by repeating a word
        score += 4 * (whole / (whole + 2)) + 1.5 * (prefixed / (prefixed + 2))
    return score / (2 if chapter.is_code else 1)


def snippet(text: str, wanted: Sequence[str]) -> tuple[str, ...]:
    """Return the text around the first match, alternating text that did not match and text that did."""
    pattern = re.compile(r"\b(" + "|".join(re.escape(w) for w in wanted) + r")\w*", re.IGNORECASE)
    first = pattern.search(text)
    start = max(0, first.start() - SNIPPET_CHARS // 3) if first else 0
    if start:
        start = text.find(" ", start) + 1 or start
    end = len(text) if len(text) <= start + SNIPPET_CHARS else text.rfind(" ", start, start + SNIPPET_CHARS)
    end = end if end > start else start + SNIPPET_CHARS
    cut = text[start:end]
    edges = [0, *(edge for match in pattern.finditer(cut) for edge in match.span()), len(cut)]
    pieces = [cut[a:b] for a, b in pairwise(edges)]
    pieces[0] = ("… " if start else "") + pieces[0]
    pieces[-1] += " …" if end < len(text) else ""
    return tuple(pieces)
