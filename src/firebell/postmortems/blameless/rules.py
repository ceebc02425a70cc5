"""The rules B1 to B10 of the blameless lint: which words of one sentence blame (pure, spec 6).

Each pattern takes linear time: it begins at a word boundary, and its repetitions are bounded.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from firebell.kit.findings import FindingLevel
from firebell.postmortems.blameless.model import Match
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

_MANNER = r"(?:[ ,]+(?:also|then|again|still|just|simply|both|all|either|even|really|only|first|[a-z]{2,20}ly))"
_PLACE = (
    r"(?: +(?:on[- ]call|on duty|on shift)| +(?:of|from|on|in|at|for)(?: +(?:the|our|their|that|this))? +[\w-]+(?: +teams?)?"
    r"|,? *\([^()]{0,60}\)|, who [^,]{1,80},| +who)?"
)
_AFTER_SUBJECT = rf"{_PLACE}{_MANNER}{{0,2}}"
_HAVE = r"(?:['’]ve|n['’]t['’]ve| +(?:not +)?have|n['’]t +have)"
_PARTICIPLE = (
    r"(?:\w+ed|been|had|done|gone|run|set|put|cut|hit|let|shut|split|reset|kept|held|left|lost|met|sent|spent|built|caught|taught"
    r"|brought|thought|sought|bought|found|bound|told|sold|made|paid|said|read|led|fed|come|become|begun|given|taken|written|seen"
    r"|known|shown|grown|thrown|drawn|chosen|broken|spoken|woken|driven|risen|understood|stood|won|stuck|fallen|forgotten|gotten|got)"
)
_COUNTERFACTUAL = re.compile(
    rf"{_AFTER_SUBJECT} +(?P<modal>should|could|might|ought +to|ought +not +to|was +supposed +to|were +supposed +to)"
    rf"(?P<not>n['’]t)?(?:{_MANNER}|[ ,]+not)?{_HAVE}(?:{_MANNER}|[ ,]+not)?(?: +(?P<verb>{_PARTICIPLE})\b)(?: +(?P<next>\w+))?",
    re.I,
)
_SHOULD_HAVE = re.compile(
    rf"\b(?:should|ought +(?:not +)?to)(?:n['’]t)?{_MANNER}?{_HAVE}{_MANNER}{{0,2}} +(?!been +able\b){_PARTICIPLE}\b", re.I
)
_EXPECTED = re.compile(
    r"\b(?:users?|customers?|patrons|clients?|visitors|you)(?: +\w+)? *$"
    r"|\b(?:think|thought|believed?|assumed?|expected|hoped|means?|meaning)\b[^,;.]{0,60}$",
    re.I,
)
"""Before “should have”: what someone expected, and what people outside should have noticed of it."""
_PERCEIVED = frozenset("seen received gotten got".split())
_HELPFUL = frozenset("helped prevented avoided saved made".split())
_UNKNOWABLE = frozenset("known know foreseen predicted noticed guessed seen anticipated expected".split())
_HINDSIGHT = re.compile(
    r"\bif +only\b"
    r"|^had +(?:[\w-]+ +){1,6}?\w+.{0,160}?\b(?:would|could|might) +(?:not +|never +|also +)?have\b"
    r"|\bif +(?:we|i|someone|somebody|(?:the|an?|our) +(?:\w+ +)?(?:team|engineer|developer|operator|reviewer|responder)s?)\b"
    r".{0,120}?\bhad(?: +not|n['’]t)?\b.{0,160}?\b(?:would|could|might)(?: +not|n['’]t| +never| +likely| +probably)? +have\b"
    r"|\b(?:would|could|might)(?: +not|n['’]t| +never)?(?: +likely| +probably| +easily)? +have(?: +\w+ly| +all| +both)? +been +"
    r"(?:(?:easily|entirely|completely|largely|probably|quickly) +)?"
    r"(?:avoided|prevented|avoidable|preventable|caught|averted|mitigated +(?:earlier|sooner|faster)"
    r"|detected +(?:earlier|sooner|faster)|found +(?:earlier|sooner|faster)|resolved +(?:earlier|sooner|faster))\b"
    r"|\b(?:would|could|might) +(?:likely +|probably +|easily +)?have +(?:avoided|prevented|averted|caught)\b",
    re.I,
)
_NOTHING = re.compile(r"\b(?:no|not|nothing|none|neither|never|unlikely|unclear +(?:if|whether))\b[^,;]{0,50}$|n['’]t\b[^,;]{0,50}$", re.I)
_ERROR_OF_PEOPLE = re.compile(
    r"\b(?:human|operator|user(?=[- ]+(?:error|mistake)\b)|pilot|manual|admin(?:istrator)?|engineer|developer|programmer|person(?:al|nel)?)[- ]+"
    r"(?:errors?|mistakes?|failures?|fault)\b(?![- ]+(?:messages?|pages?|rates?|reports?|codes?|log|logs|handling|responses?|budgets?|count|counts))"
    r"|\bfat[- ]?finger(?:ed|ing|s)?\b",
    re.I,
)
_MISTAKE = r"(?:mistakes?|errors?|oversights?|blunders?|slip(?:[- ]?ups?)?|negligence|carelessness|incompetence)"
_BY = re.compile(rf"\b{_MISTAKE}(?: +(?:was|were|is|are))?(?: +(?:made|caused|introduced))? +(?:by|from|of) *$", re.I)
_OWN_MISTAKE = re.compile(rf"['’]?s?['’]? +(?:own +|honest +|simple +|small +|big +)?{_MISTAKE}\b", re.I)
_BLAMED_VERB = (
    r"(?:failed +to|forgot(?:ten)?\b|missed|ignored|overlooked|neglected|disregarded|caused|broke(?! +(?:the|a|that|this) +(?:\w+ +)?(?:dependency|loop|cycle|lock|deadlock|tie|news))|triggered the (?:outage|incident)"
    r"|(?:did +not|didn['’]t) +bother|never +bothered|messed +up|screwed +up|botched|mishandled|blundered|fumbled|misread"
    r"|misjudged|misunderstood|(?:made|makes) +(?:an? +|the +|this +)?(?:\w+ +)?(?:mistakes?|errors?|blunders?)"
    r"|(?:accidentally|mistakenly|inadvertently|erroneously|wrongly|incorrectly|improperly|unintentionally) +[a-z]+"
    r"|took +down|brought +down|should +know +better)"
)
_BLAMED = re.compile(rf"{_AFTER_SUBJECT} +(?:has +|had +|have +|having +|then +|who +)?(?P<verb>{_BLAMED_VERB})", re.I)
_FORGETTING = re.compile(r"\b(?:and|but|then|,) +(?:then +)?(?P<verb>(?:forgot|neglected|failed) +to)\b", re.I)
_ASKED = re.compile(r"\b(?:did|does|has|had|would) *$", re.I)
_ASKED_VERB = re.compile(r" +(?:forget|forgotten|miss|ignore|overlook|neglect|fail +to|break)\b", re.I)
"""“Why did the developer forget to check” blames in the form of a question."""
_MISSED_OUT = re.compile(r" +(?:out\b|(?:the|their|his|her|its|a|our) +(?:call|calls|shift|page|lunch|meeting|flight|sla)\b)", re.I)
_DUE_TO = re.compile(
    r"\b(?:due +to|caused +by|because +of|brought +down +by|broken +by|triggered +by)"
    r"(?: +the +(?:actions?|inaction) +of)? *$",
    re.I,
)
_JUDGMENT = re.compile(
    r"\b(?:careless(?:ly|ness)?|negligen(?:t|tly|ce)|slopp(?:y|ily|iness)|incompeten(?:t|tly|ce)|reckless(?:ly|ness)?"
    r"|irresponsibl[ey]|unprofessional(?:ly)?|inattenti(?:ve|on|veness)|inexcusabl[ey]|unforgivabl[ey]"
    r"|laziness|stupid(?:ly|ity)|stupid +(?:mistake|error|change|decision|idea)"
    r"|lack +of +(?:attention|care|diligence|discipline|competence|common +sense|effort|ownership)"
    r"|poor(?:ly)? +judge?ment|bad +judge?ment|(?:didn['’]t|did +not) +care\b|known +better|half[- ]?assed)\b(?! +cars?\b)",
    re.I,
)
_IN_GENERAL = re.compile(
    r"\b(?:assum(?:ed|ing)|suspect(?:ed|ing)|possible|potential|any|reduc(?:e|es|ed|ing)|prevent(?:s|ed|ing)?|avoid(?:s|ed|ing)?"
    r"|eliminat(?:e|es|ed|ing)|minimi[sz](?:e|es|ed|ing)|prone +to|risks? +(?:of|for)|room +for|chances? +(?:of|for)|against"
    r"|susceptible +to|likelihood +of|subject +to|opportunit(?:y|ies) +for|limit(?:s|ing)?|open +to|scope +for)(?: +\w+){0,2} *$",
    re.I,
)
"""Words before “human error” that speak of it in general: a guard against it, or a first guess."""
_TRY_HARDER = re.compile(
    r"\b(?:be|being|are|is)(?: +\w+)?? +(?:more|extra|much +more|very|especially|particularly) +"
    r"(?:careful|cautious|vigilant|diligent|attentive|mindful|thorough|disciplined)\b"
    r"|\b(?:need|needs|have|has|must|should|ought) +(?:to +)?(?:be|stay|remain) +(?:careful|cautious|vigilant|diligent|attentive|mindful)\b"
    r"|\bpay(?:ing)? +(?:more|closer|better|extra) +attention\b"
    r"|\b(?:take|taking|exercise|exercising|use|using) +(?:more|extra|better|greater) +(?:care|caution)\b"
    r"|\b(?:try|trying) +harder\b"
    r"|\bremind(?:ing|ed)? +(?:the +|our +|all +(?:of +)?(?:the +|our +)?|every +|each +|everyone|everybody|people|staff)"
    r"(?:\w+ +)?(?:teams?|engineers?|developers?|devs?|operators?|staff|people|members|colleagues|responders?|reviewers?|admins?|one|everyone|everybody)?\b"
    r"|\b(?:re-?train|re-?training|re-?educate|re-?educating)(?: +of)? +(?:the +|our +|all +(?:the +)?|every +)?"
    r"(?:[\w-]+ +)?(?:teams?|engineers?|developers?|devs?|operators?|staff|people|members|colleagues|responders?|reviewers?|admins?|everyone|everybody)\b",
    re.I,
)
_OBVIOUS = re.compile(
    r"\bcommon +sense\b|\bno[- ]brainer\b|\bany +(?:competent|reasonable|sane|decent) +\w+"
    r"|\bobviously,? +(?:we|i|he|she|nobody|no +one|(?:the +)?\w+)(?: +\w+)? +(?:did +not|didn['’]t|had +not|hadn['’]t|forgot|failed)\b"
    r"|\bobviously\b(?=.{0,80}?\b(?:should|could|would|ought|wrong|mistake|error|bad|broken|dangerous)\b)"
    r"|\b(?:it|this|that|which) +(?:was|were|is) +(?:so +|very +|quite +|pretty +|painfully +|immediately +|all +too +)?obvious(?:ly)?\b"
    r"|\b(?:should|would|must) +(?:have +)?be(?:en)? +(?:\w+ +)?obvious\b"
    r"|\bobvious +(?:mistakes?|errors?|bugs?|oversight)\b"
    r"|\b(?:easily|trivially|simply) +(?:have +)?(?:been +)?(?:\w+ +)?(?:prevented|avoided|preventable|avoidable|caught|detected|foreseen)\b"
    r"|\b(?:anyone|everyone|everybody|anybody) +(?:could|would)(?: +have)? +(?:seen|known|told|noticed)\b",
    re.I,
)
_NOT_OBVIOUS = re.compile(
    r"\b(?:not|never|no|non|nothing|hardly|isn['’]t|wasn['’]t|weren['’]t|without|less|nor|neither|far from)\b[^.;]{0,24}$|n['’]t\b[^.;]{0,24}$",
    re.I,
)
_PUNISHMENT = re.compile(
    r"\breprimand(?:s|ed|ing)?\b|\bdisciplinary\b|\b(?:was|were|be|been|get) +disciplined +(?:for|by)\b|\bpunish(?:ed|ment|ing|es)?\b"
    r"|\b(?:held|hold|holding|holds)(?: +(?!ourselves|themselves|itself)[\w'’-]+){0,4} +accountable\b"
    r"|\b(?:written|formal|final|verbal) +warning +(?:to|for|was +given)\b|\bperformance +improvement +plan\b"
    r"|\b(?:was|were|be|been|get|got) +(?:fired|dismissed|let +go|sacked) +(?:for|over|because|from +the)\b",
    re.I,
)
_TO_BLAME = re.compile(
    rf"{_AFTER_SUBJECT} +(?:is|are|was|were|am|be|been)(?: +\w+ly| +partly| +all| +both| +solely| +also)? +(?:to +blame|at +fault|guilty)\b"
    r"|(?P<own>['’]?s?['’]? +(?:own +)?fault\b)",
    re.I,
)
_FAULT_OF = re.compile(r"\b(?:fault +of|blame(?:d|s)?(?: +\w+)? +on|(?:we|i|to) +blame|blamed|blames|blaming|guilt +of) *$", re.I)
_PRONOUN_FAULT = re.compile(r"\b(?:his|her|my) +(?:own +)?fault\b(?![- ]+(?:toleran|domain|inject))", re.I)


_NOT_A_COMPOUND = re.compile(
    r" *(?:$|[.,;:)!?—–-])| +(?:who|that|not|being|having|is|was|were|and|or|in|on|at|from|of|with|when|while|during|by"
    r"|\w+ing|\w+ed)\b"
)
"""What follows a person who is the cause; another noun makes it “due to our team structures”."""


_BEFORE_CHARS = 80


def _before(place: Mention | re.Match[str]) -> int:
    """Return where to begin to look for what stands directly before a place."""
    start = place.start if isinstance(place, Mention) else place.start()
    return max(0, start - _BEFORE_CHARS)


def _subjects(people: list[Mention]) -> Iterator[Mention]:
    return (person for person in people if person.is_subject and not person.is_possessive)


def counterfactuals(text: str, people: list[Mention]) -> Iterator[Match]:
    """Yield the strongest of B1, B1i and B1s."""
    matches = {match.code: match for match in reversed([*_counterfactuals(text, people)])}
    best = next((matches[code] for code in ("B1", "B1i", "B1s") if code in matches), None)
    if best:
        yield best


def _counterfactuals(text: str, people: list[Mention]) -> Iterator[Match]:
    judged: list[tuple[int, int]] = []
    for person in _subjects(people):
        match = _COUNTERFACTUAL.match(text, person.end)
        if match is None:
            continue
        judged.append(match.span())
        verb, following = match["verb"].lower(), match["next"] or ""
        is_negated = bool(match["not"]) or " not " in match[0].lower()
        if match["modal"].lower().startswith(("could", "might")) and (is_negated or person.is_we):
            continue  # "could not have known" defends, and "we could have" weighs options
        if person.is_we and verb in _PERCEIVED:
            continue
        if verb in _HELPFUL and not match["modal"].lower().startswith("should"):
            continue
        if verb in _UNKNOWABLE and is_negated:
            continue
        end = match.start("verb") - 1
        if verb == "been" and (following.endswith("ed") or following in ("able", "told", "given", "sent", "shown")):
            code = "B1s"
        else:
            code = "B1i" if person.is_we else "B1"
        yield Match(code, person.start, end, text[person.start : person.end])
    for match in _SHOULD_HAVE.finditer(text):
        is_judged = any(start <= match.start() < end for start, end in judged)
        if not is_judged and not _EXPECTED.search(text, _before(match), match.start()):
            yield Match("B1s", match.start(), match.end())
    for match in _HINDSIGHT.finditer(text):
        if not _NOTHING.search(text, _before(match), match.start()):
            yield Match("B1i", match.start(), match.end())


def errors_of_people(text: str, people: list[Mention]) -> Iterator[Match]:
    """Yield B2 for errors that are attributed to people."""
    for match in _ERROR_OF_PEOPLE.finditer(text):
        if not _IN_GENERAL.search(text, _before(match), match.start()):
            yield Match("B2", match.start(), match.end())
    for person in people:
        if person.is_we:
            continue
        who = text[person.start : person.end]
        if by := _BY.search(text, _before(person), person.start):
            yield Match("B2", by.start(), person.end, who)
        elif person.is_possessive and (own := _OWN_MISTAKE.match(text, person.end)):
            yield Match("B2", person.start, own.end(), who)


def people_as_causes(text: str, people: list[Mention]) -> Iterator[Match]:
    """Yield B3 for people who failed, forgot, missed, ignored, caused or broke something."""
    for person in people:
        if person.is_we:
            continue
        who = text[person.start : person.end]
        if person.is_subject and not person.is_possessive and (match := _BLAMED.match(text, person.end)):
            if match["verb"].lower() == "missed" and _MISSED_OUT.match(text, match.end()):
                continue
            yield Match("B3", person.start, match.end(), who)
        elif (asked := _ASKED_VERB.match(text, person.end)) and _ASKED.search(text, _before(person), person.start):
            yield Match("B3", person.start, asked.end(), who)
        elif (
            not person.is_possessive
            and _NOT_A_COMPOUND.match(text, person.end)
            and (due := _DUE_TO.search(text, _before(person), person.start))
        ):
            yield Match("B3", due.start(), person.end, who)
    blamed = next((p for p in _subjects(people) if not p.is_we), None)
    if blamed and (match := _FORGETTING.search(text, blamed.end)):
        between = text[blamed.end : match.start()]
        if not re.search(r"\b(?:we|it|the|a|that|which)\b +\S+ *$", between, re.I):
            who = text[blamed.start : blamed.end]
            yield Match("B3", match.start("verb"), match.end("verb"), who)


def judgments(text: str, people: list[Mention]) -> Iterator[Match]:
    """Yield B5 for judgments of character."""
    for match in _JUDGMENT.finditer(text):
        yield Match("B5", match.start(), match.end())


def exhortations(text: str, people: list[Mention]) -> Iterator[Match]:
    """Yield B7 for actions that ask people to try harder."""
    for match in _TRY_HARDER.finditer(text):
        yield Match("B7", match.start(), match.end())


def hindsight(text: str, people: list[Mention]) -> Iterator[Match]:
    """Yield B8 for what was easy to know only afterwards."""
    for match in _OBVIOUS.finditer(text):
        if not _NOT_OBVIOUS.search(text, _before(match), match.start()):
            yield Match("B8", match.start(), match.end())


def punishments(text: str, people: list[Mention]) -> Iterator[Match]:
    """Yield B9 for consequences for people."""
    for match in _PUNISHMENT.finditer(text):
        yield Match("B9", match.start(), match.end())


def guilt(text: str, people: list[Mention]) -> Iterator[Match]:
    """Yield B10 for people who are to blame."""
    for person in people:
        who = text[person.start : person.end]
        match = _TO_BLAME.match(text, person.end)
        if match and (person.is_possessive if match["own"] else person.is_subject and not person.is_possessive):
            yield Match("B10", person.start, match.end(), who)
        elif not person.is_we and (fault := _FAULT_OF.search(text, _before(person), person.start)):
            yield Match("B10", fault.start(), person.end, who)
    for match in _PRONOUN_FAULT.finditer(text):
        yield Match("B10", match.start(), match.end())


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
_TRIGGERS = """
    should could might ought would supposed only had error mistake failure finger fat oversight slip blunder negligen
    careless incompeten failed failing fails forg miss ignor overlook neglect disregard caus brok bother mess screw
    botch mishandl fumbl misread misjudg misunderst accident inadvert erron wrong incorrect improp unintent took brought
    trigger due because slopp reckless irrespons unprof inattent inexcus unforg lazi stupid lack judg poor care half
    known cautio vigil diligen attenti mindful harder remind retrain train reeducat educat thorough disciplin
    obvious common brainer any every easily trivial simply reprimand punish account warning performance fired
    dismiss let sack blam fault guilt better
""".split()
_STEM_CHARS = 4
_STEMS = frozenset(word[:_STEM_CHARS] for word in _TRIGGERS)
_WORD = re.compile(r"[a-z]+")


def may_blame(text: str) -> bool:
    """Return False for a sentence that no rule can apply to: it has none of the words that each rule needs."""
    return any(word[:_STEM_CHARS] in _STEMS for word in _WORD.findall(text.lower()))
