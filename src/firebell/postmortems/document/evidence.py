"""Evidence in a document (pure): references to what was recorded, and claims that have none."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class EvidenceKind(StrEnum):
    """What a reference leads to."""

    ENTRY = "t"
    PAGE = "p"
    ALERT = "a"
    RUN_STEP = "r"
    CHANGE = "c"
    STATUS_POST = "s"


KIND_NAMES = {
    EvidenceKind.ENTRY: "timeline entry",
    EvidenceKind.PAGE: "page",
    EvidenceKind.ALERT: "alert",
    EvidenceKind.RUN_STEP: "run step",
    EvidenceKind.CHANGE: "change event",
    EvidenceKind.STATUS_POST: "status post",
}


@dataclass(frozen=True, slots=True, order=True)
class EvidenceRef:
    """A reference such as t:412; `step` is the step of a run, 0 for everything else."""

    kind: EvidenceKind
    number: int
    step: int = 0

    def __str__(self) -> str:
        return f"{self.kind}:{self.number}.{self.step}" if self.step else f"{self.kind}:{self.number}"


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence, list item or cell with a number or a cause, and no evidence; `line` counts from 0."""

    line: int
    text: str


CLAIM_SECTIONS = ("Summary", "Impact", "Root cause")
"""The titles of the sections whose claims need evidence."""
REFERENCE = re.compile(
    r"\[(?:(?P<kind>[tpacs]):(?P<number>[0-9]{1,18})|r:(?P<run>[0-9]{1,18})\.(?P<step>[0-9]{1,4}))\](?![(\[:])"
)
_MARKDOWN_LINK = re.compile(r"(?<!!)\[[^\[\]\n]{0,300}\]\([^)\s]|https?://\S")
_CLAIM = re.compile(
    r"\d|\b(?:because|caused|due to|led to|resulted in|half of|a third of|a quarter of|percent)\b",
    re.IGNORECASE,
)
_NO_CLAIM = re.compile(r"`[^`]*`|\b(?:INC|ACT|PG|RUN|NM|PM|DRILL)-\d+\b|\bSEV[0-3]\b|\(factor:[^)]{0,80}\)")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z\"'(\[])")
_FENCE = re.compile(r" {0,3}(?:`{3,}|~{3,})")
_ITALIC_ONLY = re.compile(r"(?:\s*[-*+]\s+)?_[^_\n]+_")
_MARKER = re.compile(r"(?:[-*+]|\d{1,9}[.)])[ \t]+")
_STARTS = re.compile(r"\s*(?:[-*+]|\d{1,9}[.)])\s+|#{1,6}\s|\s*>|\s*\|")


def references(text: str) -> list[EvidenceRef]:
    """Return the references of a text in order, each once."""
    return list(dict.fromkeys(_reference(match) for match in REFERENCE.finditer(text)))


def _reference(match: re.Match[str]) -> EvidenceRef:
    if match["run"]:
        return EvidenceRef(EvidenceKind.RUN_STEP, int(match["run"]), int(match["step"]))
    return EvidenceRef(EvidenceKind(match["kind"]), int(match["number"]))


def claims_without_evidence(text: str) -> list[Claim]:
    """Return the claims of a section's text that have no reference and no link in the same sentence or cell."""
    return [
        Claim(line, part.strip())
        for line, parts in _passages(text)
        for part in parts
        if _CLAIM.search(_NO_CLAIM.sub("", part))
        and not REFERENCE.search(part)
        and not _MARKDOWN_LINK.search(part)
    ]


def _passages(text: str) -> list[tuple[int, list[str]]]:
    """Return (line, sentences or cells) of each paragraph, list item and table row outside code."""
    passages: list[tuple[int, list[str]]] = []
    paragraph: list[str] = []
    start = 0

    def close() -> None:
        if paragraph:
            passages.append((start, _SENTENCE_END.split(" ".join(paragraph))))
            paragraph.clear()

    is_code = False
    for number, line in enumerate(text.split("\n")):
        if _FENCE.match(line):
            is_code = not is_code
        elif is_code:
            continue
        elif line.lstrip().startswith("|"):
            close()
            cells = line.strip().strip("|").split("|")
            passages.append((number, _cells(cells)))
        elif not line.strip() or line.startswith(("#", "{{")) or _ITALIC_ONLY.fullmatch(line):
            close()
        else:
            if _STARTS.match(line):
                close()
            if not paragraph:
                start = number
            paragraph.append(_MARKER.sub("", line.strip()))
    close()
    return passages


def _cells(cells: Sequence[str]) -> list[str]:
    return [] if all(set(cell.strip()) <= set(":-") for cell in cells) else list(cells)
