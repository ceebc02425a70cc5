"""The rules B1 to B10 of the blameless lint, with their questions (pure, spec 6).

Each pattern takes linear time: it begins at a word boundary, and its repetitions are bounded.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from firebell.kit.findings import FindingLevel
from firebell.postmortems.blameless.counterfactuals import counterfactuals
from firebell.postmortems.blameless.judgments import exhortations, hindsight, judgments, punishments
from firebell.postmortems.blameless.model import Match
from firebell.postmortems.blameless.people_as_causes import errors_of_people, guilt, people_as_causes
from firebell.postmortems.blameless.subjects import Mention
from firebell.postmortems.blameless.word_lists import words


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
MATCHERS: tuple[Callable[[str, list[Mention]], Iterator[Match]], ...] = (
    counterfactuals,
    errors_of_people,
    people_as_causes,
    judgments,
    exhortations,
    hindsight,
    punishments,
    guilt,
)
_STEM_CHARS = 4
_TRIGGERS = words(
    """
    should could might ought would supposed only had error mistake failure finger fat oversight slip blunder negligen
    careless incompeten failed failing fails forg miss ignor overlook neglect disregard caus brok bother mess screw
    botch mishandl fumbl misread misjudg misunderst accident inadvert erron wrong incorrect improp unintent took brought
    trigger due because slopp reckless irrespons unprof inattent inexcus unforg lazi stupid lack judg poor care half
    known cautio vigil diligen attenti mindful harder remind retrain train reeducat educat thorough disciplin
    obvious common brainer any every easily trivial simply reprimand punish account warning performance fired
    dismiss let sack blam fault guilt better
"""
)
_STEMS = frozenset(word[:_STEM_CHARS] for word in _TRIGGERS)
_WORD = re.compile(r"[a-z]+")


def may_blame(text: str) -> bool:
    """Return False for a sentence that no rule can apply to: it has none of the words that each rule needs."""
    return any(word[:_STEM_CHARS] in _STEMS for word in _WORD.findall(text.lower()))
