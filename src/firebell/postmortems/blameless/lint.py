"""The blameless lint: the findings of a text (pure, spec 6)."""

import hashlib
import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence

from firebell.postmortems.blameless.language import ENGLISH, language_of
from firebell.postmortems.blameless.model import BlameFinding, LintResult, Match, Sentence
from firebell.postmortems.blameless.pattern_parts import any_of
from firebell.postmortems.blameless.rewriting import replacement
from firebell.postmortems.blameless.rules import MATCHERS, META_TRIGGERS, RULES, stems
from firebell.postmortems.blameless.sentences import sentences
from firebell.postmortems.blameless.subjects import Names, mentions, people_named

_META = any_of(
    r"\bblameless|\bno[- ]blame\b|\bwithout +blam|\bblame[- ]free\b|\bso-called\b",
    r"\b(?:not|no|never|isn['’]t|wasn['’]t|neither)(?: +\w+){0,3} +(?:human|operator|user) +errors?\b",
    r"\b(?:nobody|no[- ]one|no +individual|no +person|none)(?: +\w+){0,4} +(?:at +fault|to +blame|fault|blamed?)\b",
    r"\b(?:not|never|n['’]t|avoid|avoids|avoided|avoiding|stop|instead +of|rather +than)(?: +\w+){0,4}"
    r" +(?:blam(?:e|ed|es|ing)|guilt|punish\w*|at +fault|fault)\b",
)
"""Sentences about blame, which blame no one."""
_CONTRAST = any_of(r"\b(?:instead +of|rather +than)\b")


def _severest(matches: Iterable[Match]) -> list[Match]:
    """Return the first match of each rule."""
    first: dict[str, Match] = {}
    for match in matches:
        first.setdefault(match.code, match)
    return sorted(first.values(), key=lambda match: match.start)


def _matches(sentence: Sentence, names: Names) -> list[Match]:
    text = sentence.text
    present = stems(text)
    matchers = [matcher for matcher in MATCHERS if not present.isdisjoint(matcher.triggers)]
    if not matchers or (not present.isdisjoint(META_TRIGGERS) and _META.search(text)):
        return []
    people = mentions(text, names) if any(matcher.is_about_people for matcher in matchers) else []
    contrast = _CONTRAST.search(text)
    ends_at = contrast.start() if contrast else len(text)
    return _severest(
        match
        for matcher in matchers
        for match in matcher.find(text, people)
        if match.start < ends_at and (RULES[match.code].in_timeline or not sentence.in_timeline)
    )


def lint(text: str, people: Iterable[str] = (), section: str = "", language: str | None = None) -> LintResult:
    """Return the findings of a Markdown text, waived ones included.

    `people` are the names and handles of those whom the text may mention, `section` is the title of the section
    that the text begins in. Without a `language`, an ISO 639 code, it is guessed.
    """
    language = (language or language_of(text)).lower()
    if language.split("-")[0].split("_")[0] != ENGLISH:
        return LintResult((), language, examined=False)
    names = people_named(people)
    starts = [0, *(match.end() for match in re.finditer("\n", text))]
    ids: Counter[str] = Counter()
    blamed = tuple(
        _finding(text, sentence, match, starts, ids)
        for sentence in sentences(text, section)
        for match in _matches(sentence, names)
    )
    return LintResult(blamed, language, examined=True)


def lint_sections(sections: Sequence[Sequence[str]], people: Iterable[str] = ()) -> list[LintResult]:
    """Return the findings of each section, a title and a text."""
    names = list(people)
    return [lint(text, names, title) for title, text in sections]


def _finding(
    text: str, sentence: Sentence, match: Match, starts: list[int], ids: Counter[str]
) -> BlameFinding:
    rule = RULES[match.code]
    start, end = sentence.start + match.start, sentence.start + match.end
    quote = text[start:end]
    whole = " ".join(sentence.text.split())
    key = f"{match.code}:{hashlib.sha256(whole.encode()).hexdigest()[:12]}"
    ids[key] += 1
    who = match.who or "them"
    return BlameFinding(
        key if ids[key] == 1 else f"{key}-{ids[key]}",
        match.code,
        rule.level,
        f"“{' '.join(quote.split())}” {rule.meaning.format(who=who)}.",
        advice=rule.question.format(who=who),
        start=start,
        end=end,
        line=bisect_right(starts, start),
        section=sentence.section,
        quote=quote,
        replacement=replacement(match.code, quote),
        waiver=sentence.waiver,
    )


def findings(text: str, people: Iterable[str] = (), section: str = "") -> list[BlameFinding]:
    """Return the findings of a text that are not waived, in order of their place."""
    return lint(text, people, section).open
