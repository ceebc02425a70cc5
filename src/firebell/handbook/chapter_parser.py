"""Parse the files of the handbook as chapters (pure): headings with their anchors, sections and tables."""

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

from firebell.handbook.model import Chapter, ChapterSection, Heading
from firebell.kit.markdown import anchors, markdown, plain_text

ORDER = ("SKILL.md", "references/", "examples/", "scripts/")
FIRST = "SKILL.md"
_FRONT = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)
_FIRST_HEADING = re.compile(r"\n*# [^\n\[]*(?=\n|\Z)")
"""A title before anything else; one with a bracket may refer to a link that is defined later."""


def chapter(path: str, text: str) -> Chapter:
    """Return a file as a chapter, titled by its first heading, or by its file name if it is a program."""
    slug = "" if path == FIRST else path.rpartition(".")[0]
    if path.endswith(".py"):
        return Chapter(path, slug, path.rpartition("/")[2], text)
    body = _FRONT.sub("", text)
    # parsing whole chapters takes most of what a server needs to load the handbook
    first = _FIRST_HEADING.match(body)
    titles = [h.text for h in headings(first[0] if first else body) if h.level == 1]
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
def sections(chapter: Chapter) -> tuple[ChapterSection, ...]:
    """Return the sections of a chapter; a program is one section."""
    if chapter.is_code:
        return (ChapterSection(Heading(1, chapter.title, ""), chapter.text),)
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
        ChapterSection(heading, " ".join(" ".join(pieces).split()))
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
