"""B1, B1i and B1s: sentences about what did not happen (pure)."""

import re
from collections.abc import Iterator

from firebell.postmortems.blameless.grammar import AFTER_SUBJECT, MANNER, before, subjects
from firebell.postmortems.blameless.model import Match
from firebell.postmortems.blameless.pattern_parts import any_of, one_of, words
from firebell.postmortems.blameless.subjects import Mention

_HAVE = r"(?:['’]ve|n['’]t['’]ve| +(?:not +)?have|n['’]t +have)"
_IRREGULAR = """
    been had done gone run set put cut hit let shut split reset kept held left lost met sent spent built caught taught
    brought thought sought bought found bound told sold made paid said read led fed come become begun given taken
    written seen known shown grown thrown drawn chosen broken spoken woken driven risen understood stood won stuck
    fallen forgotten gotten got
"""
_PARTICIPLE = rf"(?:\w+ed|{one_of(_IRREGULAR)})"
_MODAL = one_of("should could might ought+to ought+not+to was+supposed+to were+supposed+to")
_COUNTERFACTUAL = re.compile(
    rf"{AFTER_SUBJECT} +(?P<modal>{_MODAL})"
    rf"(?P<not>n['’]t)?(?:{MANNER}|[ ,]+not)?{_HAVE}(?:{MANNER}|[ ,]+not)?"
    rf" +(?P<verb>{_PARTICIPLE})\b(?: +(?P<next>\w+))?",
    re.IGNORECASE,
)
_SHOULD_HAVE = re.compile(
    rf"\b(?:should|ought +(?:not +)?to)(?:n['’]t)?{MANNER}?{_HAVE}{MANNER}{{0,2}}"
    rf" +(?!been +able\b){_PARTICIPLE}\b",
    re.IGNORECASE,
)
_EXPECTED = any_of(
    r"\b(?:users?|customers?|patrons|clients?|visitors|you)(?: +\w+)? *$",
    r"\b(?:think|thought|believed?|assumed?|expected|hoped|means?|meaning)\b[^,;.]{0,60}$",
)
"""Before “should have”: what someone expected, and what people outside should have noticed of it."""
_PERCEIVED = words("seen received gotten got")
_HELPFUL = words("helped prevented avoided saved made")
_UNKNOWABLE = words("known know foreseen predicted noticed guessed seen anticipated expected")
_DONE_TO = words("able told given sent shown")
_WOULD = r"\b(?:would|could|might)(?: +not|n['’]t| +never| +also| +likely| +probably| +easily){0,2} +have\b"
_ROLE = "(?:team|engineer|developer|operator|reviewer|responder)s?"
_PEOPLE = rf"(?:we|i|someone|somebody|(?:the|an?|our) +(?:\w+ +)?{_ROLE})"
_EARLIER = r"(?:mitigated|detected|found|noticed|resolved) +(?:earlier|sooner|faster)"
_HINDSIGHT = any_of(
    r"\bif +only +(?:we|i|he|she|they|it|there|someone|(?:the +|an? +|our +)?[\w-]+(?: +[\w-]+)? +had)\b",
    rf"^had +(?:[\w-]+ +){{1,6}}?\w+.{{0,160}}?{_WOULD}",
    rf"\bif +{_PEOPLE}\b.{{0,120}}?\bhad(?: +not|n['’]t)?\b.{{0,160}}?{_WOULD}",
    rf"{_WOULD}(?: +all| +both| +\w+ly)? +been(?: +\w+ly)?"
    rf" +(?:{one_of('avoided prevented avoidable preventable caught averted')}|{_EARLIER})\b",
    r"\b(?:would|could|might)(?: +likely| +probably| +easily)? +have +(?:avoided|prevented|averted|caught)\b",
)
_NOTHING = any_of(
    r"\b(?:no|not|nothing|none|neither|never|unlikely|unclear +(?:if|whether))\b[^,;]{0,50}$",
    r"n['’]t\b[^,;]{0,50}$",
)


def counterfactuals(text: str, people: list[Mention]) -> Iterator[Match]:
    """Yield the strongest of B1, B1i and B1s."""
    first: dict[str, Match] = {}
    for match in _matches(text, people):
        first.setdefault(match.code, match)
    strongest = next((first[code] for code in ("B1", "B1i", "B1s") if code in first), None)
    if strongest:
        yield strongest


def _matches(text: str, people: list[Mention]) -> Iterator[Match]:
    judged: list[tuple[int, int]] = []
    for person in subjects(people):
        if match := _COUNTERFACTUAL.match(text, person.end):
            judged.append(match.span())
            if code := _code(match, person):
                yield Match(code, person.start, match.start("verb") - 1, text[person.start : person.end])
    for match in _SHOULD_HAVE.finditer(text):
        is_judged = any(start <= match.start() < end for start, end in judged)
        if not is_judged and not _EXPECTED.search(text, before(match), match.start()):
            yield Match("B1s", match.start(), match.end())
    for match in _HINDSIGHT.finditer(text):
        if not _NOTHING.search(text, before(match), match.start()):
            yield Match("B1i", match.start(), match.end())


def _code(match: re.Match[str], person: Mention) -> str:
    """Return the rule that a person's counterfactual breaks; empty for none."""
    modal, verb = match["modal"].lower(), match["verb"].lower()
    following = (match["next"] or "").lower()
    is_negated = bool(match["not"]) or " not " in match[0].lower()
    is_possibility = modal.startswith(("could", "might"))
    if is_possibility and (is_negated or person.is_we):  # "could not have known" defends
        return ""
    if verb in _UNKNOWABLE and is_negated:
        return ""
    if (person.is_we and verb in _PERCEIVED) or (verb in _HELPFUL and not modal.startswith("should")):
        return ""
    if verb == "been" and (following.endswith("ed") or following in _DONE_TO):
        return "B1s"
    return "B1i" if person.is_we else "B1"
