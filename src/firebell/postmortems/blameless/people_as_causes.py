"""B2, B3 and B10: people as the cause, and guilt (pure)."""

from collections.abc import Iterator

from firebell.postmortems.blameless.grammar import AFTER_SUBJECT, before, subjects
from firebell.postmortems.blameless.model import Match
from firebell.postmortems.blameless.pattern_parts import any_of, one_of
from firebell.postmortems.blameless.subjects import Mention

_ERROR_WORDS = "messages? pages? rates? reports? codes? logs? handling responses? budgets? counts?"
_ERROR_OF_PEOPLE = any_of(
    r"\b(?:human|operator|user(?=[- ]+(?:error|mistake)\b)|pilot|manual|admin(?:istrator)?|engineer|developer"
    r"|programmer|person(?:al|nel)?)[- ]+(?:errors?|mistakes?|failures?|fault)\b"
    rf"(?![- ]+{one_of(_ERROR_WORDS)})",
    r"\bfat[- ]?finger(?:ed|ing|s)?\b",
)
_IN_GENERAL = any_of(
    r"\b(?:assum(?:ed|ing)|suspect(?:ed|ing)|possible|potential|any|against"
    r"|(?:reduc|eliminat|minimi[sz])(?:es?|ed|ing)|(?:prevent|avoid|limit)(?:s|ed|ing)?"
    r"|(?:risks?|room|chances?|likelihood|opportunit(?:y|ies)|scope) +(?:of|for)"
    r"|(?:prone|susceptible|subject|open) +to)(?: +\w+){0,2} *$"
)
"""Words before “human error” that speak of it in general: a guard against it, or a first guess."""
_MISTAKE = one_of(
    "mistakes? errors? oversights? blunders? slips? slip-?ups? negligence carelessness incompetence"
)
_BY = any_of(rf"\b{_MISTAKE}(?: +(?:was|were|is|are))?(?: +(?:made|caused|introduced))? +(?:by|from|of) *$")
_OWN_MISTAKE = any_of(rf"['’]?s?['’]? +(?:(?:own|honest|simple|small|big) +)?{_MISTAKE}\b")
_REPAIRED = r"(?! +(?:the|a|that|this) +(?:\w+ +)?(?:dependency|loop|cycle|lock|deadlock|tie|news))"
_BLAMED = any_of(
    rf"{AFTER_SUBJECT} +(?:has +|had +|have +|having +|then +|who +)?(?P<verb>(?:"
    rf"failed +to|forgot(?:ten)?\b|missed|ignored|overlooked|neglected|disregarded|caused|broke{_REPAIRED}"
    r"|(?:did +not|didn['’]t) +bother|never +bothered|messed +up|screwed +up|botched|mishandled|blundered|fumbled"
    r"|misread|misjudged|misunderstood|took +down|brought +down|triggered +the +(?:outage|incident)"
    r"|(?:made|makes) +(?:an? +|the +|this +)?(?:\w+ +)?(?:mistakes?|errors?|blunders?)"
    r"|(?:accidentally|mistakenly|inadvertently|erroneously|wrongly|incorrectly|improperly|unintentionally)"
    r" +[a-z]+))"
)
_FORGETTING = any_of(r"(?:\b(?:and|but|then)|,) +(?:then +)?(?P<verb>(?:forgot|neglected|failed) +to)\b")
_OTHER_CLAUSE = any_of(r"\b(?:that|which|where|when|because|so)\b")
"""Words that begin a clause with another subject, to which “and failed to” may belong."""
_ASKED = any_of(r"\b(?:did|does|has|had|would) *$")
_ASKED_VERB = any_of(r" +(?:forget|forgotten|miss|ignore|overlook|neglect|fail +to|break)\b")
"""“Why did the developer forget to check” blames in the form of a question."""
_MISSED_OUT = any_of(
    r" +(?:out\b|(?:the|their|his|her|its|a|our) +(?:calls?|shift|page|lunch|meeting|flight|sla)\b)"
)
_DUE_TO = any_of(
    r"\b(?:due +to|caused +by|because +of|brought +down +by|broken +by|triggered +by)"
    r"(?: +the +(?:actions?|inaction) +of)? *$"
)
_NOT_A_COMPOUND = any_of(
    r" *(?:$|[.,;:)!?—–-])",
    r" +(?:who|that|not|being|having|is|was|were|and|or|in|on|at|from|of|with|when|while|during|by|\w+ing|\w+ed)\b",
)
"""What follows a person who is the cause; another noun makes it “due to our team structures”."""
_TO_BLAME = any_of(
    rf"{AFTER_SUBJECT} +(?:is|are|was|were|am|be|been)(?: +\w+ly| +all| +both| +also)?"
    r" +(?:to +blame|at +fault|guilty)\b",
    r"(?P<own>['’]?s?['’]? +(?:own +)?fault\b)",
)
_FAULT_OF = any_of(
    r"\b(?:fault +of|guilt +of|blame(?:d|s)?(?: +\w+)? +on|(?:we|i|to) +blame|blamed|blames|blaming) *$"
)
_PRONOUN_FAULT = any_of(r"\b(?:his|her|my) +(?:own +)?fault\b(?![- ]+(?:toleran|domain|inject))")


def errors_of_people(text: str, people: list[Mention]) -> Iterator[Match]:
    """Yield B2 for errors that are attributed to people."""
    for match in _ERROR_OF_PEOPLE.finditer(text):
        if not _IN_GENERAL.search(text, before(match), match.start()):
            yield Match("B2", match.start(), match.end())
    for person in people:
        if person.is_we:
            continue
        who = text[person.start : person.end]
        if by := _BY.search(text, before(person), person.start):
            yield Match("B2", by.start(), person.end, who)
        elif person.is_possessive and (own := _OWN_MISTAKE.match(text, person.end)):
            yield Match("B2", person.start, own.end(), who)


def people_as_causes(text: str, people: list[Mention]) -> Iterator[Match]:
    """Yield B3 for people who failed, forgot, missed, ignored, caused or broke something."""
    others = [person for person in people if not person.is_we]
    for person in others:
        if person.is_possessive:
            continue
        if span := _as_subject(text, person) or _as_cause(text, person):
            yield Match("B3", *span, text[person.start : person.end])
    blamed = next(subjects(others), None)
    match = _FORGETTING.search(text, blamed.end) if blamed else None
    if blamed and match and not _OTHER_CLAUSE.search(text, blamed.end, match.start()):
        yield Match("B3", *match.span("verb"), text[blamed.start : blamed.end])


def _as_subject(text: str, person: Mention) -> tuple[int, int] | None:
    if person.is_subject and (match := _BLAMED.match(text, person.end)):
        is_harmless = match["verb"].lower() == "missed" and _MISSED_OUT.match(text, match.end())
        return None if is_harmless else (person.start, match.end())
    asked = _ASKED_VERB.match(text, person.end)
    return (
        (person.start, asked.end()) if asked and _ASKED.search(text, before(person), person.start) else None
    )


def _as_cause(text: str, person: Mention) -> tuple[int, int] | None:
    due = _DUE_TO.search(text, before(person), person.start)
    return (due.start(), person.end) if due and _NOT_A_COMPOUND.match(text, person.end) else None


def guilt(text: str, people: list[Mention]) -> Iterator[Match]:
    """Yield B10 for people who are to blame."""
    for person in people:
        who = text[person.start : person.end]
        match = _TO_BLAME.match(text, person.end)
        is_subject = person.is_subject and not person.is_possessive
        if match and (person.is_possessive if match["own"] else is_subject):
            yield Match("B10", person.start, match.end(), who)
        elif not person.is_we and (fault := _FAULT_OF.search(text, before(person), person.start)):
            yield Match("B10", fault.start(), person.end, who)
    for match in _PRONOUN_FAULT.finditer(text):
        yield Match("B10", match.start(), match.end())
