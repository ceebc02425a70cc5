"""Search of chapters that is fast enough to run on every keystroke (pure)."""

import re
from collections.abc import Sequence
from functools import lru_cache

from firebell.handbook.model import Chapter
from firebell.kit.markdown import anchors
from firebell.kit.search_terms import Terms, words

_FENCE = re.compile(r"^(```|~~~).*?^\1\s*$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*#*$", re.MULTILINE)
_MARKUP = re.compile(r"[*`]|\[([^\]]*)\]\([^)]*\)")


@lru_cache(maxsize=64)
def _headings(chapter: Chapter) -> tuple[tuple[str, str], ...]:
    """Return (title, anchor) of each heading of a chapter."""
    titles = [_MARKUP.sub(r"\1", title) for title in _HEADING.findall(_FENCE.sub("", chapter.text))]
    return tuple(zip(titles, anchors(titles), strict=True))


@lru_cache(maxsize=64)
def _words(chapter: Chapter) -> frozenset[str]:
    return frozenset(words(f"{chapter.title} {chapter.text}"))


def search(chapters: Sequence[Chapter], terms: Terms, limit: int) -> list[tuple[Chapter, str, str]]:
    """Return chapters that have every word, best match first, each with a matching heading and anchor, or ""."""
    matches = []
    for chapter in chapters:
        present = _words(chapter)
        if not all(any(word.startswith(prefix) for word in present) for prefix in terms.prefixes):
            continue
        heading, anchor = next((h for h in _headings(chapter)[1:] if terms.match(h[0])), ("", ""))
        rank = min(terms.rank(chapter.title), 3 + terms.rank(heading))
        matches.append((rank, (chapter, heading, anchor)))
    return [hit for _, hit in sorted(matches, key=lambda pair: pair[0])[:limit]]
