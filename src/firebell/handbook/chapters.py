"""The chapters as data (pure): headings with their anchors, tables, and a search that ranks."""

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

from firebell.handbook.model import Chapter, Heading, Hit, Section
from firebell.kit.markdown import anchors, markdown, words

ORDER = ("SKILL.md", "references/", "examples/", "scripts/")
FIRST = "SKILL.md"
SNIPPET = 220
"""How many characters of a section a result shows."""
_FRONT = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)
_WORD = re.compile(r"\w+", re.UNICODE)


def chapter(path: str, text: str) -> Chapter:
    """Return a file as a chapter, named by its first heading, or as a program by the file's name."""
    slug = "" if path == FIRST else path.rpartition(".")[0]
    if path.endswith(".py"):
        return Chapter(path, slug, path.rpartition("/")[2], text)
    body = _FRONT.sub("", text)
    titles = [h.text for h in headings(body) if h.level == 1]
    return Chapter(path, slug, titles[0] if titles else path, body)


def ordered(paths: Sequence[str]) -> list[str]:
    """Return the files in the order in which they are read."""
    return sorted(paths, key=lambda p: (next((i for i, s in enumerate(ORDER) if p.startswith(s)), 9), p))


def front_matter(text: str) -> dict[str, str]:
    """Return the `name: value` lines before the first heading; folded values are one line."""
    match = _FRONT.match(text)
    pairs: dict[str, str] = {}
    last = ""
    for line in match[0].splitlines()[1:-1] if match else []:
        name, colon, value = line.partition(":")
        if colon and re.fullmatch(r"[\w-]+", name):
            last = name
            pairs[name] = value.strip().strip("\"'").removeprefix(">-").removeprefix(">").strip()
        elif last:
            pairs[last] = f"{pairs[last]} {line.strip()}".strip()
    return pairs


def headings(text: str) -> list[Heading]:
    """Return every heading of a Markdown text with its anchor."""
    tokens = markdown.parse(_FRONT.sub("", text))
    found = [(t.tag, words(inline)) for t, inline in pairwise(tokens) if t.type == "heading_open"]
    return [
        Heading(int(tag[1]), title, anchor)
        for (tag, title), anchor in zip(found, anchors(title for _, title in found), strict=True)
    ]


@lru_cache(maxsize=64)
def sections(found: Chapter) -> tuple[Section, ...]:
    """Return a chapter part by part; a program is one part."""
    if found.is_code:
        return (Section(Heading(1, found.title, ""), found.text),)
    names = headings(found.text)
    said: list[list[str]] = []
    tokens = markdown.parse(found.text)
    for before, token in pairwise([tokens[0], *tokens] if tokens else []):
        if token.type == "heading_open":
            said.append([])
        elif said and before.type != "heading_open":
            if token.type == "inline":
                said[-1].append(words(token))
            elif token.type in ("fence", "code_block"):
                said[-1].append(token.content)
    return tuple(Section(h, " ".join(" ".join(w).split())) for h, w in zip(names, said, strict=True))


def table(text: str, heading: str) -> list[list[str]]:
    """Return the first table under a heading, row by row, its head first, as plain words.

    Raises KeyError that names the heading when it or its table is missing.
    """
    inside = False
    rows: list[list[str]] = []
    tokens = markdown.parse(text)
    for token, inline in pairwise(tokens):
        if token.type == "heading_open":
            if rows:
                break
            inside = (inside and token.tag == "h3") or words(inline) == heading
        elif inside and token.type == "tr_open":
            rows.append([])
        elif inside and token.type in ("th_open", "td_open"):
            rows[-1].append(words(inline).strip())
        elif inside and rows and token.type == "table_close":
            break
    if not rows:
        raise KeyError(f"there is no table under {heading!r}")
    return rows


def search(chapters: Sequence[Chapter], query: str, limit: int = 30) -> list[Hit]:
    """Return the sections that have every word of the query, or a word that begins with it, the best first."""
    wanted = [w.lower() for w in _WORD.findall(query)][:12]
    if not wanted:
        return []
    hits = []
    for found in chapters:
        for section in sections(found):
            score = _score(found, section, wanted)
            if score:
                hits.append(Hit(found, section.heading, snippet(section.text, wanted), score))
    return sorted(hits, key=lambda h: (-h.score, ORDER[0] != h.chapter.path))[:limit]


@lru_cache(maxsize=2048)
def _words(text: str) -> tuple[str, ...]:
    return tuple(_WORD.findall(text.lower()))


def _score(found: Chapter, section: Section, wanted: Sequence[str]) -> float:
    """Return how well a section answers, 0 for not: its heading weighs most, then whole words, then beginnings."""
    head, text, over = _words(section.heading.text), _words(section.text), _words(found.title)
    score = 0.0
    for word in wanted:
        whole = text.count(word)
        begun = sum(w.startswith(word) for w in text) - whole
        named = any(w.startswith(word) for w in head)
        titled = any(w.startswith(word) for w in over)
        if not (whole or begun or named):
            return 0
        score += 10 * (word in head) + 6 * named + 2 * titled
        # a long section is not better because it repeats a word
        score += 4 * (whole / (whole + 2)) + 1.5 * (begun / (begun + 2))
    return score / (2 if found.is_code else 1)


def snippet(text: str, wanted: Sequence[str]) -> tuple[str, ...]:
    """Return the stretch of a text around the first wanted word: other words and wanted words by turns."""
    pattern = re.compile(r"\b(" + "|".join(re.escape(w) for w in wanted) + r")\w*", re.IGNORECASE)
    first = pattern.search(text)
    start = max(0, first.start() - SNIPPET // 3) if first else 0
    if start:
        start = text.find(" ", start) + 1 or start
    end = len(text) if len(text) <= start + SNIPPET else text.rfind(" ", start, start + SNIPPET)
    end = end if end > start else start + SNIPPET
    cut = text[start:end]
    edges = [0, *(edge for match in pattern.finditer(cut) for edge in match.span()), len(cut)]
    pieces = [cut[a:b] for a, b in pairwise(edges)]
    pieces[0] = ("… " if start else "") + pieces[0]
    pieces[-1] += " …" if end < len(text) else ""
    return tuple(pieces)
