"""The rules B1 to B10 of the blameless lint, with their questions (pure, spec 6).

Each pattern takes linear time: it begins at a word boundary, and its repetitions are bounded. Most sentences have none
of the words that a rule needs, so its patterns are not tried.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from firebell.kit.findings import FindingLevel
from firebell.postmortems.blameless.counterfactuals import counterfactuals
from firebell.postmortems.blameless.judgments import exhortations, hindsight, judgments, punishments
from firebell.postmortems.blameless.model import Match
from firebell.postmortems.blameless.pattern_parts import words
from firebell.postmortems.blameless.people_as_causes import errors_of_people, guilt, people_as_causes
from firebell.postmortems.blameless.subjects import Mention


@dataclass(frozen=True, slots=True)
class BlameRule:
    """One rule: its level, what it means, and the question that it asks; `{who}` is the person, if there is one."""

    code: str
    level: FindingLevel
    meaning: str
    question: str
    in_timeline: bool = False
    """True if it also applies in the timeline, where people may do and decide what they did and decided."""


RULES = {
    rule.code: rule
    for rule in (
        BlameRule(
            "B1",
            FindingLevel.ERROR,
            "judges {who} with what is known today",
            "What did it look like to {who} at that time? What made the action sensible?",
        ),
        BlameRule(
            "B1i",
            FindingLevel.WARNING,
            "describes what did not happen",
            "What happened instead? Describe that, and put the wish into an action item.",
        ),
        BlameRule(
            "B1s",
            FindingLevel.INFO,
            "describes what a system did not do",
            "What did it do, and what made it so? “The alert did not fire; its threshold was 95%.”",
        ),
        BlameRule(
            "B2",
            FindingLevel.ERROR,
            "ends the search for causes at a person",
            "A human error is a starting point: which conditions made it likely?",
            in_timeline=True,
        ),
        BlameRule(
            "B3",
            FindingLevel.ERROR,
            "makes {who} the cause",
            "What in the tool, the information or the workload made that possible for anyone?",
        ),
        BlameRule(
            "B5",
            FindingLevel.ERROR,
            "judges instead of describing",
            "What was observed? Replace the judgment with it.",
            in_timeline=True,
        ),
        BlameRule(
            "B7",
            FindingLevel.WARNING,
            "asks people to try harder",
            "Which change makes the careful way the easy way?",
        ),
        BlameRule(
            "B8",
            FindingLevel.WARNING,
            "claims that it was easy to know",
            "Was it known at that time, or only afterwards?",
        ),
        BlameRule(
            "B9",
            FindingLevel.ERROR,
            "talks about punishment",
            "Does this belong elsewhere? A review has no consequences for people.",
            in_timeline=True,
        ),
        BlameRule(
            "B10",
            FindingLevel.ERROR,
            "assigns guilt",
            "What did the whole system do that led to this?",
            in_timeline=True,
        ),
    )
}
_STEM_CHARS = 4
_WORD = re.compile(r"[a-z]+")


def _stems(listed: str) -> frozenset[str]:
    return frozenset(word[:_STEM_CHARS] for word in words(listed))


@dataclass(frozen=True, slots=True)
class Matcher:
    """What finds the matches of some rules in a sentence that has one of the words that each of them needs."""

    find: Callable[[str, list[Mention]], Iterator[Match]]
    triggers: frozenset[str]
    """How these words begin."""
    is_about_people: bool
    """False if it looks at the words alone, and not at the people in the sentence."""


MATCHERS = (
    Matcher(counterfactuals, _stems("should could might ought would supposed only"), True),
    Matcher(
        errors_of_people,
        _stems(
            "error mistake failure fault fat fatfinger oversight blunder slip negligen careless incompeten"
        ),
        True,
    ),
    Matcher(
        people_as_causes,
        _stems(
            """
            failed failing forgot miss ignore overlook neglect disregard cause because due brought broken break bother
            mess screw botch mishandle blunder fumble misread misjudge misunderstand took trigger mistake error
            accidentally inadvertently wrongly incorrectly improperly unintentionally
            """
        ),
        True,
    ),
    Matcher(
        judgments,
        _stems(
            """
            careless negligent sloppy incompetent reckless irresponsible unprofessional inattentive inexcusable
            unforgivable laziness stupid lack judgment judgement known half
            """
        ),
        False,
    ),
    Matcher(
        exhortations,
        _stems(
            """
            careful cautious vigilant diligent attentive mindful thorough disciplined attention harder remind retrain
            train reeducate educate
            """
        ),
        False,
    ),
    Matcher(
        hindsight,
        _stems("common brainer any anyone anybody everyone obvious easily trivially simply"),
        False,
    ),
    Matcher(
        punishments,
        _stems("reprimand disciplinary punish accountable warning performance fired dismissed let sacked"),
        False,
    ),
    Matcher(guilt, _stems("blame fault guilt"), True),
)
META_TRIGGERS = _stems("blame called error fault guilt punish")
"""How the words begin one of which a sentence about blame has."""


def stems(text: str) -> set[str]:
    """Return how the words of a text begin."""
    return {word[:_STEM_CHARS] for word in _WORD.findall(text.lower())}
