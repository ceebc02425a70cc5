"""What the blameless lint finds, and the sentences that it reads (pure)."""

from dataclasses import dataclass, field

from firebell.kit.findings import Finding, FindingLevel


@dataclass(frozen=True, slots=True)
class BlameFinding(Finding):
    """A sentence that blames or judges with hindsight; `start` and `end` are characters of the whole text.

    `advice` is the question that helps to rewrite it, `message` says what was read. `replacement`, if it is
    not empty, can take the place of the characters from `start` to `end`.
    """

    start: int = field(kw_only=True)
    end: int = field(kw_only=True)
    line: int = field(kw_only=True)
    """The line of `start`; the first one is 1."""
    section: str = field(default="", kw_only=True)
    quote: str = field(default="", kw_only=True)
    replacement: str = field(default="", kw_only=True)
    waiver: str = field(default="", kw_only=True)
    """Why the author keeps the sentence, from `<!-- ok: reason -->`; empty if it is not waived."""

    @property
    def blocks(self) -> bool:
        """True if it keeps the document from being published."""
        return self.level is FindingLevel.ERROR and not self.waiver


@dataclass(frozen=True, slots=True)
class LintResult:
    """The findings of a text in the order of their place, waived ones included.

    Nothing was examined if `examined` is false: the rules are English, and `language` is not.
    """

    findings: tuple[BlameFinding, ...]
    language: str
    examined: bool

    @property
    def open(self) -> list[BlameFinding]:
        """The findings that are not waived."""
        return [finding for finding in self.findings if not finding.waiver]

    @property
    def blocking(self) -> list[BlameFinding]:
        """The findings that keep the document from being published."""
        return [finding for finding in self.findings if finding.blocks]


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence whose quotes and code are masked, with its place in the text and what applies there.

    `text` has the length of the original, so that a place in it is a place in the original.
    """

    text: str
    start: int
    section: str = ""
    in_timeline: bool = False
    waiver: str = ""


@dataclass(frozen=True, slots=True)
class Match:
    """A rule that applies to a sentence, with the characters of the sentence that made it apply."""

    code: str
    start: int
    end: int
    who: str = ""
    """The person or role that is blamed, as written; empty if there is none."""
