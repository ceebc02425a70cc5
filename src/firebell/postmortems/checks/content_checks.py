"""P-SECTIONS, P-EVIDENCE, P-WHYS, P-ACTIONS and P-BLAME: what the text of a post-mortem lacks (pure).

Levels are for SEV0 and SEV1; at SEV2 and SEV3 they are one lower.
"""

import hashlib
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from firebell.kit.findings import FindingLevel
from firebell.kit.text import plural
from firebell.postmortems.blameless.lint import lint
from firebell.postmortems.blameless.subjects import is_about_person, people_named
from firebell.postmortems.checks import listed_items
from firebell.postmortems.deadlines import MAJOR_SEVERITY
from firebell.postmortems.document import whys
from firebell.postmortems.document.blocks import block_lines
from firebell.postmortems.document.evidence import CLAIM_SECTIONS, claims_without_evidence
from firebell.postmortems.document.sections import REQUIRED, DocumentSection, split, titled
from firebell.postmortems.open_placeholders import unfinished

CAUSE, ACTIONS = "Root cause", "Action items"
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_SENTENCES_AT_MOST = 20
"""Findings of P-BLAME that are listed one by one."""
_HASH_CHARS = 10


@dataclass(frozen=True, slots=True)
class ContentProblem:
    """A problem of the text: the code of its rule, what identifies it, and its level for a SEV0 or SEV1."""

    code: str
    key: str
    level: FindingLevel
    message: str
    advice: str


@dataclass(frozen=True, slots=True)
class KnownWaiver:
    """A sentence that someone keeps although a rule of the wording flags it."""

    code: str
    quote: str


def content_problems(
    body: str,
    template: str,
    max_severity: int,
    names: Collection[str],
    teams: Collection[str],
    waivers: Sequence[KnownWaiver] = (),
) -> list[ContentProblem]:
    """Return the problems of a document.

    `template` is the text that it was drafted from, `names` and `teams` are those of people and teams.
    """
    sections = split(body)
    return [
        *_sections(sections, body, template),
        *_evidence(sections),
        *_whys(sections, max_severity, names),
        *_actions(sections, max_severity, teams),
        *_blame(body, names, waivers),
    ]


def _key(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:_HASH_CHARS]


def _text(sections: Sequence[DocumentSection], title: str) -> str:
    section = titled(sections, title)
    return _COMMENT.sub("", section.text).strip() if section else ""


def _sections(sections: Sequence[DocumentSection], body: str, template: str) -> Iterator[ContentProblem]:
    left = [placeholder.partition(": ")[0].casefold() for placeholder in unfinished(body, template)]
    for title in REQUIRED:
        if titled(sections, title) is None:
            problem = f"The section {title} is missing"
        elif not _text(sections, title):
            problem = f"The section {title} is empty"
        elif title.casefold() in left:
            problem = f"{title} still has text of the template"
        else:
            continue
        advice = "Write it, or write that there is nothing to say and why."
        yield ContentProblem("P-SECTIONS", title, FindingLevel.ERROR, problem, advice)


def _evidence(sections: Sequence[DocumentSection]) -> Iterator[ContentProblem]:
    for title in CLAIM_SECTIONS:
        section = titled(sections, title)
        claims = claims_without_evidence(section.text) if section else []
        if claims:
            yield ContentProblem(
                "P-EVIDENCE",
                title,
                FindingLevel.WARNING,
                f"{title} has {plural(len(claims), 'claim')} without evidence",
                f"Link what shows it, such as [t:412], or remove the claim. The first: “{claims[0].text[:120]}”",
            )


def _whys(
    sections: Sequence[DocumentSection], max_severity: int, names: Collection[str]
) -> Iterator[ContentProblem]:
    text = _text(sections, CAUSE)
    if not text:
        return
    section = titled(sections, CAUSE)
    tree = whys.parse(section.text if section else "")
    if not tree.chains and max_severity <= MAJOR_SEVERITY:
        yield ContentProblem(
            "P-WHYS",
            "none",
            FindingLevel.WARNING,
            "Root cause has no chain of whys",
            "Ask what made it possible, and again what made that possible, at least three times.",
        )
    known = people_named(names)
    lines = section.text.split("\n") if section else []
    for problem in whys.check(tree, max_severity, lambda leaf: is_about_person(leaf, known)):
        line = lines[problem.line] if problem.line < len(lines) else ""
        key = _key(f"{line}\n{problem.text}")
        message = f"Root cause: “{line.strip()[:80]}”"
        yield ContentProblem("P-WHYS", key, problem.level, message, problem.text)


def _actions(
    sections: Sequence[DocumentSection], max_severity: int, teams: Collection[str]
) -> Iterator[ContentProblem]:
    text = _text(sections, ACTIONS)
    items = listed_items.listed_actions(text)
    for item in items:
        if lacking := listed_items.problems(item, teams):
            yield ContentProblem(
                "P-ACTIONS",
                _key(item.what),
                FindingLevel.ERROR,
                f"“{item.what[:80]}” lacks {' and '.join(lacking)}",
                "Name one person, a date, and what is done to what.",
            )
    is_tracked = "ACT-" in text or any(block.name == "actions" for block in block_lines(text))
    if not items and not is_tracked and max_severity <= MAJOR_SEVERITY:
        yield ContentProblem(
            "P-ACTIONS",
            "none",
            FindingLevel.ERROR,
            "There is no action item",
            "Agree on at least one, with an owner and a date, or waive this with the reason.",
        )


def _blame(body: str, names: Collection[str], waivers: Sequence[KnownWaiver]) -> Iterator[ContentProblem]:
    kept = {(waiver.code, " ".join(waiver.quote.split())) for waiver in waivers}
    blocking = [
        finding
        for finding in lint(body, names).blocking
        if not any(code == finding.code and _overlaps(quote, finding.quote) for code, quote in kept)
    ]
    for finding in blocking[:_SENTENCES_AT_MOST]:
        key = finding.id.replace(":", "-")
        message = f"{finding.section or 'Text'}: {finding.message.removesuffix('.')}"
        yield ContentProblem("P-BLAME", key, FindingLevel.ERROR, message, finding.advice)
    more = len(blocking) - _SENTENCES_AT_MOST
    if more > 0:
        message = f"{plural(more, 'more sentence')} with words of blame"
        advice = "Rewrite the first ones, then look at the rest."
        yield ContentProblem("P-BLAME", "more", FindingLevel.ERROR, message, advice)


def _overlaps(quote: str, finding: str) -> bool:
    flagged = " ".join(finding.split())
    return bool(quote) and (quote in flagged or flagged in quote)
