"""What stands between a document and its publication (pure)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from firebell.kit.findings import FindingLevel
from firebell.postmortems.blameless.model import BlameFinding, LintResult
from firebell.postmortems.document.blocks import block_problems
from firebell.postmortems.document.evidence import (
    CLAIM_SECTIONS,
    Claim,
    EvidenceRef,
    claims_without_evidence,
    references,
)
from firebell.postmortems.document.sections import REQUIRED, by_slug
from firebell.postmortems.guide.outline import DocumentOutline, outline


@dataclass(frozen=True, slots=True)
class DocumentCheck:
    """A check of a document; `level` is None if it passed, `section` is the slug of where to mend it."""

    id: str
    level: FindingLevel | None
    text: str
    section: str = ""


@dataclass(frozen=True, slots=True)
class ReviewedDocument(DocumentOutline):
    """A document with everything that its checks read."""

    wording: Mapping[str, LintResult]
    """By the slug of the section."""
    claims: dict[str, tuple[Claim, ...]]
    """The claims without evidence by the slug of their section."""
    refs: tuple[EvidenceRef, ...]
    unknown_refs: tuple[EvidenceRef, ...] = ()
    blocking_comments: int = 0
    checks: tuple[DocumentCheck, ...] = field(default=())

    @property
    def is_examined(self) -> bool:
        """True if the wording of a section was examined."""
        return any(result.examined for result in self.wording.values())

    def findings(self) -> list[tuple[str, BlameFinding]]:
        """Return the findings of the wording with the slug of their section, in the order of the document."""
        return [(part.slug, each) for part in self.sections for each in self.wording[part.slug].open]


def review(
    body: str,
    max_severity: int,
    people: Sequence[str],
    wording: Mapping[str, LintResult],
    *,
    unfinished: Sequence[str] = (),
    known_refs: Iterable[EvidenceRef] | None = None,
    blocking_comments: int = 0,
) -> ReviewedDocument:
    """Return a document with its checks; `people` are the names that it may mention.

    `wording` has what the lint found in each section, by slug.

    Without `known_refs` every reference counts as one that leads somewhere.
    """
    read = outline(body, max_severity, people, unfinished)
    claims = {
        part.slug: tuple(claims_without_evidence(_without_blocks(part.text)))
        for part in read.sections
        if part.title in CLAIM_SECTIONS
    }
    refs = tuple(references(body))
    document = ReviewedDocument(
        read.sections,
        read.tree,
        read.why_problems,
        read.unfinished,
        wording,
        claims,
        refs,
        () if known_refs is None else tuple(ref for ref in refs if ref not in set(known_refs)),
        blocking_comments,
    )
    return replace(document, checks=tuple(_checks(document, body)))


def glyph(document: ReviewedDocument, slug: str) -> str:
    """Return the state of a section for its list: done, warn, or idle without a text."""
    part = by_slug(document.sections, slug)
    if part is None or not part.text.strip():
        return "idle"
    is_open = any(text.startswith(f"{part.title}: ") for text in document.unfinished)
    is_open |= any(
        check.level in (FindingLevel.ERROR, FindingLevel.WARNING) for check in checks_of(document, slug)
    )
    return "warn" if is_open else "done"


def checks_of(document: ReviewedDocument, slug: str) -> list[DocumentCheck]:
    """Return the checks that concern a section."""
    return [check for check in document.checks if check.section == slug]


def _without_blocks(text: str) -> str:
    return "\n".join("" if line.lstrip().startswith("{{") else line for line in text.split("\n"))


def _checks(document: ReviewedDocument, body: str) -> Iterable[DocumentCheck]:
    yield _sections_check(document)
    yield _unfinished_check(document)
    yield _counted(
        "comments",
        document.blocking_comments,
        FindingLevel.ERROR,
        "comment blocks",
        "comments block",
        "No comment blocks",
    )
    errors = [(slug, each) for slug, each in document.findings() if each.blocks]
    yield _counted(
        "wording",
        len(errors),
        FindingLevel.ERROR,
        "sentence blames",
        "sentences blame",
        "No sentence blames"
        if document.is_examined
        else "The wording was not checked: its rules are English",
        errors[0][0] if errors else "",
    )
    yield _counted(
        "references",
        len(document.unknown_refs),
        FindingLevel.ERROR,
        "reference leads nowhere",
        "references lead nowhere",
        "Every reference leads somewhere",
    )
    for slug, claims in document.claims.items():
        part = by_slug(document.sections, slug)
        name = f"in {part.title}" if part else ""
        yield _counted(
            f"evidence-{slug}",
            len(claims),
            FindingLevel.WARNING,
            f"claim without evidence {name}",
            f"claims without evidence {name}",
            f"Every claim {name} has evidence",
            slug,
        )
    cause = document.cause.slug if document.cause else ""
    worst = [each for each in document.why_problems if each.level is not FindingLevel.INFO]
    yield _counted(
        "whys",
        len(worst) if document.tree.effects else 1,
        FindingLevel.WARNING,
        "problem in the tree of whys" if document.tree.effects else "tree of whys to write",
        "problems in the tree of whys",
        "The tree of whys is complete",
        cause,
    )
    yield _counted(
        "roots",
        len(document.roots_without_action),
        FindingLevel.WARNING,
        "root without an action item",
        "roots without an action item",
        "Every root has an action item",
        cause,
    )
    yield _counted(
        "blocks",
        len(block_problems(body)),
        FindingLevel.WARNING,
        "block that is unknown or stands twice",
        "blocks that are unknown or stand twice",
        "Every block is known",
    )


def _sections_check(document: ReviewedDocument) -> DocumentCheck:
    titles = [part.title.casefold() for part in document.sections]
    missing = [title for title in REQUIRED if title.casefold() not in titles]
    double = [title for title in REQUIRED if titles.count(title.casefold()) > 1]
    if missing:
        return DocumentCheck("sections", FindingLevel.ERROR, f"No section {missing[0]}")
    if double:
        return DocumentCheck("sections", FindingLevel.WARNING, f"Two sections {double[0]}")
    return DocumentCheck("sections", None, "All sections are there")


def _unfinished_check(document: ReviewedDocument) -> DocumentCheck:
    return _counted(
        "placeholders",
        len(document.unfinished),
        FindingLevel.ERROR,
        "placeholder to replace",
        "placeholders to replace",
        "No placeholder is left",
    )


def _counted(
    check_id: str, count: int, level: FindingLevel, one: str, many: str, passed: str, section: str = ""
) -> DocumentCheck:
    if not count:
        return DocumentCheck(check_id, None, passed, section)
    return DocumentCheck(check_id, level, f"{count} {one if count == 1 else many}", section)
