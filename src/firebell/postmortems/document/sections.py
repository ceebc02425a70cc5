"""The sections of a document (pure): each begins with a heading of level two; what is before the first is the head."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from firebell.kit.markdown import anchors

HEAD = "head"
"""The slug of what is before the first section."""
REQUIRED = (
    "Summary",
    "Impact",
    "Timeline",
    "Root cause",
    "What went well",
    "What went wrong",
    "Action items",
)
"""The titles of the sections that a document has, in order."""
OPTIONAL = ("Lessons", "Factors")
HASH_CHARS = 16
_HEADING = re.compile(r" {0,3}##(?=[ \t]|$)")
_FENCE = re.compile(r" {0,3}(?P<fence>`{3,}(?=[^`]*$)|~{3,})(?P<info>.*)")


@dataclass(frozen=True, slots=True)
class DocumentSection:
    """A section: its heading as written, and the text under it without blank lines around it."""

    slug: str
    title: str
    heading: str
    text: str
    line: int
    """The line of the document, counted from 0, in which the section begins."""

    @property
    def hash(self) -> str:
        """A fingerprint of heading and text."""
        content = f"{self.heading}\n{self.text}".encode()
        return hashlib.sha256(content).hexdigest()[:HASH_CHARS]

    @property
    def markdown(self) -> str:
        """The section as it stands in a document."""
        return "\n\n".join(part for part in (self.heading, self.text) if part)


def headings(lines: Sequence[str]) -> list[tuple[int, str]]:
    """Return the line and the title of each heading of level two outside fenced code."""
    result: list[tuple[int, str]] = []
    fence = ""
    for number, line in enumerate(lines):
        mark = _FENCE.fullmatch(line)
        if fence:
            if mark and mark["fence"].startswith(fence) and not mark["info"].strip():
                fence = ""
        elif mark:
            fence = mark["fence"]
        elif _HEADING.match(line):
            result.append((number, _title(line)))
    return result


def _title(line: str) -> str:
    """Return the title of a heading, without the number signs that may close it."""
    title = line.strip()[2:].strip()
    without = title.rstrip("#")
    return without.rstrip() if not without or without[-1] in " \t" else title


def split(body: str) -> list[DocumentSection]:
    """Return the sections of a document, the head first; a repeated title gets a slug with a number."""
    lines = body.split("\n")
    titles = headings(lines)
    slugs = _slugs([title for _, title in titles])
    starts = [number for number, _ in titles]
    sections = [DocumentSection(HEAD, "", "", _trimmed(lines[: starts[0] if starts else len(lines)]), 0)]
    for (number, title), slug, end in zip(titles, slugs, [*starts[1:], len(lines)], strict=False):
        sections.append(
            DocumentSection(slug, title, lines[number], _trimmed(lines[number + 1 : end]), number)
        )
    return sections


def join(sections: Sequence[DocumentSection]) -> str:
    """Return the document of sections; the order and the headings are theirs."""
    parts = [section.markdown for section in sections]
    return "\n\n".join(part for part in parts if part) + "\n"


def by_slug(sections: Sequence[DocumentSection], slug: str) -> DocumentSection | None:
    """Return the section with a slug, None if there is none."""
    return next((each for each in sections if each.slug == slug), None)


def titled(sections: Sequence[DocumentSection], title: str) -> DocumentSection | None:
    """Return the first section with a title, whatever its capitals; None if there is none."""
    return next((each for each in sections if each.title.casefold() == title.casefold()), None)


def _slugs(titles: Sequence[str]) -> list[str]:
    """Return a slug for each title; one that is taken, or has no letters, gets a number."""
    slugs: dict[str, None] = {HEAD: None}
    for title in titles:
        slug = name = anchors([title])[0].strip("-") or "section"
        number = 1
        while slug in slugs:
            slug, number = f"{name}-{number}", number + 1
        slugs[slug] = None
    return list(slugs)[1:]


def _trimmed(lines: Sequence[str]) -> str:
    """Return lines without the blank ones around them; spaces that indent the first line stay."""
    first = next((i for i, line in enumerate(lines) if line.strip()), len(lines))
    last = next((i for i in range(len(lines), first, -1) if lines[i - 1].strip()), first)
    return "\n".join(lines[first:last]).rstrip()
