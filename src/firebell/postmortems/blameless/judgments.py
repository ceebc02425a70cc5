"""B5, B7, B8 and B9: judgments, exhortations, hindsight and punishment (pure)."""

from collections.abc import Iterator

from firebell.postmortems.blameless.grammar import before
from firebell.postmortems.blameless.model import Match
from firebell.postmortems.blameless.pattern_parts import any_of, one_of
from firebell.postmortems.blameless.subjects import Mention

_JUDGMENT = any_of(
    r"\b(?:careless(?:ly|ness)?|negligen(?:t|tly|ce)|slopp(?:y|ily|iness)|incompeten(?:t|tly|ce)"
    r"|reckless(?:ly|ness)?|irresponsibl[ey]|unprofessional(?:ly)?|inattenti(?:ve|on|veness)|inexcusabl[ey]"
    r"|unforgivabl[ey]|laziness|stupid(?:ly|ity)|stupid +(?:mistake|error|change|decision|idea)"
    r"|lack +of +(?:attention|care|diligence|discipline|competence|common +sense|effort|ownership)"
    r"|(?:poor(?:ly)?|bad) +judge?ment|(?:didn['’]t|did +not) +care|known +better|half[- ]?assed)\b"
)
_CAREFUL = one_of("careful cautious vigilant diligent attentive mindful thorough disciplined")
_EVERYONE = one_of(
    "teams? engineers? developers? devs? operators? staff people members colleagues responders? reviewers? admins?"
    " everyone everybody"
)
_ALL = r"(?:the +|our +|all +(?:of +)?(?:the +|our +)?|every +|each +)"
_TRY_HARDER = any_of(
    rf"\b(?:be|being|are|is)(?: +\w+)?? +(?:more|extra|much +more|very|especially|particularly) +{_CAREFUL}\b",
    rf"\b(?:needs?|have|has|must|should|ought) +(?:to +)?(?:be|stay|remain) +{_CAREFUL}\b",
    r"\bpay(?:ing)? +(?:more|closer|better|extra) +attention\b",
    r"\b(?:take|taking|exercise|exercising|use|using) +(?:more|extra|better|greater) +(?:care|caution)\b",
    r"\b(?:try|trying) +harder\b",
    rf"\bremind(?:ing|ed)? +{_ALL}?(?:[\w-]+ +)?{_EVERYONE}\b",
    rf"\b(?:re-?train|re-?training|re-?educate|re-?educating)(?: +of)? +{_ALL}?(?:[\w-]+ +)?{_EVERYONE}\b",
)
_VERY = r"(?:(?:so|very|quite|pretty|painfully|immediately|all +too) +)?"
_OBVIOUS = any_of(
    r"\bcommon +sense\b",
    r"\bno[- ]brainer\b",
    r"\bany +(?:competent|reasonable|sane|decent) +\w+",
    r"\bobviously,? +(?:we|i|he|she|nobody|no +one|someone)"
    r" +(?:did +not|didn['’]t|had +not|hadn['’]t|forgot|failed)\b",
    r"\bobviously\b(?=.{0,80}?\b(?:should|could|would|ought|wrong|mistake|error|bad|broken|dangerous)\b)",
    rf"\b(?:it|this|that|which) +(?:was|were|is) +{_VERY}obvious(?:ly)?\b",
    r"\b(?:should|would|must) +(?:have +)?be(?:en)? +(?:\w+ +)?obvious\b",
    r"\bobvious +(?:mistakes?|errors?|bugs?|oversight)\b",
    r"\b(?:easily|trivially|simply) +(?:have +)?(?:been +)?(?:\w+ +)?"
    r"(?:prevented|avoided|preventable|avoidable|caught|detected|foreseen)\b",
    r"\b(?:anyone|everyone|everybody|anybody) +(?:could|would)(?: +have)? +(?:seen|known|told|noticed)\b",
)
_NOT = any_of(
    r"\b(?:not|never|no|non|nothing|hardly|without|less|nor|neither|far from)\b[^.;]{0,24}$",
    r"n['’]t\b[^.;]{0,24}$",
)
_PUNISHMENT = any_of(
    r"\breprimand(?:s|ed|ing)?\b",
    r"\bdisciplinary\b",
    r"\b(?:was|were|be|been|get) +disciplined +(?:for|by)\b",
    r"\bpunish(?:ed|ment|ing|es)?\b",
    r"\b(?:held|hold|holding|holds)(?: +(?!ourselves|themselves|itself)[\w'’-]+){0,4} +accountable\b",
    r"\b(?:written|formal|final|verbal) +warning +(?:to|for|was +given)\b",
    r"\bperformance +improvement +plan\b",
    r"\b(?:was|were|be|been|get|got) +(?:fired|dismissed|let +go|sacked) +(?:for|over|because|from +the)\b",
)


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
        if not _NOT.search(text, before(match), match.start()):
            yield Match("B8", match.start(), match.end())


def punishments(text: str, people: list[Mention]) -> Iterator[Match]:
    """Yield B9 for consequences for people."""
    for match in _PUNISHMENT.finditer(text):
        yield Match("B9", match.start(), match.end())
