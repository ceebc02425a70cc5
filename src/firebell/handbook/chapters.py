"""Chapters as data (pure): headings with their anchors, tables, and ranked search."""

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

from firebell.handbook.model import Chapter, Heading, Hit, Section
from firebell.kit.markdown import anchors, markdown, plain_text

ORDER = ("SKILL.md", "references/", "examples/", "scripts/")
FIRST = "SKILL.md"
SNIPPET_CHARS = 220
_FRONT = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)
_WORD = re.compile(r"\w+", re.UNICODE)


def chapter(path: str, text: str) -> Chapter:
    """Return a file as a chapter, titled by its first heading, or by its file name if it is a program."""
    slug = "" if path == FIRST else path.rpartition(".")[0]
    if path.endswith(".py"):
        return Chapter(path, slug, path.rpartition("/")[2], text)
    body = _FRONT.sub("", text)
    titles = [h.text for h in headings(body) if h.level == 1]
    return Chapter(path, slug, titles[0] if titles else path, body)


def ordered(paths: Sequence[str]) -> list[str]:
    """Return the files in reading order."""
    return sorted(paths, key=lambda p: (next((i for i, s in enumerate(ORDER) if p.startswith(s)), 9), p))


def headings(text: str) -> list[Heading]:
    """Return all headings of a Markdown text with their anchors."""
    tokens = markdown.parse(_FRONT.sub("", text))
    titles = [(t.tag, plain_text(inline)) for t, inline in pairwise(tokens) if t.type == "heading_open"]
    return [
        Heading(int(tag[1]), title, anchor)
        for (tag, title), anchor in zip(titles, anchors(title for _, title in titles), strict=True)
    ]


@lru_cache(maxsize=64)
def sections(chapter: Chapter) -> tuple[Section, ...]:
    """Return the sections of a chapter; a program is one section."""
    if chapter.is_code:
        return (Section(Heading(1, chapter.title, ""), chapter.text),)
    texts: list[list[str]] = []
    tokens = markdown.parse(chapter.text)
    for before, token in pairwise([tokens[0], *tokens] if tokens else []):
        if token.type == "heading_open":
            texts.append([])
        elif texts and before.type != "heading_open":
            if token.type == "inline":
                texts[-1].append(plain_text(token))
            elif token.type in ("fence", "code_block"):
                texts[-1].append(token.content)
    return tuple(
        Section(heading, " ".join(" ".join(pieces).split()))
        for heading, pieces in zip(headings(chapter.text), texts, strict=True)
    )


def table(text: str, heading: str) -> list[list[str]]:
    """Return the rows of the first table under a heading as plain text, header first.

    Raise `KeyError` naming the heading if there is no such heading or table.
    """
    inside = False
    rows: list[list[str]] = []
    tokens = markdown.parse(text)
    for token, inline in pairwise(tokens):
        if token.type == "heading_open":
            if rows:
                break
            inside = (inside and token.tag == "h3") or plain_text(inline) == heading
        elif inside and token.type == "tr_open":
            rows.append([])
        elif inside and token.type in ("th_open", "td_open"):
            rows[-1].append(plain_text(inline).strip())
        elif inside and rows and token.type == "table_close":
            break
    if not rows:
        raise KeyError(f"there is no table under {heading!r}")
    return rows


def search(chapters: Sequence[Chapter], query: str, limit: int = 30) -> list[Hit]:
    """Return the sections that contain every word of the query as a prefix of one of theirs, best match first."""
    wanted = [w.lower() for w in _WORD.findall(query)][:12]
    if not wanted:
        return []
    hits = []
    for candidate in chapters:
        for section in sections(candidate):
            score = _score(candidate, section, wanted)
            if score:
                hits.append(Hit(candidate, section.heading, snippet(section.text, wanted), score))
    return sorted(hits, key=lambda h: (-h.score, ORDER[0] != h.chapter.path))[:limit]


@lru_cache(maxsize=2048)
def _words(text: str) -> tuple[str, ...]:
    return tuple(_WORD.findall(text.lower()))


def _score(chapter: Chapter, section: Section, wanted: Sequence[str]) -> float:
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
