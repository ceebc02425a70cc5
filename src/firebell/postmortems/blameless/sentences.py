"""Cut a Markdown document into sentences, each with its place, its section and its waiver (pure)."""

import re
from bisect import bisect_right
from collections.abc import Iterator

from firebell.postmortems.blameless.model import Sentence
from firebell.postmortems.blameless.spans import masked

_HEADING = re.compile(r"^ {0,3}#{1,6}[ \t]+(?P<title>[^\n]*?)[ \t#]*$", re.M)
_UNDERLINE = re.compile(r"(?<=\n)(?:=+|-{2,})[ \t]*$", re.M)
_TIMELINE = re.compile(r"\b(?:time ?line|chronology|sequence of events|event log|log of events)\b", re.I)
_BREAK = re.compile(
    r"\n[ \t]*\n"  # an empty line
    r"|\n(?=[ \t]*(?:[-*+]|\d{1,9}[.)])[ \t])"  # an item of a list
    r"|\n(?=[ \t]*\|)|\|"  # a row or a cell of a table
    r"|\n(?= {0,3}#{1,6}[ \t])|^ {0,3}#{1,6}[ \t][^\n]*"  # a heading
    r"|[.!?…]+[)\"”’]*(?=\s+[^\sa-z])",  # the end of a sentence
    re.M,
)
_ABBREVIATION = re.compile(r"(?:\b(?:e\.g|i\.e|etc|vs|approx|cf|Mr|Mrs|Ms|Dr|no|resp|incl)|\b[A-Z])\.$")
_WAIVER = re.compile(r"<!--[ \t]*ok:(?P<reason>.*?)-->", re.S | re.I)
REASON_MIN_CHARS = 3
_SENTENCE_MAX_CHARS = 1_000


def _headings(text: str, visible: str) -> list[tuple[int, str]]:
    """Return where each section begins, and its title; `visible` is the masked text."""
    titles = [(m.start(), text[m.start("title") : m.end("title")]) for m in _HEADING.finditer(visible)]
    for match in _UNDERLINE.finditer(visible):
        begins_at = visible.rfind("\n", 0, match.start() - 1) + 1
        title = text[begins_at : match.start()].strip()
        if title:
            titles.append((begins_at, title))
    return sorted(titles)


def _waivers(text: str) -> list[tuple[int, str]]:
    """Return the place and the reason of each waiver that gives one."""
    comments = ((m.start(), " ".join(m["reason"].split())) for m in _WAIVER.finditer(text))
    return [(place, reason) for place, reason in comments if len(reason) >= REASON_MIN_CHARS]


def _follows(visible: str, start: int, end: int, place: int) -> bool:
    """Return True if a comment stands in a sentence, or directly after it in the same paragraph."""
    between = visible[end:place]
    return start <= place and not between.strip() and "\n" not in between


def _pieces(visible: str) -> Iterator[tuple[int, int]]:
    """Yield the start and the end of each sentence."""
    start = 0
    for end in [*(match.end() for match in _BREAK.finditer(visible)), len(visible)]:
        piece = visible[start:end]
        if _ABBREVIATION.search(piece[-8:]) and end < len(visible):
            continue
        for cut in range(start, end, _SENTENCE_MAX_CHARS):
            yield cut, min(end, cut + _SENTENCE_MAX_CHARS)
        start = end


def sentences(text: str, section: str = "") -> list[Sentence]:
    """Return the sentences of a Markdown text; those before its first heading are in `section`."""
    visible = masked(text)
    headings, waivers = _headings(text, visible), _waivers(text)
    places = [place for place, _ in headings]
    timelines = {title: _TIMELINE.search(title) is not None for title in {section, *(t for _, t in headings)}}
    result: list[Sentence] = []
    for start, end in _pieces(visible):
        piece = visible[start:end]
        if not piece.strip():
            continue
        begins_at = start + len(piece) - len(piece.lstrip())
        at = bisect_right(places, begins_at)
        title = headings[at - 1][1] if at else section
        reason = next((reason for place, reason in waivers if _follows(visible, begins_at, end, place)), "")
        result.append(
            Sentence(
                visible[begins_at:end].replace("\n", " "),
                begins_at,
                title,
                timelines[title],
                reason,
            )
        )
    return result
